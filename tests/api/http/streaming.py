"""Streams of tokens as a receiving platform has them, and tokens checked by other code."""

from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from httpx2 import Response

from governance import receivers
from governance.receivers import Letter, Receiver
from tests.api.http.outside import Node
from tests.builders import Team
from tests.receiving import Endpoint, Got

BASE = "https://node.example"
PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"
ELSEWHERE = (("elsewhere.invalid", "127.0.0.1", 9),)


@contextmanager
def issuing(url: str, folder: Path) -> Iterator[Node]:
    """A node that has an address, and keys for tokens in its folder."""
    with Node(url, folder / "comity.key", public_url=BASE, test_network=ELSEWHERE) as node:
        yield node


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


def found(node: Node, ident: str) -> Receiver:
    with node.world.database.reading() as session:
        return receivers.found(session, ident)


def letters(node: Node) -> list[Letter]:
    with node.world.database.reading() as session:
        return receivers.letters(session)
