"""Who holds a token is the same by the compiled read as by `governance.membership`."""

from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from api.auth import Members
from api.reads.stores import store
from governance.errors import Unauthenticated
from governance.membership import Actor, authenticate, create_token, revoke_token
from governance.platforms import Member, Platform, Token
from governance.settings import token_hash
from tests.builders import HOUR, MICRO, NOW, World

MEMBERS = sa.select(col(Platform.domain), col(Member.handle)).join(Member)


def tokens(world: World) -> list[str]:
    """Of every member one that lasts, one that ends, and one that was revoked."""
    with world.database.writing() as session:
        made = [
            create_token(session, domain, handle, now=NOW, lifetime=lifetime)
            for domain, handle in session.execute(MEMBERS).all()
            for lifetime in (None, HOUR, None)
        ]
        for token in made[2::3]:
            held = session.exec(select(Token).where(Token.hash == token_hash(token))).one()
            revoke_token(session, held.id, now=NOW)
    return made


def by_rule(world: World, token: str, now: datetime) -> Actor | None:
    with world.database.reading() as session:
        try:
            return authenticate(session, token, now=now)
        except Unauthenticated:
            return None


async def by_read(members: Members, token: str) -> Actor | None:
    try:
        return await members.actor(f"Bearer {token}".encode())
    except Unauthenticated:
        return None


@pytest.mark.parametrize("now", [NOW + HOUR - MICRO, NOW + HOUR])
async def test_tokens_are_held_by_whom_the_rules_say(rich_url: str, now: datetime) -> None:
    with World(rich_url) as world:
        reads = store(rich_url, 1, seconds=120)
        await reads.open()
        members = Members(world.database, reads, lambda: now)
        try:
            shown = [*tokens(world), "cty_unknown"]
            found = [await by_read(members, token) for token in shown]
        finally:
            await members.close()
            await reads.close()
        assert found == [by_rule(world, token, now) for token in shown]
        ends = len(shown) // 3 if now == NOW + HOUR else 0
        assert found.count(None) == 1 + len(shown) // 3 + ends
