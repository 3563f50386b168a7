"""A node that has witnesses: a checkpoint is published once enough of them cosigned it, and
changes answer at once meanwhile."""

import ssl
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from api import publishing
from governance.log.checkpoints import open_checkpoint, parse_checkpoint
from governance.log.errors import LogError
from governance.log.notes import parse_note
from governance.log.proofs import parse_proof
from governance.log.signers import Algorithm, Signer, signed_by
from governance.log.tree import check_consistency
from governance.log.witnesses import SIZE, Witness, parse_add_checkpoint
from governance.witnessing import witness as witness_log
from tests.api.http.conftest import Lines
from tests.api.http.outside import Node
from tests.builders import LOG_KEY, WITNESS_KEY
from tests.waiting import until_so

LOG = "{ log { size checkpoint rootHash entry(index: 0) { index isPublished proof data } } }"
Reply = tuple[int, str, bytes]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rounds follow each other at once."""
    monkeypatch.setattr(publishing, "EVERY", timedelta(seconds=0.05))
    monkeypatch.setattr(publishing, "LONGEST_PAUSE", timedelta(seconds=0.2))
    monkeypatch.setattr(publishing, "PATIENCE", timedelta(seconds=2.5))
    monkeypatch.setattr(publishing, "GRACE", timedelta(seconds=0.2))


@dataclass
class Other:
    """A witness of nobody's make, on a socket; it keeps to the specification unless told."""

    signer: Signer
    answers: Callable[[bytes], Reply] | None = None  # instead of the right one
    size: int = 0
    root: bytes = b""
    asked: list[int] = field(default_factory=list)
    port: int = 0

    @property
    def witness(self) -> Witness:
        verifier = self.signer.verifier(Algorithm.COSIGNATURE_V1)
        return Witness(verifier, f"http://127.0.0.1:{self.port}/w")

    def answer(self, body: bytes) -> Reply:
        asked = parse_add_checkpoint(body)
        self.asked.append(asked.old)
        if self.answers is not None:
            return self.answers(body)
        new = parse_checkpoint(asked.note.text)
        if asked.old != self.size:
            return 409, SIZE, f"{self.size}\n".encode()
        if asked.old:
            roots = {"old_root": self.root, "new_root": new.root}
            check_consistency(asked.old, new.size, hashes=asked.hashes, **roots)
        self.size, self.root = new.size, new.root
        return 200, "text/plain", f"{self.signer.cosign(asked.note.text, at=1).line}\n".encode()


