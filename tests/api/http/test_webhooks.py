"""Webhooks: each receiver gets what its platform may know, once it happened, until it took it."""

import hmac
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.push import delivering, webhooks
from api.reads import stretches
from governance import receivers
from governance.feed import newest_position
from governance.receivers import Letter, Receiver
from governance.rules.delivery import LONGEST_PAUSE, MOST_ATTEMPTS
from governance.words import LetterState, ReceiverStatus
from tests.api.http.outside import Node
from tests.builders import DAY, KEYS, NOW, Team
from tests.receiving import Endpoint, Got, receiving
from tests.waiting import PATIENCE, until_so

ELSEWHERE = (("elsewhere.invalid", "127.0.0.1", 9),)  # with a test network, loopback is allowed


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let looks follow each other at once."""
    monkeypatch.setattr(delivering, "EVERY", timedelta(seconds=0.03))


@pytest.fixture
def node(database_url: str, tmp_path: Path) -> Iterator[Node]:
    """Yield a node that may post to this machine, on each engine."""
    with Node(database_url, tmp_path / "comity.key", test_network=ELSEWHERE) as node:
        yield node


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Yield a receiver that takes everything."""
    with receiving(Endpoint()) as endpoint:
        yield endpoint


def add(node: Node, team: Team, endpoint: Endpoint, **wanted: Any) -> Receiver:
    return node.world.do(
        receivers.add_webhook,
        team.platform.domain,
        endpoint.url,
        wanted=wanted,
        after=None,
        now=NOW,
    )


def state(node: Node, receiver: Receiver) -> Receiver:
    with node.world.database.reading() as session:
        return session.get_one(Receiver, receiver.id)


def letters(node: Node) -> list[Letter]:
    with node.world.database.reading() as session:
        return receivers.letters(session)


def settled(node: Node, receiver: Receiver, attempts: int = 0) -> Receiver:
    """The receiver, once so many attempts failed in a row, or all of the feed is done with."""
    until = time.monotonic() + PATIENCE
    while True:
        found = state(node, receiver)
        with node.world.database.reading() as session:
            is_done = found.position == newest_position(session)
        if found.attempts == attempts and (attempts or is_done):
            return found
        assert time.monotonic() < until, found
        time.sleep(0.01)


def is_signed(got: Got, secret: str) -> bool:
    """As Standard Webhooks says that a receiver checks it."""
    key = b64decode(secret.removeprefix("whsec_"))
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = b64encode(hmac.digest(key, signed, "sha256")).decode()
    given = [one.split(",") for one in got.headers["webhook-signature"].split(" ")]
    return any(version == "v1" and value == expected for version, value in given)


def types(got: list[Got]) -> list[str]:
    return [one.json["type"] for one in got]


