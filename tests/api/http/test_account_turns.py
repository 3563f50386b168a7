"""RISC's events: from an account's own host alone, in time, once, and never of what was erased."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from api.push.sets import RISC
from governance import receivers
from governance.fields import print_instant
from governance.turns import Mark, Turn
from tests.api.http.outside import Node
from tests.api.http.streaming import BASE, Streams, claims, found, issuing, letters
from tests.builders import DAY, HOUR, NOW, Team
from tests.receiving import Endpoint
from tests.waiting import until_so

DISABLED, ENABLED = f"{RISC}account-disabled", f"{RISC}account-enabled"
BOTH = [DISABLED, ENABLED]
ANN = "acct:ann@mod.example"


def turns(node: Node) -> list[Turn]:
    with node.world.database.reading() as session:
        return list(session.exec(select(Turn).order_by(Turn.position)))  # type: ignore[arg-type]


def watched(node: Node) -> None:
    """Waits until the node looks at accounts."""

    def is_so() -> bool:
        with node.world.database.reading() as session:
            return session.get(Mark, 1) is not None

    until_so(is_so)


def told(node: Node, endpoint: Endpoint, count: int) -> list[dict[str, Any]]:
    return [claims(node, got.body.decode()) for got in endpoint.waited(count)]


def uris(all_: list[dict[str, Any]]) -> list[str]:
    return [uri for one in all_ for uri in one["events"]]


def test_an_accounts_host_tells_when_it_is_closed_and_opens_again(
    issuer: Node, streams: Streams, team: Team, endpoint: Endpoint
) -> None:
    watched(issuer)
    streams.push(endpoint, events_requested=BOTH)
    end = NOW + DAY
    sanction = issuer.issue(team.issuer, subject=ANN, expiresAt=print_instant(end))["sanction"]
    [first] = told(issuer, endpoint, 1)
    assert first["events"] == {DISABLED: {}}
    assert first["sub_id"] == {"format": "account", "uri": ANN}
    assert first["iss"] == f"{BASE}/mod.example"
    assert (first["txn"], first["toe"]) == (sanction["id"], int(NOW.timestamp()))
    assert "exp" not in first
    issuer.clock.forward(DAY + HOUR)  # the issuer looks late, and says when it was
    _, second = told(issuer, endpoint, 2)
    assert second["events"] == {ENABLED: {}}
    assert second["toe"] == int(end.timestamp())
    assert second["sub_id"] == first["sub_id"]
    assert second["jti"] != first["jti"]


def test_only_the_union_is_told_and_only_what_is_permanent_has_a_reason(
    issuer: Node, streams: Streams, team: Team, endpoint: Endpoint
) -> None:
    watched(issuer)
    streams.push(endpoint, events_requested=BOTH)
    first = issuer.issue(team.issuer, subject=ANN)["sanction"]["id"]
    told(issuer, endpoint, 1)
    second = issuer.issue(team.issuer, subject=ANN, category="SCAMS_AND_FRAUD")["sanction"]["id"]
    for ident in (first, second):
        issuer.clock.forward(HOUR)
        issuer.do("OverturnSanction", team.issuer, sanctionId=ident, reason="wrong")
    issuer.clock.forward(HOUR)
    now = issuer.clock.now
    bot = issuer.world.terminate(team.issuer, now, subject="acct:bot@mod.example")
    issuer.world.approve(team.issuer_2, bot, now)
    all_ = told(issuer, endpoint, 3)
    assert uris(all_) == [DISABLED, ENABLED, DISABLED]
    assert all_[1]["txn"] == second
    assert all_[2]["events"] == {DISABLED: {"reason": "bulk-account"}}


def test_nobody_else_tells_of_an_account_and_nobody_of_what_is_not_shared(
    issuer: Node, streams: Streams, team: Team, partner: Team, endpoint: Endpoint
) -> None:
    watched(issuer)
    streams.push(endpoint, events_requested=BOTH)
    issuer.issue(partner.issuer, subject=ANN)  # another platform's decision about this account
    issuer.issue(team.issuer, subject="acct:ann@partner.example")  # it lives elsewhere
    issuer.issue(team.issuer, subject=ANN, audience="OWN")
    issuer.issue(team.issuer, subject="acct:last@mod.example")
    [only] = told(issuer, endpoint, 1)
    assert only["sub_id"] == {"format": "account", "uri": "acct:last@mod.example"}
    assert len(turns(issuer)) == 1


def test_what_was_erased_is_never_told(
    issuer: Node, streams: Streams, team: Team, endpoint: Endpoint
) -> None:
    watched(issuer)
    ident = {"stream_id": streams.push(endpoint, events_requested=BOTH)["stream_id"]}
    streams.send("POST", "/status", {**ident, "status": "paused"})
    issuer.issue(team.issuer, subject=ANN)
    until_so(lambda: len(turns(issuer)) == 1)
    issuer.do("EraseSubject", team.admin, subject=ANN, reason="asked to")
    streams.send("POST", "/status", {**ident, "status": "enabled"})
    issuer.clock.forward(30 * DAY)
    issuer.issue(team.issuer, subject="acct:other@mod.example")
    [only] = told(issuer, endpoint, 1)
    assert only["sub_id"]["uri"] == "acct:other@mod.example"
    assert [turn.at for turn in turns(issuer)] == [NOW, issuer.clock.now]


@pytest.mark.usefixtures("hasty")
def test_it_is_told_after_a_restart_and_once(
    database_url: str, token_keys: Path, tmp_path: Path, endpoint: Endpoint
) -> None:
    shutil.copy2(token_keys, tmp_path)

    def ids(count: int) -> list[str]:
        """Which tokens came: one that was under way when the node ended comes twice."""
        all_: dict[str, str] = {}

        def are_here() -> bool:
            for got in endpoint.got:
                told = claims(node, got.body.decode())
                all_[told["jti"]] = next(iter(told["events"]))
            return len(all_) >= count

        until_so(are_here)
        return list(all_.values())

    with issuing(database_url, tmp_path) as node:
        team, partner = node.world.team("mod.example"), node.world.team("partner.example")
        watched(node)
        Streams(node, team, partner).push(endpoint, events_requested=BOTH)
        node.issue(team.issuer, subject=ANN)
        assert ids(1) == [DISABLED]
    with issuing(database_url, tmp_path) as node:
        node.clock.forward(30 * DAY)
        assert ids(2) == BOTH
    with issuing(database_url, tmp_path) as node:
        node.clock.forward(31 * DAY)
        node.issue(team.issuer, subject="acct:other@mod.example")
        assert ids(3) == [*BOTH, DISABLED]


def test_a_polled_stream_has_them_until_they_are_acknowledged(
    issuer: Node, streams: Streams, team: Team
) -> None:
    watched(issuer)
    stream = streams.create(events_requested=[ENABLED])
    issuer.issue(team.issuer, subject=ANN)
    issuer.clock.forward(30 * DAY)
    until_so(lambda: len(turns(issuer)) == 2)
    [(jti, token)] = streams.poll(stream)["sets"].items()
    assert uris([claims(issuer, token)]) == [ENABLED]
    assert list(streams.poll(stream)["sets"]) == [jti]
    refused = {jti: {"err": "invalid_key", "description": "no such key"}}
    assert streams.poll(stream, setErrs=refused)["sets"] == {}
    assert [letter.position for letter in letters(issuer)] == [-2]
    issuer.world.do(receivers.replay, stream["stream_id"])
    assert list(streams.poll(stream)["sets"]) == [jti]
    assert streams.poll(stream, ack=[jti])["sets"] == {}
    assert letters(issuer) == []


def test_a_turn_that_is_refused_is_a_dead_letter_and_the_next_one_comes(
    issuer: Node, streams: Streams, team: Team, endpoint: Endpoint
) -> None:
    watched(issuer)
    endpoint.answers = lambda _: (400, b'{"err": "invalid_request"}')
    stream = streams.push(endpoint, events_requested=BOTH)
    issuer.issue(team.issuer, subject=ANN)
    until_so(lambda: [letter.position for letter in letters(issuer)] == [-1])
    endpoint.answers = lambda _: (503, b"")
    issuer.clock.forward(30 * DAY)
    until_so(lambda: found(issuer, stream["stream_id"]).attempts >= 1)
    endpoint.answers = lambda _: (202, b"")
    issuer.clock.forward(timedelta(hours=2))
    issuer.world.do(receivers.replay, stream["stream_id"])
    until_so(lambda: not letters(issuer))
    # What is replayed comes before what is tried again, or after it.
    until_so(lambda: sorted(uris(told(issuer, endpoint, 4))[-2:]) == sorted(BOTH))
    all_ = [claims(issuer, got.body.decode()) for got in endpoint.got]
    assert {uri: len({one["jti"] for one in all_ if uri in one["events"]}) for uri in BOTH} == {
        DISABLED: 1,
        ENABLED: 1,
    }


def test_streams_that_want_none_get_none(
    issuer: Node, streams: Streams, team: Team, endpoint: Endpoint
) -> None:
    watched(issuer)
    made = streams.push(endpoint, events_requested=["urn:x-comity:event:v1:sanction-issued"])
    assert set(BOTH) <= set(made["events_supported"])
    issuer.issue(team.issuer, subject=ANN)
    until_so(lambda: len(turns(issuer)) == 1)
    assert uris(told(issuer, endpoint, 1)) == made["events_requested"]
    changed = {"stream_id": made["stream_id"], "events_requested": BOTH}
    assert streams.send("PATCH", "/streams", changed).json()["events_delivered"] == BOTH
    issuer.clock.forward(30 * DAY)
    assert uris(told(issuer, endpoint, 2)[1:]) == [ENABLED]  # from now on