@contextmanager
def listening(
    answer: Callable[[bytes], Reply], sealed: ssl.SSLContext | None = None
) -> Iterator[int]:
    """Serves `/w/add-checkpoint` on a port of this machine, over TLS where it has a context."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/w/add-checkpoint"
            try:
                status, media, data = answer(body)
            except LogError:
                status, media, data = 422, "text/plain", b""
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if sealed is not None:
        server.socket = sealed.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def others() -> Iterator[list[Other]]:
    """Yield three witnesses that listen."""
    with ExitStack() as stack:
        made = [Other(Signer(f"w{n}.example", bytes([n] * 32))) for n in (7, 8, 9)]
        for other in made:
            other.port = stack.enter_context(listening(other.answer))
        yield made


@contextmanager
def logging(url: str, folder: Path, others: list[Other], quorum: int = 0) -> Iterator[Node]:
    """Serves a node whose log they witness."""
    witnesses = tuple(other.witness for other in others)
    with Node(url, folder / "comity.key", witnesses=witnesses, witness_quorum=quorum) as node:
        # what tests do beside the server waits for its witnesses too
        object.__setattr__(node.world.database.log, "is_witnessed", True)
        yield node


def published(node: Node) -> int:
    found = node.data("{ log { size } }")["log"]
    return found["size"] if found else 0


def reached(node: Node, size: int) -> None:
    """Waits until so much is published."""
    until_so(lambda: published(node) >= size, lambda: published(node))


def test_a_checkpoint_is_published_with_its_witnesses_cosignatures(
    database_url: str, tmp_path: Path, others: list[Other]
) -> None:
    with logging(database_url, tmp_path, others) as node:
        team = node.world.team()
        size = node.issue(team.issuer)["logEntry"]["index"] + 1
        reached(node, size)
        found = node.data(LOG)["log"]
        assert node.client.get("/log/checkpoint").text == found["checkpoint"]
        note = parse_note(found["checkpoint"].encode())
        keys = [LOG_KEY.verifier(), *(other.witness.verifier for other in others)]
        assert set(signed_by(note, keys)) == set(keys)
        for other in others:
            keys = [other.witness.verifier]
            signed = open_checkpoint(found["checkpoint"].encode(), LOG_KEY.name, verifiers=keys)
            assert (signed.size, signed.root) == (size, b64decode(found["rootHash"]))
            proof = parse_proof(found["entry"]["proof"].encode())
            proof.check(found["entry"]["data"].encode(), LOG_KEY.name, verifiers=keys)


def test_publication_waits_and_changes_do_not(
    database_url: str, tmp_path: Path, others: list[Other]
) -> None:
    for other in others:
        other.answers = lambda body: (500, "text/plain", b"no")
    with logging(database_url, tmp_path, others) as node:
        team = node.world.team()
        told = node.issue(team.issuer)
        entry = "query ($i: ID!) { sanction(id: $i) { logEntry { isPublished proof data } } }"
        asked = {"i": told["sanction"]["id"]}
        time.sleep(0.3)
        assert node.data("{ log { size } }")["log"] is None
        assert node.client.get("/log/checkpoint").status_code == 404
        waits = node.data(entry, asked)["sanction"]["logEntry"]
        assert waits["isPublished"] is False
        parse_proof(waits["proof"].encode()).check(
            waits["data"].encode(), LOG_KEY.name, verifiers=[LOG_KEY.verifier()]
        )
        for other in others:
            other.answers = None
        reached(node, told["logEntry"]["index"] + 1)
        assert node.data(entry, asked)["sanction"]["logEntry"]["isPublished"] is True


def _silent(_: bytes) -> Reply:
    time.sleep(3)
    return 200, "text/plain", b""


def _lying(body: bytes) -> Reply:
    note = parse_add_checkpoint(body).note
    forged = Signer("w7.example", bytes([66] * 32)).cosign(note.text, at=1)
    return 200, "text/plain", f"{forged.line}\n".encode()


WRONG: dict[str, Callable[[bytes], Reply]] = {
    "silent": _silent,
    "lying": _lying,
    "of-another-text": lambda _: (
        *(200, "text/plain"),
        f"{Signer('w7.example', bytes([7] * 32)).cosign('other', at=1).line}\n".encode(),
    ),
    "failing": lambda _: (503, "text/plain", b"busy"),
    "leading-elsewhere": lambda _: (302, "text/plain", b""),
    "telling-no-size": lambda _: (409, SIZE, b"many\n"),
    "ahead": lambda _: (409, SIZE, b"999999\n"),
    "endless": lambda _: (200, "text/plain", b"x" * 1_000_000),
    "binary": lambda _: (200, "text/plain", bytes(range(256))),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_two_of_three_are_enough_whatever_the_third_does(
    sqlite_url: str, tmp_path: Path, others: list[Other], wrong: str, lines: Lines
) -> None:
    others[0].answers = WRONG[wrong]
    with logging(sqlite_url, tmp_path, others, quorum=2) as node:
        team = node.world.team()
        for _ in range(2):
            reached(node, node.issue(team.issuer)["logEntry"]["index"] + 1)
        note = parse_note(node.client.get("/log/checkpoint").content)
        assert [one.name for one in note.signatures[1:]] == ["w8.example", "w9.example"]
    assert not lines.of("publishing failed; it is tried again")
    told = [line["witness"] for line in lines.of("no cosignature")]
    assert told == ([] if wrong == "silent" else ["w7.example"])  # once, and not each time


def test_a_witness_that_is_down_is_asked_again(
    database_url: str, tmp_path: Path, others: list[Other], lines: Lines
) -> None:
    port, others[0].port = others[0].port, 1
    with logging(database_url, tmp_path, others[:1]) as node:
        node.world.team()
        until_so(lambda: lines.of("no cosignature") != [])
        assert published(node) == 0
    assert lines.of("no cosignature")[0]["why"] == "not reached"
    others[0].port = port
    with logging(database_url, tmp_path, others[:1]) as node:  # after a restart it goes on
        reached(node, 1)


def test_what_a_witness_knows_is_remembered_and_learnt(
    database_url: str, tmp_path: Path, others: list[Other]
) -> None:
    for _ in range(2):
        with logging(database_url, tmp_path, others[:1]) as node:
            reached(node, node.issue(node.world.team().issuer)["logEntry"]["index"] + 1)
    assert others[0].asked.count(0) == 1
    others[0].asked.clear()
    others[0].size, others[0].root = 0, b""  # it lost all: it tells so, and is asked from there
    with logging(database_url, tmp_path, others[:1]) as node:
        reached(node, node.issue(node.world.team().issuer)["logEntry"]["index"] + 1)
    assert 0 in others[0].asked


def test_a_node_witnesses_another(database_url: str, sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with ExitStack() as stack:
        if database_url == sqlite_url:  # two nodes, two databases
            database_url = f"sqlite:///{tmp_path / 'logging.db'}"
            (tmp_path / "logging.db").write_bytes((tmp_path / "comity.db").read_bytes())
        watching = stack.enter_context(Node(sqlite_url, tmp_path / "comity.key"))
        watching.world.do(witness_log, LOG_KEY.name, [str(LOG_KEY.verifier())])

        def answer(body: bytes) -> Reply:
            told = watching.client.post("/log/add-checkpoint", content=body)
            return told.status_code, told.headers["content-type"], told.content

        other = Other(WITNESS_KEY, port=stack.enter_context(listening(answer)))
        node = stack.enter_context(logging(database_url, tmp_path / "a", [other]))
        team = node.world.team()
        for _ in range(3):
            reached(node, node.issue(team.issuer)["logEntry"]["index"] + 1)
        note = parse_note(node.client.get("/log/checkpoint").content)
        assert signed_by(note, [other.witness.verifier])


def test_without_witnesses_what_is_signed_is_published(node: Node) -> None:
    team = node.world.team()
    size = node.issue(team.issuer)["logEntry"]["index"] + 1
    assert published(node) == size