def test_an_event_is_sent_as_it_happens_and_not_at_the_next_look(
    node: Node, team: Team, partner: Team, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(node, partner, endpoint)
    node.issue(team.issuer)
    endpoint.waited(1)
    monkeypatch.setattr(delivering, "EVERY", timedelta(hours=1))
    time.sleep(0.5)  # the last look that was short
    for number in range(2, 5):
        node.issue(team.issuer)
        endpoint.waited(number)


def test_an_event_comes_signed_as_the_feed_has_it(
    node: Node, team: Team, partner: Team, endpoint: Endpoint
) -> None:
    receiver = add(node, partner, endpoint)
    sanction = node.issue(team.issuer)["sanction"]
    [got] = endpoint.waited(1)
    assert got.path == "/events?for=us"
    assert got.headers["content-type"] == "application/json"
    assert is_signed(got, webhooks.secret(KEYS, receiver))
    later = Receiver.model_validate(receiver.model_dump() | {"generation": 1})
    assert not is_signed(got, webhooks.secret(KEYS, later))
    asked = "{ eventPage { nodes { cursor type occurredAt subject sanction { id expiresAt } } } }"
    [event] = node.data(asked, by=partner.reader)["eventPage"]["nodes"]
    told = got.json
    assert told["sanction"]["id"] == sanction["id"]
    assert {**told, "sanction": event["sanction"]} == told | event
    assert told["subject"].startswith("acct:")
    assert settled(node, receiver).problem is None


def test_each_receiver_gets_what_its_platform_may_know(
    node: Node, team: Team, partner: Team, endpoint: Endpoint
) -> None:
    with receiving(Endpoint()) as own:
        add(node, partner, endpoint)
        add(node, team, own)
        node.issue(team.issuer, audience="OWN")
        assert endpoint.waited(1)[0].json["subject"] is None
        assert own.waited(1)[0].json["subject"].startswith("acct:")


def test_a_notice_is_for_the_host_alone(
    node: Node, team: Team, partner: Team, endpoint: Endpoint
) -> None:
    with receiving(Endpoint()) as third:
        add(node, partner, endpoint)
        other = add(node, node.world.team("third.example"), third)
        node.issue(team.issuer, subject=f"acct:ann@{partner.platform.domain}")
        assert types(endpoint.waited(2)) == ["SANCTION_ISSUED", "NOTICE_DUE"]
        assert endpoint.got[1].json["notice"]["reason"] == "You threatened somebody"
        settled(node, other)
        assert types(third.got) == ["SANCTION_ISSUED"]


def test_only_what_is_wanted_comes_and_the_rest_is_done_with(
    node: Node, team: Team, endpoint: Endpoint
) -> None:
    receiver = add(node, team, endpoint, types=["SANCTION_LIFTED"])
    sanction = node.issue(team.issuer)["sanction"]
    settled(node, receiver)
    node.do("LiftSanction", team.issuer, sanctionId=sanction["id"], reason="clemency")
    settled(node, receiver)
    assert types(endpoint.got) == ["SANCTION_LIFTED"]


def test_what_is_rare_comes_however_long_the_feed_is(
    node: Node, team: Team, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretches, "WINDOW", 2)
    receiver = add(node, team, endpoint, types=["SANCTION_LIFTED"])
    sanctions = [node.issue(team.issuer)["sanction"]["id"] for _ in range(5)]
    for number in (0, 4):
        node.do("LiftSanction", team.issuer, sanctionId=sanctions[number], reason="clemency")
        node.issue(team.issuer)
    settled(node, receiver)
    assert types(endpoint.got) == ["SANCTION_LIFTED"] * 2


def test_what_fails_is_tried_again_with_the_same_id_and_in_order(
    node: Node, team: Team, endpoint: Endpoint
) -> None:
    endpoint.answers = lambda _: (500, b"")
    receiver = add(node, team, endpoint)
    sanction = node.issue(team.issuer)["sanction"]
    node.do("LiftSanction", team.issuer, sanctionId=sanction["id"], reason="clemency")
    failed = settled(node, receiver, attempts=1)
    assert failed.problem == "status 500"
    assert failed.next_at is not None
    assert timedelta(seconds=2.5) <= failed.next_at - node.clock.now <= timedelta(seconds=5)
    time.sleep(0.2)
    assert len(endpoint.got) == 1  # not before its time
    endpoint.answers = lambda _: (200, b"")
    node.clock.forward(timedelta(seconds=5))
    assert types(endpoint.waited(3)) == ["SANCTION_ISSUED", "SANCTION_ISSUED", "SANCTION_LIFTED"]
    ids = [got.headers["webhook-id"] for got in endpoint.got]
    assert ids[0] == ids[1] != ids[2]
    assert settled(node, receiver).attempts == 0


@pytest.mark.parametrize("status", [503, 429, 401])
def test_an_event_is_never_given_up_where_nothing_is_wrong_with_it(
    node: Node, team: Team, endpoint: Endpoint, status: int
) -> None:
    endpoint.answers = lambda _: (status, b"")
    receiver = add(node, team, endpoint)
    node.issue(team.issuer)
    for attempt in range(1, MOST_ATTEMPTS + 3):
        settled(node, receiver, attempts=attempt)
        node.clock.forward(LONGEST_PAUSE)
    assert letters(node) == []


def test_what_is_given_up_is_a_dead_letter_and_can_be_replayed(
    node: Node, team: Team, endpoint: Endpoint
) -> None:
    first = node.issue  # the event that the receiver can't stand
    receiver = add(node, team, endpoint)
    refused = "acct:poison@elsewhere.example"
    endpoint.answers = lambda got: (500 if got.json["subject"] == refused else 200, b"")
    first(team.issuer, subject=refused)
    settled(node, receiver, attempts=1)
    node.issue(team.issuer)
    for attempt in range(2, MOST_ATTEMPTS):
        node.clock.forward(LONGEST_PAUSE)
        settled(node, receiver, attempts=attempt)
    node.clock.forward(LONGEST_PAUSE)
    settled(node, receiver)
    [letter] = letters(node)
    assert (letter.receiver_id, letter.state) == (receiver.id, LetterState.DEAD)
    assert letter.problem == "status 500"
    assert endpoint.got[-1].json["subject"] != refused  # the next one came through
    count = len(endpoint.got)
    assert node.world.do(receivers.replay, receiver.id) == 1
    endpoint.waited(count + 1)  # still refused: it is dead again at once
    until_so(lambda: [one.state for one in letters(node)] == [LetterState.DEAD])
    endpoint.answers = lambda _: (200, b"")
    assert node.world.do(receivers.replay, receiver.id, [letter.position]) == 1
    got = endpoint.waited(count + 2)[-1]
    assert got.headers["webhook-id"] == endpoint.got[0].headers["webhook-id"]
    until_so(lambda: not letters(node))


def test_a_receiver_that_is_down_gets_all_of_it_later(
    node: Node, team: Team, endpoint: Endpoint
) -> None:
    down = Endpoint(port=1)
    receiver = add(node, team, down)
    for _ in range(20):
        node.issue(team.issuer)
    assert settled(node, receiver, attempts=1).problem == "not reached"
    with node.world.database.writing() as session:
        session.get_one(Receiver, receiver.id).url = endpoint.url
    node.clock.forward(LONGEST_PAUSE)
    endpoint.waited(20)
    settled(node, receiver)
    ids = [got.headers["webhook-id"] for got in endpoint.got]
    assert len(ids) == len(set(ids)) == 20


def test_one_that_never_answers_holds_up_no_other(
    node: Node, team: Team, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "PATIENCE", timedelta(seconds=0.5))

    def sleeps(_: Got) -> tuple[int, bytes]:
        time.sleep(1)
        return 200, b""

    with receiving(Endpoint(sleeps)) as slow:
        receiver = add(node, team, slow)
        add(node, team, endpoint)
        node.issue(team.issuer)
        assert settled(node, receiver, attempts=1).problem == "no answer in time"
        assert endpoint.waited(1)


def test_a_redirect_isn_t_followed(node: Node, team: Team, endpoint: Endpoint) -> None:
    endpoint.answers = lambda _: (302, b"")
    receiver = add(node, team, endpoint)
    node.issue(team.issuer)
    assert settled(node, receiver, attempts=1).problem == "status 302"
    assert len(endpoint.got) == 1


def test_a_receiver_that_is_gone_is_asked_no_more(
    node: Node, team: Team, endpoint: Endpoint
) -> None:
    endpoint.answers = lambda _: (410, b"")
    receiver = add(node, team, endpoint)
    node.issue(team.issuer)
    endpoint.waited(1)
    until_so(lambda: state(node, receiver).status is ReceiverStatus.DISABLED)


def test_what_a_paused_receiver_missed_comes_later(
    node: Node, team: Team, endpoint: Endpoint
) -> None:
    receiver = add(node, team, endpoint)
    node.world.do(receivers.set_status, receiver.id, ReceiverStatus.PAUSED, "moving house")
    node.issue(team.issuer)
    time.sleep(0.2)
    assert endpoint.got == []
    node.world.do(receivers.set_status, receiver.id, ReceiverStatus.ENABLED, None)
    assert endpoint.waited(1)


def test_what_was_erased_before_it_was_sent_is_not_sent(
    node: Node, team: Team, endpoint: Endpoint
) -> None:
    endpoint.answers = lambda _: (503, b"")
    receiver = add(node, team, endpoint)
    subject = "acct:forgotten@elsewhere.example"
    sanction = node.issue(team.issuer, subject=subject, explanation="A person did it")["sanction"]
    settled(node, receiver, attempts=1)
    endpoint.got.clear()
    node.do("EraseSubject", team.admin, subject=subject, reason="asked to")
    endpoint.answers = lambda _: (200, b"")
    node.clock.forward(LONGEST_PAUSE)
    assert types(endpoint.waited(2)) == ["SANCTION_ISSUED", "SANCTION_REDACTED"]
    for got in endpoint.got:
        assert b"forgotten" not in got.body
        assert b"A person" not in got.body
        assert got.json["sanction"]["id"] == sanction["id"]


def test_after_a_rotation_both_secrets_check(node: Node, team: Team, endpoint: Endpoint) -> None:
    receiver = add(node, team, endpoint)
    old = webhooks.secret(KEYS, receiver)
    new = webhooks.secret(KEYS, node.world.do(receivers.rotate, receiver.id))
    node.issue(team.issuer)
    [got] = endpoint.waited(1)
    assert old != new
    assert is_signed(got, old)
    assert is_signed(got, new)


def test_nothing_is_sent_to_this_network_by_a_node_of_the_world(
    sqlite_url: str, tmp_path: Path, endpoint: Endpoint
) -> None:
    with Node(sqlite_url, tmp_path / "comity.key") as node:
        team = node.world.team()
        receiver = add(node, team, endpoint)
        node.issue(team.issuer)
        assert settled(node, receiver, attempts=1).problem == "its address isn't public"
    assert endpoint.got == []


def test_a_receiver_removed_takes_its_letters_along(
    node: Node, team: Team, endpoint: Endpoint
) -> None:
    receiver = add(node, team, endpoint)
    node.world.do(receivers.bury, receiver.id, 1, "status 400", now=NOW + DAY)
    node.world.do(receivers.remove, receiver.id)
    assert letters(node) == []
