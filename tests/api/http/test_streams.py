"""Streams of security event tokens: managed, verified, pushed, polled; checked by other code."""

import shutil
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from httpx2 import Response

from api.push import delivering, polling
from api.push.sets import EVENTS, VERIFICATION
from governance import receivers
from governance.fields import parse_instant
from governance.receivers import Letter, Receiver
from governance.rules.delivery import LONGEST_PAUSE
from governance.tokens import write_token_keys
from tests.api.http.outside import Node
from tests.builders import NOW, Team
from tests.receiving import PATIENCE, Endpoint, Got, receiving

BASE = "https://node.example"
PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"
ISSUED, LIFTED = f"{EVENTS}sanction-issued", f"{EVENTS}sanction-lifted"
ELSEWHERE = (("elsewhere.invalid", "127.0.0.1", 9),)
SUBJECT = "acct:ann@elsewhere.example"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let looks follow each other at once."""
    monkeypatch.setattr(delivering, "EVERY", timedelta(seconds=0.03))
    monkeypatch.setattr(polling, "LOOK", 0.02)
    monkeypatch.setattr(polling, "HOLD", 0.2)


@pytest.fixture(scope="module")
def token_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of keys for tokens; making them takes longer than most tests."""
    file = tmp_path_factory.mktemp("keys") / "comity.token.keys"
    write_token_keys(file)
    return file


@pytest.fixture
def node(database_url: str, token_keys: Path, tmp_path: Path) -> Iterator[Node]:
    """Yield a node that has an address and keys for tokens, on each engine."""
    shutil.copy2(token_keys, tmp_path)
    key_file = tmp_path / "comity.key"
    with Node(database_url, key_file, public_url=BASE, test_network=ELSEWHERE) as node:
        yield node


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Yield a receiver that takes everything."""
    with receiving(Endpoint()) as endpoint:
        yield endpoint


class Streams:
    """One platform's side of the streams with an issuer."""

    def __init__(self, node: Node, issuer: Team, receiver: Team) -> None:
        self.node, self.by = node, receiver.admin
        self.base = f"/ssf/{issuer.platform.domain}"

    def send(self, method: str, path: str, body: object = None, by: Any = None) -> Response:
        headers = self.node.headers(by or self.by)
        data = None if body is None else orjson.dumps(body)
        return self.node.client.request(method, self.base + path, content=data, headers=headers)

    def create(self, **body: Any) -> dict[str, Any]:
        made = self.send("POST", "/streams", body)
        assert made.status_code == 201, made.text
        found: dict[str, Any] = made.json()
        return found

    def push(self, endpoint: Endpoint, **body: Any) -> dict[str, Any]:
        delivery = {"method": PUSH, "endpoint_url": endpoint.url} | body.pop("delivery", {})
        return self.create(delivery=delivery, **body)

    def poll(self, stream: dict[str, Any], **body: Any) -> dict[str, Any]:
        path = stream["delivery"]["endpoint_url"].removeprefix(BASE + self.base)
        answer = self.send("POST", path, {"returnImmediately": True, **body})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def streams(node: Node, team: Team, partner: Team) -> Streams:
    """Return the partner's side of streams of `mod.example`."""
    return Streams(node, team, partner)


def decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def claims(node: Node, token: str) -> dict[str, Any]:
    """What a token says, its signature checked with nothing of the project's (RFC 7515, 5.2)."""
    head, body, signature = token.split(".")
    header = orjson.loads(decoded(head))
    assert header["typ"] == "secevent+jwt"
    keys = node.client.get("/ssf/jwks.json").json()["keys"]
    [jwk] = [key for key in keys if key["kid"] == header["kid"]]
    assert not {"d", "p", "q"} & jwk.keys()
    assert header["alg"] == jwk["alg"]
    signed = f"{head}.{body}".encode()
    if header["alg"] == "RS256":
        e, n = (int.from_bytes(decoded(jwk[name])) for name in "en")
        key = rsa.RSAPublicNumbers(e, n).public_key()
        assert key.key_size >= 2048
        key.verify(decoded(signature), signed, PKCS1v15(), SHA256())
    else:
        ed25519.Ed25519PublicKey.from_public_bytes(decoded(jwk["x"])).verify(
            decoded(signature), signed
        )
    found: dict[str, Any] = orjson.loads(decoded(body))
    return found


def events(node: Node, got: list[Got]) -> list[str]:
    return [uri for one in got for uri in claims(node, one.body.decode())["events"]]


