"""A receiver of somebody else's make, on a socket: it keeps what it gets, and answers as told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import orjson

from tests.waiting import until_so


@dataclass(frozen=True, slots=True)
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Endpoint:
    """What came, oldest first; `answers` says what to answer to it."""

    answers: Callable[[Got], tuple[int, bytes]] = lambda _: (202, b"")
    got: list[Got] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events?for=us"

    def waited(self, count: int) -> list[Got]:
        """What came, once there is so much of it."""
        until_so(lambda: len(self.got) >= count, lambda: f"{len(self.got)} of {count} came")
        return self.got


@contextmanager
def receiving(endpoint: Endpoint) -> Iterator[Endpoint]:
    """Listens on a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            got = Got(self.path, headers, body)
            status, answer = endpoint.answers(got)
            endpoint.got.append(got)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Location", endpoint.url)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 64

    server = Server(("127.0.0.1", endpoint.port), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    endpoint.port = server.server_port
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
