"""A subscription lasts as long as its token and its member's roles, to the commit."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from governance.membership import add_member, revoke_token
from governance.platforms import Member, Token
from governance.words import MemberKind, Role
from tests.api.subscriptions.living import EVENTS, Live, following, socket
from tests.api.subscriptions.test_events import streaming
from tests.builders import NOW, Team

ENDED = "the token has ended, or its member's roles have changed"
ERROR = {"message": ENDED, "extensions": {"code": "UNAUTHENTICATED"}}


def revoke(session: Session, member_id: str) -> None:
    for token in session.exec(select(Token).where(Token.member_id == member_id)):
        revoke_token(session, token.id, now=NOW)


def change_roles(session: Session, domain: str, member_id: str, *roles: Role) -> None:
    handle = session.get_one(Member, member_id).handle
    add_member(session, domain, handle, list(roles), now=NOW, kind=MemberKind.PERSON)


def test_a_revoked_token_is_told_nothing_that_comes_after(node: Live, team: Team) -> None:
    node.issue(team.issuer)
    with following(node, team.reader) as subscriber, following(node) as public:
        assert subscriber.next()["subject"]
        node.world.do(revoke, team.reader.member_id)
        node.issue(team.issuer)
        assert subscriber.receive() == {"type": "error", "id": "1", "payload": [ERROR]}
        assert subscriber.closed() == (4403, ENDED)
        assert len(public.take(2)) == 2  # nobody else notices


def test_an_expired_token_ends_its_subscription(node: Live, team: Team) -> None:
    token = node.token(team.reader, lifetime=timedelta(hours=1))
    with following(node, token) as subscriber:
        assert subscriber.is_quiet(0.05)
        node.clock.forward(timedelta(hours=1) - timedelta(microseconds=1))
        node.issue(team.issuer)
        assert subscriber.next()
        node.clock.forward(timedelta(microseconds=1))
        assert subscriber.receive()["payload"] == [ERROR]
        assert subscriber.closed() == (4403, ENDED)


@pytest.mark.parametrize("roles", [[Role.RESEARCHER], [Role.READER, Role.ISSUER]])
def test_other_roles_end_a_subscription(node: Live, team: Team, roles: list[Role]) -> None:
    with following(node, team.reader) as subscriber:
        assert subscriber.is_quiet(0.05)
        node.world.do(change_roles, team.platform.domain, team.reader.member_id, *roles)
        assert subscriber.closed() == (4403, ENDED)
    with following(node, team.reader) as subscriber:  # who comes again has what it has now
        assert subscriber.is_quiet(1.3)


def test_a_socket_without_a_subscription_ends_with_its_token_too(node: Live, team: Team) -> None:
    with socket(node.address) as client:
        client.init(node.headers(team.reader)["Authorization"].removeprefix("Bearer "))
        node.world.do(revoke, team.reader.member_id)
        assert client.closed() == (4403, ENDED)


def test_an_event_stream_ends_with_its_token(node: Live, team: Team) -> None:
    with streaming(node, {"query": EVENTS}, **node.headers(team.reader)) as stream:
        node.issue(team.issuer)
        assert stream.next()["data"]
        node.world.do(revoke, team.reader.member_id)
        node.issue(team.issuer)
        assert stream.next() == {"errors": [ERROR]}
        assert stream.is_complete()