def until_so(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def found(node: Node, ident: str) -> Receiver:
    with node.world.database.reading() as session:
        return receivers.found(session, ident)


def letters(node: Node) -> list[Letter]:
    with node.world.database.reading() as session:
        return receivers.letters(session)


def test_an_issuer_says_what_it_offers(node: Node, team: Team) -> None:
    told = node.client.get("/.well-known/ssf-configuration/mod.example").json()
    assert told["issuer"] == f"{BASE}/mod.example"
    assert told["spec_version"] == "1_0"
    assert told["delivery_methods_supported"] == [PUSH, POLL]
    assert told["jwks_uri"] == f"{BASE}/ssf/jwks.json"
    assert told["configuration_endpoint"] == f"{BASE}/ssf/mod.example/streams"
    assert node.client.get("/.well-known/ssf-configuration/other.example").status_code == 404


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
    node: Node, streams: Streams, team: Team, partner: Team
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
        answer = node.client.get(streams.base + path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    elsewhere = Streams(node, partner, partner)  # another issuer's
    assert elsewhere.send("GET", path).status_code == 404
    assert streams.send("GET", path).json() == made


def test_a_token_is_pushed_with_the_end_inside(
    node: Node, streams: Streams, team: Team, endpoint: Endpoint
) -> None:
    stream = streams.push(endpoint, delivery={"authorization_header": "Bearer theirs"})
    sanction = node.issue(team.issuer, subject=SUBJECT)["sanction"]
    [got] = endpoint.waited(1)
    assert got.headers["content-type"] == "application/secevent+jwt"
    assert got.headers["accept"] == "application/json"
    assert got.headers["authorization"] == "Bearer theirs"
    told = claims(node, got.body.decode())
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
    node: Node, streams: Streams, team: Team, partner: Team, endpoint: Endpoint
) -> None:
    streams.push(endpoint, events_requested=[ISSUED])
    node.issue(partner.issuer)
    kept = node.issue(team.issuer, audience="OWN")["sanction"]
    server = "https://spam.example"
    node.issue(team.issuer, measure="SERVER_LIMITED", subject=server)
    lifted = node.issue(team.issuer, subject="did:plc:abcdefghijklmnopqrstuvwx")["sanction"]
    node.do("LiftSanction", team.issuer, sanctionId=lifted["id"], reason="clemency")
    told = [claims(node, got.body.decode()) for got in endpoint.waited(3)]
    assert {one["iss"] for one in told} == {f"{BASE}/mod.example"}
    subjects = {orjson.dumps(one["sub_id"]) for one in told}
    assert subjects == {
        orjson.dumps({"format": "opaque", "id": kept["id"]}),
        orjson.dumps({"format": "uri", "uri": server}),
        orjson.dumps({"format": "did", "url": "did:plc:abcdefghijklmnopqrstuvwx"}),
    }


def test_a_stream_may_be_signed_with_ed25519(
    node: Node, streams: Streams, team: Team, endpoint: Endpoint
) -> None:
    streams.push(endpoint, signing_alg="Ed25519")
    node.issue(team.issuer)
    token = endpoint.waited(1)[0].body.decode()
    assert claims(node, token)["events"].keys() == {ISSUED}
    head, body, signature = token.split(".")
    with pytest.raises(InvalidSignature):
        claims(node, f"{head}.{body[:-4]}AAAA.{signature}")


def test_after_a_rotation_old_tokens_can_still_be_checked(
    node: Node, streams: Streams, team: Team, endpoint: Endpoint
) -> None:
    streams.push(endpoint)
    node.issue(team.issuer)
    old = endpoint.waited(1)[0].body.decode()
    keys = node.settings.token_keys()
    assert keys is not None
    keys.rotate()
    node.issue(team.issuer)
    new = endpoint.waited(2)[1].body.decode()
    assert old.split(".")[0] != new.split(".")[0]
    assert claims(node, old)["events"].keys() == claims(node, new)["events"].keys() == {ISSUED}
    keys.rotate()
    with pytest.raises(ValueError, match="not enough values"):
        claims(node, old)


def test_what_a_receiver_refuses_for_good_is_a_dead_letter(
    node: Node, streams: Streams, team: Team, endpoint: Endpoint
) -> None:
    endpoint.answers = lambda _: (400, b'{"err": "invalid_request", "description": "no"}')
    stream = streams.push(endpoint)
    node.issue(team.issuer)
    until_so(lambda: len(letters(node)) == 1)
    assert letters(node)[0].problem == "status 400 invalid_request"
    endpoint.answers = lambda _: (202, b"")
    node.world.do(receivers.replay, stream["stream_id"])
    until_so(lambda: not letters(node))
    first, again = (claims(node, got.body.decode()) for got in endpoint.got)
    assert first["jti"] == again["jti"]


@pytest.mark.parametrize("answer", [b'{"err": "invalid_key"}', b"<html>", b'["err"]', b""])
def test_other_refusals_are_the_streams_trouble_and_end_nothing(
    node: Node, streams: Streams, team: Team, endpoint: Endpoint, answer: bytes
) -> None:
    endpoint.answers = lambda _: (400, answer)
    ident = streams.push(endpoint)["stream_id"]
    node.issue(team.issuer)
    until_so(lambda: found(node, ident).attempts == 1)
    node.clock.forward(LONGEST_PAUSE)
    until_so(lambda: found(node, ident).attempts == 2)
    assert len(endpoint.got) == 2
    assert letters(node) == []


def test_a_stream_is_verified(node: Node, streams: Streams, endpoint: Endpoint) -> None:
    stream = streams.push(endpoint)
    ident = {"stream_id": stream["stream_id"]}
    assert streams.send("POST", "/verify", {**ident, "state": "xyz"}).status_code == 204
    told = claims(node, endpoint.waited(1)[0].body.decode())
    assert told["sub_id"] == {"format": "opaque", "id": stream["stream_id"]}
    assert told["events"] == {VERIFICATION: {"state": "xyz"}}
    assert streams.send("POST", "/verify", ident).status_code == 429  # too soon
    node.clock.forward(timedelta(seconds=10))
    assert streams.send("POST", "/verify", ident).status_code == 204
    assert claims(node, endpoint.waited(2)[1].body.decode())["events"] == {VERIFICATION: {}}


def test_a_paused_stream_waits_and_a_disabled_one_forgets(
    node: Node, streams: Streams, team: Team, endpoint: Endpoint
) -> None:
    ident = {"stream_id": streams.push(endpoint)["stream_id"]}

    def turn(status: str, reason: str | None = None) -> None:
        body = {**ident, "status": status, "reason": reason}
        told = {**ident, "status": status} | ({"reason": reason} if reason else {})
        assert streams.send("POST", "/status", body).json() == told
        assert streams.send("GET", f"/status?stream_id={ident['stream_id']}").json() == told

    turn("paused", "moving house")
    node.issue(team.issuer)
    turn("enabled")
    endpoint.waited(1)
    turn("disabled")
    node.issue(team.issuer)
    turn("enabled")
    node.issue(team.issuer)
    endpoint.waited(2)
    assert streams.send("POST", "/status", {**ident, "status": "asleep"}).status_code == 400


def test_polling_gives_each_token_until_it_is_acknowledged(
    node: Node, streams: Streams, team: Team
) -> None:
    stream = streams.create()
    assert streams.poll(stream) == {"sets": {}, "moreAvailable": False}
    for _ in range(3):
        node.issue(team.issuer)
    first = streams.poll(stream, maxEvents=2)
    assert first["moreAvailable"] is True
    assert len(first["sets"]) == 2
    for jti, token in first["sets"].items():
        assert claims(node, token)["jti"] == jti
    assert streams.poll(stream, maxEvents=2)["sets"].keys() == first["sets"].keys()
    _, second = first["sets"]
    rest = streams.poll(stream, ack=[second])  # out of order
    assert len(rest["sets"]) == 2
    assert second not in rest["sets"]
    assert streams.poll(stream, ack=list(rest["sets"]))["sets"] == {}
    assert streams.poll(stream, maxEvents=0) == {"sets": {}, "moreAvailable": False}


def test_what_a_poller_reports_as_wrong_is_a_dead_letter_and_can_be_replayed(
    node: Node, streams: Streams, team: Team
) -> None:
    stream = streams.create()
    node.issue(team.issuer)
    [jti] = streams.poll(stream)["sets"]
    errors = {jti: {"err": "invalid_key", "description": "no such key"}}
    assert streams.poll(stream, setErrs=errors)["sets"] == {}
    [letter] = letters(node)
    assert letter.problem == "invalid_key"
    node.world.do(receivers.replay, stream["stream_id"])
    assert list(streams.poll(stream)["sets"]) == [jti]
    assert streams.poll(stream, ack=[jti])["sets"] == {}
    assert letters(node) == []


def test_a_poll_is_held_until_there_is_something(
    node: Node, streams: Streams, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = streams.create()
    begun = time.monotonic()
    assert streams.poll(stream, returnImmediately=False)["sets"] == {}
    assert time.monotonic() - begun >= 0.2
    ident = {"stream_id": stream["stream_id"]}
    streams.send("POST", "/verify", {**ident, "state": "xyz"})
    [(jti, token)] = streams.poll(stream, returnImmediately=False)["sets"].items()
    assert claims(node, token)["events"] == {VERIFICATION: {"state": "xyz"}}
    assert streams.poll(stream, ack=[jti])["sets"] == {}


def test_strange_acknowledgements_change_nothing(node: Node, streams: Streams, team: Team) -> None:
    stream = streams.create()
    node.issue(team.issuer)
    [jti] = streams.poll(stream)["sets"]
    ident = stream["stream_id"]
    strange = ["", "x", f"{ident}_", f"{ident}_-1", f"{ident}_99999999999999999999", f"{ident}_77"]
    assert list(streams.poll(stream, ack=strange)["sets"]) == [jti]


def test_what_was_erased_before_it_was_polled_is_not_told(
    node: Node, streams: Streams, team: Team
) -> None:
    stream = streams.create()
    sanction = node.issue(team.issuer, subject=SUBJECT)["sanction"]
    node.do("EraseSubject", team.admin, subject=SUBJECT, reason="asked to")
    sets = streams.poll(stream)["sets"]
    assert len(sets) == 2
    for token in sets.values():
        told = claims(node, token)
        assert told["sub_id"] == {"format": "opaque", "id": sanction["id"]}
        assert b"ann@" not in orjson.dumps(told)


def test_a_node_without_an_address_has_no_streams(lite: Node) -> None:
    lite.world.team("mod.example")
    assert lite.client.get("/.well-known/ssf-configuration/mod.example").status_code == 404
