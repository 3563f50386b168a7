"""Streams of security event tokens: managed, verified, pushed, polled; checked by other code."""

import time
from datetime import timedelta
from typing import Any

import orjson
import pytest
from cryptography.exceptions import InvalidSignature

from api.push.sets import EVENTS, VERIFICATION
from api.reads import stretches
from governance import receivers
from governance.fields import parse_instant
from governance.rules.delivery import LONGEST_PAUSE
from tests.api.http.outside import Node
from tests.api.http.streaming import (
    BASE,
    POLL,
    PUSH,
    Streams,
    claims,
    found,
    letters,
)
from tests.builders import NOW, Team
from tests.receiving import Endpoint
from tests.waiting import until_so

ISSUED, LIFTED = f"{EVENTS}sanction-issued", f"{EVENTS}sanction-lifted"
SUBJECT = "acct:ann@elsewhere.example"


def test_an_issuer_says_what_it_offers(issuer: Node, team: Team) -> None:
    told = issuer.client.get("/.well-known/ssf-configuration/mod.example").json()
    assert told["issuer"] == f"{BASE}/mod.example"
    assert told["spec_version"] == "1_0"
    assert told["delivery_methods_supported"] == [PUSH, POLL]
    assert told["jwks_uri"] == f"{BASE}/ssf/jwks.json"
    assert told["configuration_endpoint"] == f"{BASE}/ssf/mod.example/streams"
    assert issuer.client.get("/.well-known/ssf-configuration/other.example").status_code == 404


