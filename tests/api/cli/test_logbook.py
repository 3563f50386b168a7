"""`comity log verify` and `comity log mirror`, from folders and from servers that lie."""

import gzip
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from api import sources
from governance.log.authorship import hand_over
from governance.log.descent import order
from governance.log.signers import Signer
from governance.log.tiles import edge_of
from tests.api.cli.conftest import Comity
from tests.api.serving import ROOT, command, environment
from tests.logs import LOG, ORIGIN, Files, Writer, decision, files, story, write

STORY = story(600)
LOGS = {size: files(STORY[:size]) for size in (0, 1, 10, 300, 600)}
KEY = str(LOG.verifier())
OTHER = Signer(ORIGIN, b"o" * 32)

Answer = Callable[[BaseHTTPRequestHandler], None]


class Handler(BaseHTTPRequestHandler):
    """Serves files under /log, compressed where that is welcome; `answers` come first."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        path = self.path.removeprefix("/log/")
        self.server.asked.append(path)
        if (answer := self.server.answers.get(path) or self.server.answers.get("*")) is not None:
            answer(self)
        elif path in self.server.files:
            self.send(200, gzip.compress(self.server.files[path]), **{"Content-Encoding": "gzip"})
        else:
            self.send(404, b"Not Found")

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: Files = {}
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/log"

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever reads hangs up on hostile answers."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as serving:
        threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
        yield serving
        serving.shutdown()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PAUSE", 0.0)
    monkeypatch.setattr(sources, "LONGEST_SILENCE", 0.5)
    monkeypatch.setattr(sources, "LONGEST_ANSWER", 1.0)


@pytest.mark.parametrize("size", [0, 1, 10, 300, 600])
def test_a_good_log_is_told_in_a_line(
    comity: Comity, server: Server, tmp_path: Path, size: int
) -> None:
    server.files = LOGS[size]
    folder = str(write(tmp_path / "log", LOGS[size]))
    for where in (folder, server.url, f"{server.url}/"):
        done = comity("log", "verify", where, "--key", KEY)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith(f"{ORIGIN}: {size} entr{'y' if size == 1 else 'ies'}, root ")
        assert done.out.endswith(f", signed by {KEY}\n")


def test_a_key_that_lies_with_the_log_shows_consistency_only(
    comity: Comity, tmp_path: Path
) -> None:
    folder = write(tmp_path / "log", LOGS[10])
    done = comity("log", "verify", str(folder))
    assert done.code == 0
    assert done.err.startswith("no --key was given: this shows that the log is consistent, and not")
    (folder / "key").unlink()
    assert comity("log", "verify", str(folder)).err == (
        "comity: key: there is no such file; give --key\n"
    )


def test_a_saved_checkpoint_holds_the_log_to_what_it_was(comity: Comity, tmp_path: Path) -> None:
    folder, saved = write(tmp_path / "log", LOGS[300]), tmp_path / "seen" / "checkpoint"
    arguments = ("log", "verify", str(folder), "--key", KEY, "--save", str(saved))
    assert comity(*arguments).code == 0
    assert saved.read_bytes() == LOGS[300]["checkpoint"]
    write(folder, LOGS[600])
    assert comity(*arguments, "--since", str(saved)).code == 0
    assert saved.read_bytes() == LOGS[600]["checkpoint"]
    write(folder, LOGS[300])
    done = comity(*arguments, "--since", str(saved))
    assert done.code == 1
    assert done.err == "comity: checkpoint: the log has 300 entries, and had 600 before\n"
    write(folder, files([*STORY[300:600], *STORY[:300], STORY[0]]))
    done = comity(*arguments, "--since", str(saved))
    assert "the older checkpoint: the log's first 600 entries were others then" in done.err or (
        "there may be more" in done.err
    )
    assert saved.read_bytes() == LOGS[600]["checkpoint"]


def test_a_full_disk_is_told_with_the_file(comity: Comity, tmp_path: Path) -> None:
    folder, saved = write(tmp_path / "log", LOGS[10]), tmp_path / "seen"
    part = tmp_path / ".seen.part"
    part.symlink_to("/dev/full")
    done = comity("log", "verify", str(folder), "--key", KEY, "--save", str(saved))
    assert (done.code, done.err) == (1, f"comity: {saved}: No space left on device\n")
    assert not saved.exists()
    assert not part.is_symlink()


def test_a_server_out_of_reach_is_not_asked_for_with_a_key(comity: Comity) -> None:
    done = comity("log", "verify", "http://127.0.0.1:1/log")
    assert done.err == (
        "comity: checkpoint: the server is out of reach or breaks off (ConnectError)\n"
    )


def test_each_thing_that_is_wrong_is_a_line(comity: Comity, tmp_path: Path) -> None:
    writer = Writer()
    writer.begin(seq=1)
    writer.begin(loggedAt="2026-11-24T11:00:00.000000Z")
    done = comity("log", "verify", str(write(tmp_path, files(writer.entries))), "--key", KEY)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "comity: entry 0: seq is 1, and 0 comes next for alpha.example\n"
        "comity: entry 1: loggedAt is 2026-11-24T11:00:00.000000Z, before "
        "2026-11-24T12:00:00.000000Z of an earlier entry\n"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere",), "comity: nowhere is no folder, and no URL such as"),
        (("ftp://node.example/log",), "comity: expected a URL such as"),
        (("http:///log",), "comity: expected a URL such as"),
        (("http://node.example/log?x=1",), "comity: expected a URL such as"),
        (("http://node.example:port/log",), "comity: expected a URL such as"),
        ((".", "--key", "x+y+z"), "comity: --key: it isn't a verifier key"),
        ((".", "--key", KEY), "comity: checkpoint: there is no such file"),
        ((".", "--key", KEY, "--since", "nothing"), "comity: nothing: there is no such file"),
        (("http://127.0.0.1:1/log", "--key", KEY), "comity: checkpoint: the server is out of"),
    ],
    ids=range(9),
)
def test_what_can_not_be_read_is_told(
    comity: Comity, arguments: tuple[str, ...], told: str
) -> None:
    done = comity("log", "verify", *arguments)
    assert done.code == 1
    assert done.err.startswith(told)


def test_a_name_is_harmless_on_a_terminal(comity: Comity, tmp_path: Path) -> None:
    signer = Signer("log\x9b31m\u202e", b"l" * 32)
    log = files([], signer, origin=signer.name)
    done = comity("log", "verify", str(write(tmp_path, log)))
    assert done.out.startswith("log\ufffd31m\ufffd: 0 entries")


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(bytes(65_536))


def dripping(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while not threading.Event().wait(0.1):
        handler.wfile.write(b"x")


def silent(handler: BaseHTTPRequestHandler) -> None:
    threading.Event().wait(5)


def breaking_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"x")
    handler.close_connection = True


def sent(status: int, body: bytes = b"", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: Handler.send(handler, status, body, **named)  # type: ignore[arg-type]


BOMB = gzip.compress(bytes(20_000_000))
BUNDLE = gzip.compress(LOGS[600]["tile/entries/001"])


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (endless, "it has more than 16,777,472 bytes"),
        (dripping, "it isn't there after 1 seconds"),
        (silent, "the server is out of reach or breaks off (ReadTimeout)"),
        (breaking_off, "the server is out of reach or breaks off (RemoteProtocolError)"),
        (sent(500), "the server answers with 500"),
        (sent(206), "the server answers with 206"),
        (sent(302, Location="/log/tile/entries/001"), "the server redirects more than once"),
        (sent(301, Location="https://127.0.0.1/"), "the server redirects to another scheme"),
        (sent(301, Location="file:///etc/passwd"), "the server redirects to another scheme"),
        (sent(301, Location="http://node.example:port/"), "the server redirects to no address"),
        (sent(301), "the server redirects more than once"),
        (sent(200, BOMB, Content_Encoding="gzip"), "it has more than 16,777,472"),
        (sent(200, BUNDLE[:-9], Content_Encoding="gzip"), "it ends too early"),
        (sent(200, b"hello", Content_Encoding="gzip"), "it isn't packed with gzip"),
        (sent(200, b"hello", Content_Encoding="br"), "the server packs it in a way that wasn't"),
        (sent(200, b""), "a bundle is 1 to 256 entries"),
    ],
    ids=range(16),
)
def test_a_hostile_server_is_told_of(
    comity: Comity, server: Server, answer: Answer, told: str
) -> None:
    server.files, server.answers = LOGS[600], {"tile/entries/001": answer}
    done = comity("log", "verify", server.url, "--key", KEY)
    assert done.code == 1
    assert done.err.startswith(f"comity: tile/entries/001: {told}")


def test_one_redirect_and_plain_bodies_are_fine(comity: Comity, server: Server) -> None:
    server.files = {f"there/{path}": data for path, data in LOGS[300].items()}
    for path, data in LOGS[300].items():
        server.answers[path] = sent(302, Location=f"/log/there/{path}")
        server.answers[f"there/{path}"] = sent(200, data)
    assert comity("log", "verify", server.url, "--key", KEY).code == 0


def test_a_connection_that_breaks_once_is_tried_again(comity: Comity, server: Server) -> None:
    server.files = LOGS[300]

    def once(handler: BaseHTTPRequestHandler) -> None:
        del server.answers["tile/0/000"]
        breaking_off(handler)

    server.answers["tile/0/000"] = once
    assert comity("log", "verify", server.url, "--key", KEY).code == 0


def written(folder: Path) -> Files:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_a_log_is_mirrored_and_only_what_is_new_is_fetched(
    comity: Comity, server: Server, tmp_path: Path
) -> None:
    server.files, copy = LOGS[300], tmp_path / "copy"
    done = comity("log", "mirror", server.url, str(copy), "--key", KEY)
    assert (done.code, written(copy)) == (0, LOGS[300])
    server.files, server.asked = LOGS[600], []
    assert comity("log", "mirror", server.url, str(copy)).code == 0  # the copy has the key
    assert written(copy) == LOGS[300] | LOGS[600]
    assert sorted(server.asked) == sorted(
        {*LOGS[600], "checkpoint"} - {*LOGS[300]} | {"checkpoint"}
    )
    assert comity("log", "verify", str(copy), "--key", KEY).code == 0


def test_an_interrupted_copy_is_continued(comity: Comity, server: Server, tmp_path: Path) -> None:
    server.files, copy = LOGS[600], tmp_path / "copy"
    for path in (tile.path for tile in (*edge_of(600), *order(600))):
        server.answers = {path: sent(503)}
        done = comity("log", "mirror", server.url, str(copy), "--key", KEY)
        assert done.err == f"comity: {path}: the server answers with 503\n"
        assert not (copy / "checkpoint").exists()
    server.answers, server.asked = {}, []
    assert comity("log", "mirror", server.url, str(copy), "--key", KEY).code == 0
    assert written(copy) == LOGS[600]
    assert len(server.asked) <= 2


@pytest.mark.parametrize("path", ["tile/0/001", "tile/entries/002.p/88"])
def test_a_killed_copy_is_continued(
    comity: Comity, server: Server, tmp_path: Path, path: str
) -> None:
    server.files, copy = LOGS[600], tmp_path / "copy"
    server.answers = {path: silent}
    arguments = ("log", "mirror", server.url, str(copy), "--key", KEY)
    process = subprocess.Popen(command(*arguments), cwd=ROOT, env=environment())
    while path not in server.asked:
        assert process.poll() is None
        threading.Event().wait(0.01)
    process.kill()
    process.wait()
    server.answers = {}
    assert comity(*arguments).code == 0
    assert written(copy) == LOGS[600]


def test_a_copy_killed_while_files_were_put_in_place_is_continued(
    comity: Comity, server: Server, tmp_path: Path
) -> None:
    server.files, copy = LOGS[600], write(tmp_path / "copy", LOGS[300])
    added = sorted({*LOGS[600]} - {*LOGS[300]})
    write(copy, {path: LOGS[600][path] for path in added[::2]})
    write(copy / ".new", {path: LOGS[600][path] for path in added[1::2]})
    write(copy / ".new", {"tile/0/000.p/7": b"of another time", "tile/0/.001.part": b""})
    assert comity("log", "mirror", server.url, str(copy), "--key", KEY).code == 0
    assert written(copy) == LOGS[300] | LOGS[600]
    assert server.asked == ["checkpoint"]


def test_nothing_is_copied_that_does_not_fit(
    comity: Comity, server: Server, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    server.files = LOGS[300]
    assert comity("log", "mirror", server.url, str(copy), "--key", KEY).code == 0
    for log, told in (
        (LOGS[10], "checkpoint: the log has 10 entries, and had 300 before"),
        (files(STORY[1:]), "tile/0/000: its hashes don't give the one in tile/1/000.p/2"),
        (LOGS[600] | {"checkpoint": files(STORY, OTHER)["checkpoint"]}, "checkpoint: no known key"),
    ):
        server.files = log
        done = comity("log", "mirror", server.url, str(copy))
        assert done.code == 1
        assert done.err.startswith(f"comity: {told}")
        assert written(copy) == LOGS[300]
    server.files = LOGS[600]
    assert comity("log", "mirror", server.url, str(copy)).code == 0


def test_a_log_whose_key_was_handed_over_is_mirrored(
    comity: Comity, server: Server, tmp_path: Path
) -> None:
    writer = Writer()
    handover = hand_over(LOG, OTHER.verifier())
    new = str(OTHER.verifier())
    writer.add(decision("log.key_rotated", None, verifier=new, handover=handover))
    server.files = files(writer.entries, OTHER)
    done = comity("log", "mirror", server.url, str(tmp_path / "copy"), "--key", KEY)
    assert done.code == 0
    assert done.out.endswith(f"signed by {new}\n")
    assert comity("log", "verify", str(tmp_path / "copy"), "--key", KEY).code == 0


def test_a_checkpoint_by_a_key_that_was_replaced_says_what_to_give(
    comity: Comity, tmp_path: Path
) -> None:
    folder, saved = write(tmp_path / "log", files([])), tmp_path / "seen"
    arguments = ("log", "verify", str(folder), "--since", str(saved))
    assert comity("log", "verify", str(folder), "--key", KEY, "--save", str(saved)).code == 0
    new, writer = str(OTHER.verifier()), Writer()
    handover = hand_over(LOG, OTHER.verifier())
    writer.add(decision("log.key_rotated", None, verifier=new, handover=handover))
    write(folder, files(writer.entries, OTHER))
    done = comity(*arguments, "--key", new)
    assert (done.code, done.out) == (1, "")
    name, ident, _ = KEY.split("+", 2)
    assert done.err == (
        "comity: the older checkpoint: entry 0 replaces the key that signed it: "
        f"give --key {name}+{ident}+…, too\n"
    )
    assert comity(*arguments, "--key", new, "--key", KEY).code == 0
    assert comity(*arguments, "--key", KEY).code == 0
