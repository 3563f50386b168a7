"""Platforms, members and tokens: what lets somebody act, and what no longer does."""

from datetime import timedelta

import pytest
from sqlmodel import select

from governance import membership
from governance.errors import RefusalCode, Refused
from governance.membership import TOKEN_PREFIX, Actor
from governance.platforms import Platform, Token
from governance.settings import token_hash
from governance.words import MemberKind, Role
from tests.builders import DAY, MICRO, NOW, World, refused

DOMAIN = "a.example"


def token_of(world: World, lifetime: timedelta | None = None) -> str:
    world.do(membership.add_platform, DOMAIN, "A", now=NOW)
    world.do(membership.add_member, DOMAIN, "mod", [Role.ISSUER], now=NOW)
    return world.do(membership.create_token, DOMAIN, "mod", now=NOW, lifetime=lifetime)


def actor_of(world: World, token: str, later: timedelta = 0 * DAY) -> Actor:
    return world.do(membership.authenticate, token, now=NOW + later)


def stored(world: World) -> Token:
    with world.database.reading() as session:
        return session.exec(select(Token)).one()


def test_an_unknown_token_opens_nothing(world: World) -> None:
    token = token_of(world)
    for wrong in ("", "cty_", token[:-1], token.upper(), token_hash(token)):
        with refused(world, RefusalCode.UNAUTHENTICATED):
            actor_of(world, wrong)


def test_a_token_acts_for_its_member(world: World) -> None:
    actor = actor_of(world, token_of(world))
    assert (actor.kind, actor.roles) == (MemberKind.PERSON, frozenset({Role.ISSUER}))
    assert actor.token_id == stored(world).id


def test_only_a_tokens_hash_is_stored(world: World) -> None:
    token = token_of(world)
    assert token.startswith(TOKEN_PREFIX)
    assert stored(world).hash == token_hash(token)
    assert token.removeprefix(TOKEN_PREFIX) not in repr(world.snapshot())


def test_a_token_expires_to_the_microsecond(world: World) -> None:
    token = token_of(world, 90 * DAY)
    actor_of(world, token, 90 * DAY - MICRO)
    with refused(world, RefusalCode.UNAUTHENTICATED):
        actor_of(world, token, 90 * DAY)


def test_a_token_without_a_lifetime_lasts(world: World) -> None:
    actor_of(world, token_of(world), 5000 * DAY)


@pytest.mark.parametrize("lifetime", [0 * DAY, -DAY])
def test_a_lifetime_is_above_zero(world: World, lifetime: timedelta) -> None:
    token_of(world)
    with refused(world, RefusalCode.INVALID_INPUT, "expiresIn"):
        world.do(membership.create_token, DOMAIN, "mod", now=NOW, lifetime=lifetime)


def test_a_revoked_token_is_dead_from_then_on(world: World) -> None:
    token = token_of(world)
    token_id = stored(world).id
    world.do(membership.revoke_token, token_id, now=NOW + DAY)
    with refused(world, RefusalCode.UNAUTHENTICATED):
        actor_of(world, token)
    world.do(membership.revoke_token, token_id, now=NOW + 2 * DAY)
    assert stored(world).revoked_at == NOW + DAY
    with refused(world, RefusalCode.NOT_FOUND):
        world.do(membership.revoke_token, "tok_absent", now=NOW)


def test_unknown_expired_and_revoked_sound_alike(world: World) -> None:
    token = token_of(world, DAY)
    said = set()
    for attempt, later in [("cty_unknown", 0 * DAY), (token, DAY)]:
        with pytest.raises(Refused) as refusal:
            actor_of(world, attempt, later)
        said.add(refusal.value.message)
    world.do(membership.revoke_token, stored(world).id, now=NOW)
    with pytest.raises(Refused) as refusal:
        actor_of(world, token)
    assert said == {refusal.value.message}


def test_the_last_use_is_kept_to_five_minutes(world: World) -> None:
    token_of(world)
    token_id = stored(world).id
    minutes = timedelta(minutes=1)
    for later, kept in [(0, 0), (4, 0), (5, 0), (6, 6), (10, 6)]:
        world.do(membership.record_use, token_id, now=NOW + later * minutes)
        assert stored(world).last_used_at == NOW + kept * minutes


def test_roles_given_anew_replace_the_old_ones(world: World) -> None:
    token = token_of(world)
    world.do(membership.add_member, DOMAIN, "mod", [Role.READER, Role.READER], now=NOW)
    assert actor_of(world, token).roles == {Role.READER}
    with refused(world, RefusalCode.CONFLICT, "kind"):
        world.do(
            membership.add_member, DOMAIN, "mod", [Role.READER], now=NOW, kind=MemberKind.SERVICE
        )


def test_a_platform_is_added_once_under_its_canonical_domain(world: World) -> None:
    platform = world.do(membership.add_platform, "Bücher.EXAMPLE.", None, now=NOW)
    assert (platform.domain, platform.name) == ("xn--bcher-kva.example", "xn--bcher-kva.example")
    with refused(world, RefusalCode.CONFLICT, "domain"):
        world.do(membership.add_platform, "xn--bcher-kva.example", "Again", now=NOW)
    with refused(world, RefusalCode.INVALID_INPUT, "domain"):
        world.do(membership.add_platform, "https://a.example/", None, now=NOW)
    with world.database.reading() as session:
        assert session.exec(select(Platform)).one() == platform


@pytest.mark.parametrize(
    ("handle", "roles", "field"), [("", [Role.READER], "handle"), ("x", [], "roles")]
)
def test_a_member_has_a_handle_and_a_role(
    world: World, handle: str, roles: list[Role], field: str
) -> None:
    world.do(membership.add_platform, DOMAIN, None, now=NOW)
    with refused(world, RefusalCode.INVALID_INPUT, field):
        world.do(membership.add_member, DOMAIN, handle, roles, now=NOW)


def test_a_token_needs_a_member_of_a_platform(world: World) -> None:
    world.do(membership.add_platform, DOMAIN, None, now=NOW)
    with refused(world, RefusalCode.NOT_FOUND, "handle"):
        world.do(membership.create_token, DOMAIN, "nobody", now=NOW, lifetime=None)
    with refused(world, RefusalCode.NOT_FOUND, "platform"):
        world.do(membership.create_token, "b.example", "nobody", now=NOW, lifetime=None)