def test_a_stream_is_created_read_changed_and_deleted(streams: Streams) -> None:
    made = streams.create(description="ours", events_requested=[ISSUED, "https://unheard.example"])
    assert made["iss"] == f"{BASE}/mod.example"
    assert made["aud"] == "https://partner.example"
    assert made["events_delivered"] == [ISSUED]
    assert made["delivery"]["method"] == POLL
    ident = {"stream_id": made["stream_id"]}
    assert streams.send("GET", f"/streams?stream_id={made['stream_id']}").json() == made
    assert streams.send("GET", "/streams").json() == [made]
    changed = streams.send("PATCH", "/streams", {**ident, "events_requested": [LIFTED]}).json()
    assert changed == {**made, "events_requested": [LIFTED], "events_delivered": [LIFTED]}
    replaced = streams.send("PUT", "/streams", ident).json()
    assert "description" not in replaced
    assert replaced["events_requested"] == replaced["events_supported"]
    gone = f"/streams?stream_id={made['stream_id']}"
    assert streams.send("DELETE", gone).status_code == 204
    assert streams.send("GET", gone).status_code == 404
    assert streams.send("GET", "/streams").json() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        {"delivery": {"method": "carrier pigeon"}},
        {"delivery": {"method": PUSH}},
        {"delivery": {"method": PUSH, "endpoint_url": "ftp://hooks.example/"}},
        {"delivery": {"method": PUSH, "endpoint_url": "https://a:b@hooks.example/"}},
        {
            "delivery": {
                "method": PUSH,
                "endpoint_url": "https://hooks.example/",
                "authorization_header": "Bearer x\r\nX: y",
            }
        },
        {"events_requested": "all"},
        {"events_requested": ["x"] * 101},
        {"signing_alg": "none"},
        {"description": "x" * 501},
    ],
)
def test_a_wrong_request_is_refused_and_makes_nothing(streams: Streams, body: Any) -> None:
    headers = streams.node.headers(streams.by)
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    path = streams.base + "/streams"
    method = "PATCH" if body == b"" else "POST"
    answer = streams.node.client.request(method, path, content=data, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["err"] == "invalid_request"
    assert streams.send("GET", "/streams").json() == []


def test_only_an_admin_of_the_receiving_platform_manages(
    issuer: Node, streams: Streams, team: Team, partner: Team
) -> None:
    made = streams.create()
    path = f"/streams?stream_id={made['stream_id']}"
    for by in (partner.reader, partner.issuer, partner.reviewer, partner.researcher):
        assert streams.send("GET", path, by=by).status_code == 403
        assert streams.send("POST", "/streams", {}, by=by).status_code == 403
    for method in ("GET", "DELETE"):
        assert streams.send(method, path, by=team.admin).status_code == 404
    for token in ("", "cty_unknown"):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = issuer.client.get(streams.base + path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    elsewhere = Streams(issuer, partner, partner)  # another issuer's
    assert elsewhere.send("GET", path).status_code == 404
    assert streams.send("GET", path).json() == made


def test_a_token_is_pushed_with_the_end_inside(
    issuer: Node, streams: Streams, team: Team, endpoint: Endpoint
) -> None:
    stream = streams.push(endpoint, delivery={"authorization_header": "Bearer theirs"})
    sanction = issuer.issue(team.issuer, subject=SUBJECT)["sanction"]
    [got] = endpoint.waited(1)
    assert got.headers["content-type"] == "application/secevent+jwt"
    assert got.headers["accept"] == "application/json"
    assert got.headers["authorization"] == "Bearer theirs"
    told = claims(issuer, got.body.decode())
    assert told["iss"] == stream["iss"]
    assert told["aud"] == stream["aud"]
    assert told["sub_id"] == {"format": "account", "uri": SUBJECT}
    assert "exp" not in told
    assert "sub" not in told
    assert told["iat"] == told["toe"] == int(NOW.timestamp())
    assert told["txn"] == sanction["id"]
    [(uri, event)] = told["events"].items()
    assert uri == ISSUED
    assert parse_instant(event["sanction"]["expiresAt"]) == NOW + timedelta(days=7)


def test_a_stream_has_its_issuers_events_alone_and_what_the_receiver_may_know(
    issuer: Node, streams: Streams, team: Team, partner: Team, endpoint: Endpoint
) -> None:
    streams.push(endpoint, events_requested=[ISSUED])
    issuer.issue(partner.issuer)
    kept = issuer.issue(team.issuer, audience="OWN")["sanction"]
    server = "https://spam.example"
    issuer.issue(team.issuer, measure="SERVER_LIMITED", subject=server)
    lifted = issuer.issue(team.issuer, subject="did:plc:abcdefghijklmnopqrstuvwx")["sanction"]
    issuer.do("LiftSanction", team.issuer, sanctionId=lifted["id"], reason="clemency")
    told = [claims(issuer, got.body.decode()) for got in endpoint.waited(3)]
    assert {one["iss"] for one in told} == {f"{BASE}/mod.example"}
    subjects = {orjson.dumps(one["sub_id"]) for one in told}
    assert subjects == {
        orjson.dumps({"format": "opaque", "id": kept["id"]}),
        orjson.dumps({"format": "uri", "uri": server}),
        orjson.dumps({"format": "did", "url": "did:plc:abcdefghijklmnopqrstuvwx"}),
    }


def test_a_stream_may_be_signed_with_ed25519(
    issuer: Node, streams: Streams, team: Team, endpoint: Endpoint
) -> None:
    streams.push(endpoint, signing_alg="Ed25519")
    issuer.issue(team.issuer)
    token = endpoint.waited(1)[0].body.decode()
    assert claims(issuer, token)["events"].keys() == {ISSUED}
    head, body, signature = token.split(".")
    with pytest.raises(InvalidSignature):
        claims(issuer, f"{head}.{body[:-4]}AAAA.{signature}")


def test_after_a_rotation_old_tokens_can_still_be_checked(
    issuer: Node, streams: Streams, team: Team, endpoint: Endpoint
) -> None:
    streams.push(endpoint)
    issuer.issue(team.issuer)
    old = endpoint.waited(1)[0].body.decode()
    keys = issuer.settings.token_keys()
    assert keys is not None
    keys.rotate()
    issuer.issue(team.issuer)
    new = endpoint.waited(2)[1].body.decode()
    assert old.split(".")[0] != new.split(".")[0]
    assert claims(issuer, old)["events"].keys() == claims(issuer, new)["events"].keys() == {ISSUED}
    keys.rotate()
    with pytest.raises(ValueError, match="not enough values"):
        claims(issuer, old)


def test_what_a_receiver_refuses_for_good_is_a_dead_letter(
    issuer: Node, streams: Streams, team: Team, endpoint: Endpoint
) -> None:
    endpoint.answers = lambda _: (400, b'{"err": "invalid_request", "description": "no"}')
    stream = streams.push(endpoint)
    issuer.issue(team.issuer)
    until_so(lambda: len(letters(issuer)) == 1)
    assert letters(issuer)[0].problem == "status 400 invalid_request"
    endpoint.answers = lambda _: (202, b"")
    issuer.world.do(receivers.replay, stream["stream_id"])
    until_so(lambda: not letters(issuer))
    first, again = (claims(issuer, got.body.decode()) for got in endpoint.got)
    assert first["jti"] == again["jti"]


@pytest.mark.parametrize("answer", [b'{"err": "invalid_key"}', b"<html>", b'["err"]', b""])
def test_other_refusals_are_the_streams_trouble_and_end_nothing(
    issuer: Node, streams: Streams, team: Team, endpoint: Endpoint, answer: bytes
) -> None:
    endpoint.answers = lambda _: (400, answer)
    ident = streams.push(endpoint)["stream_id"]
    issuer.issue(team.issuer)
    until_so(lambda: found(issuer, ident).attempts == 1)
    issuer.clock.forward(LONGEST_PAUSE)
    until_so(lambda: found(issuer, ident).attempts == 2)
    assert len(endpoint.got) == 2
    assert letters(issuer) == []


def test_a_stream_is_verified(issuer: Node, streams: Streams, endpoint: Endpoint) -> None:
    stream = streams.push(endpoint)
    ident = {"stream_id": stream["stream_id"]}
    assert streams.send("POST", "/verify", {**ident, "state": "xyz"}).status_code == 204
    told = claims(issuer, endpoint.waited(1)[0].body.decode())
    assert told["sub_id"] == {"format": "opaque", "id": stream["stream_id"]}
    assert told["events"] == {VERIFICATION: {"state": "xyz"}}
    assert streams.send("POST", "/verify", ident).status_code == 429  # too soon
    issuer.clock.forward(timedelta(seconds=10))
    assert streams.send("POST", "/verify", ident).status_code == 204
    assert claims(issuer, endpoint.waited(2)[1].body.decode())["events"] == {VERIFICATION: {}}


def test_a_paused_stream_waits_and_a_disabled_one_forgets(
    issuer: Node, streams: Streams, team: Team, endpoint: Endpoint
) -> None:
    ident = {"stream_id": streams.push(endpoint)["stream_id"]}

    def turn(status: str, reason: str | None = None) -> None:
        body = {**ident, "status": status, "reason": reason}
        told = {**ident, "status": status} | ({"reason": reason} if reason else {})
        assert streams.send("POST", "/status", body).json() == told
        assert streams.send("GET", f"/status?stream_id={ident['stream_id']}").json() == told

    turn("paused", "moving house")
    issuer.issue(team.issuer)
    turn("enabled")
    endpoint.waited(1)
    turn("disabled")
    issuer.issue(team.issuer)
    turn("enabled")
    issuer.issue(team.issuer)
    endpoint.waited(2)
    assert streams.send("POST", "/status", {**ident, "status": "asleep"}).status_code == 400


def test_polling_gives_each_token_until_it_is_acknowledged(
    issuer: Node, streams: Streams, team: Team
) -> None:
    stream = streams.create()
    assert streams.poll(stream) == {"sets": {}, "moreAvailable": False}
    for _ in range(3):
        issuer.issue(team.issuer)
    first = streams.poll(stream, maxEvents=2)
    assert first["moreAvailable"] is True
    assert len(first["sets"]) == 2
    for jti, token in first["sets"].items():
        assert claims(issuer, token)["jti"] == jti
    assert streams.poll(stream, maxEvents=2)["sets"].keys() == first["sets"].keys()
    _, second = first["sets"]
    rest = streams.poll(stream, ack=[second])  # out of order
    assert len(rest["sets"]) == 2
    assert second not in rest["sets"]
    assert streams.poll(stream, ack=list(rest["sets"]))["sets"] == {}
    assert streams.poll(stream, maxEvents=0) == {"sets": {}, "moreAvailable": False}


def test_a_poller_of_what_is_rare_is_told_to_go_on(
    issuer: Node,
    streams: Streams,
    team: Team,
    partner: Team,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stretches, "WINDOW", 2)
    stream = streams.create()
    for number in range(7):
        issuer.issue(team.issuer if number == 5 else partner.issuer)
    got, polls, more = dict[str, str](), 0, True
    while more:
        told = streams.poll(stream, ack=list(got), returnImmediately=False)
        got, more, polls = got | told["sets"], told["moreAvailable"], polls + 1
    assert len(got) == 1
    assert polls > 3


def test_what_a_poller_reports_as_wrong_is_a_dead_letter_and_can_be_replayed(
    issuer: Node, streams: Streams, team: Team
) -> None:
    stream = streams.create()
    issuer.issue(team.issuer)
    [jti] = streams.poll(stream)["sets"]
    errors = {jti: {"err": "invalid_key", "description": "no such key"}}
    assert streams.poll(stream, setErrs=errors)["sets"] == {}
    [letter] = letters(issuer)
    assert letter.problem == "invalid_key"
    issuer.world.do(receivers.replay, stream["stream_id"])
    assert list(streams.poll(stream)["sets"]) == [jti]
    assert streams.poll(stream, ack=[jti])["sets"] == {}
    assert letters(issuer) == []


def test_a_poll_is_held_until_there_is_something(
    issuer: Node, streams: Streams, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = streams.create()
    begun = time.monotonic()
    assert streams.poll(stream, returnImmediately=False)["sets"] == {}
    assert time.monotonic() - begun >= 0.2
    ident = {"stream_id": stream["stream_id"]}
    streams.send("POST", "/verify", {**ident, "state": "xyz"})
    [(jti, token)] = streams.poll(stream, returnImmediately=False)["sets"].items()
    assert claims(issuer, token)["events"] == {VERIFICATION: {"state": "xyz"}}
    assert streams.poll(stream, ack=[jti])["sets"] == {}


def test_strange_acknowledgements_change_nothing(
    issuer: Node, streams: Streams, team: Team
) -> None:
    stream = streams.create()
    issuer.issue(team.issuer)
    [jti] = streams.poll(stream)["sets"]
    ident = stream["stream_id"]
    strange = ["", "x", f"{ident}_", f"{ident}_-1", f"{ident}_99999999999999999999", f"{ident}_77"]
    assert list(streams.poll(stream, ack=strange)["sets"]) == [jti]


def test_what_was_erased_before_it_was_polled_is_not_told(
    issuer: Node, streams: Streams, team: Team
) -> None:
    stream = streams.create()
    sanction = issuer.issue(team.issuer, subject=SUBJECT)["sanction"]
    issuer.do("EraseSubject", team.admin, subject=SUBJECT, reason="asked to")
    sets = streams.poll(stream)["sets"]
    assert len(sets) == 2
    for token in sets.values():
        told = claims(issuer, token)
        assert told["sub_id"] == {"format": "opaque", "id": sanction["id"]}
        assert b"ann@" not in orjson.dumps(told)


def test_a_node_without_an_address_has_no_streams(lite: Node) -> None:
    lite.world.team("mod.example")
    assert lite.client.get("/.well-known/ssf-configuration/mod.example").status_code == 404
