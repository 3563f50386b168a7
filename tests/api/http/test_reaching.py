"""Another node tells that its log went on; one that can't is asked again, at a pace."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anyio
import pytest

from api.outward import Outside
from api.reaching import Node
from api.tiles import tag_of
from governance.settings import Settings

ELSEWHERE = (("elsewhere.invalid", "127.0.0.1", 9),)
Answers = Callable[[dict[str, str]], tuple[int, float]]


@contextmanager
def peer(answers: Answers) -> Iterator[str]:
    """A server that answers with a status, after a while."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, pause = answers({name.lower(): text for name, text in self.headers.items()})
            time.sleep(pause)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def asked(url: str, seconds: int = 1) -> bool | None:
    outside = Outside(Settings(test_network=ELSEWHERE))
    with outside.client() as client:
        node = Node(outside, client, url)
        node.checkpoint = b"known"

        async def ask() -> bool | None:
            return await node.is_changed(seconds)

        return anyio.run(ask)


def test_the_newest_checkpoint_is_named_and_a_wait_wished() -> None:
    seen: list[dict[str, str]] = []

    def answers(headers: dict[str, str]) -> tuple[int, float]:
        seen.append(headers)
        return 200, 0

    with peer(answers) as url:
        assert asked(url, 2) is True
    [headers] = seen
    assert (headers["if-none-match"], headers["prefer"]) == (tag_of(b"known"), "wait=2")


@pytest.mark.parametrize(
    ("status", "wait", "pause", "told"),
    [
        *[(304, 1, 1.0, False), (304, 60, 0.0, None), (404, 1, 0.0, None)],
        *[(301, 1, 0.0, None), (500, 1, 1.0, None)],
    ],
)
def test_only_who_waited_in_vain_says_that_there_is_no_news(
    status: int, wait: int, pause: float, told: bool | None
) -> None:
    with peer(lambda _: (status, pause)) as url:
        assert asked(url, wait) is told


def test_who_is_out_of_reach_or_not_public_says_nothing() -> None:
    assert asked("http://127.0.0.1:9") is None
    outside = Outside(Settings())
    with outside.client() as client:
        node = Node(outside, client, "https://127.0.0.1:9")

        async def ask() -> bool | None:
            return await node.is_changed(1)

        assert anyio.run(ask) is None
