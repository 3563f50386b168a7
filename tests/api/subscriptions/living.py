"""A node that listens on a port of this process, for what takes connections that stay open."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import pytest
from uvicorn import Server
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from api.serving import configured
from governance.membership import Actor
from tests.api.http.outside import Node
from tests.api.serving import plain_client

PATIENCE = 20.0  # seconds that something may take at most
EVENTS = """subscription Events($after: Cursor, $filter: EventFilter) {
  events(after: $after, filter: $filter) {
    cursor type subject platform { domain } sanction { id validity } notice { appealSecret }
  }
}"""
Event = dict[str, Any]


class Live(Node):
    """A node that serves over sockets; whoever asks it over HTTP does so too."""

    def __init__(self, url: str, key_file: Path, **settings: Any) -> None:
        super().__init__(url, key_file, **settings)
        self.app: Any = self.client.app
        self.options: dict[str, Any] = {}

    def __enter__(self) -> Self:
        options = {"port": 0, "log_config": None, "timeout_graceful_shutdown": 5} | self.options
        self.server = Server(configured(self.app, lifespan="on", **options))
        self._thread = threading.Thread(target=self.server.run)
        self._thread.start()
        until = time.monotonic() + PATIENCE
        while not self.server.started:
            assert self._thread.is_alive(), "the node doesn't start"
            assert time.monotonic() < until
            time.sleep(0.005)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        self.client = plain_client(base_url=f"http://{self.address}", timeout=PATIENCE)  # type: ignore[assignment]
        return self

    def __exit__(
        self, t: type[BaseException] | None, v: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.client.close()
        self.stop()
        self.world.__exit__(None, None, None)

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the node doesn't stop"

    @property
    def followers(self) -> list[int]:
        """How many subscribers are alike, for each kind of them."""
        return [stream.followers for stream in self.app.state.feed.streams.values()]

    @property
    def statements(self) -> int:
        """How many statements reads have taken."""
        return int(self.app.state.executor.reader.store.statements)


class Subscriber:
    """A client of the sub-protocol graphql-transport-ws, as plain as it can be."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def send(self, **message: object) -> None:
        self.connection.send(orjson.dumps(message).decode())

    def receive(self, timeout: float = PATIENCE) -> dict[str, Any]:
        text = self.connection.recv(timeout)
        assert isinstance(text, str), "clients can't read binary frames"
        message: dict[str, Any] = orjson.loads(text)
        return message

    def init(self, token: str | None = None) -> None:
        payload = {} if token is None else {"payload": {"Authorization": f"Bearer {token}"}}
        self.send(type="connection_init", **payload)
        assert self.receive() == {"type": "connection_ack"}

    def subscribe(self, ident: str = "1", query: str = EVENTS, **variables: Any) -> None:
        payload = {"query": query, "variables": variables}
        self.send(type="subscribe", id=ident, payload=payload)

    def next(self, ident: str = "1") -> Event:
        """The next event of an operation, which has to be the next message."""
        message = self.receive()
        assert (message["type"], message["id"]) == ("next", ident), message
        event: Event = message["payload"]["data"]["events"]
        return event

    def take(self, count: int) -> list[Event]:
        return [self.next() for _ in range(count)]

    def is_quiet(self, seconds: float = 0.2) -> bool:
        """Whether nothing comes for a moment."""
        with suppress(TimeoutError):
            self.receive(seconds)
            return False
        return True

    def closed(self) -> tuple[int, str]:
        """The code and reason that the node closes the socket with, whatever comes before."""
        with pytest.raises(ConnectionClosed) as closed:
            self._exhaust()
        close = closed.value.rcvd
        assert close is not None, "the connection broke off"
        return close.code, close.reason

    def _exhaust(self) -> None:
        while True:
            self.connection.recv(PATIENCE)


@contextmanager
def socket(address: str, **options: Any) -> Iterator[Subscriber]:
    """An open socket, on which nothing was said yet."""
    options = {"subprotocols": [Subprotocol("graphql-transport-ws")], "compression": None} | options
    url = f"ws://{address}" if "/" in address else f"ws://{address}/graphql"
    with connect(url, **options) as connection:
        yield Subscriber(connection)


@contextmanager
def following(node: Live, by: Actor | str | None = None, **variables: Any) -> Iterator[Subscriber]:
    """A subscription to events, with the token of a member or without one."""
    token = node.headers(by).get("Authorization", "").removeprefix("Bearer ") or None
    with socket(node.address) as subscriber:
        subscriber.init(token)
        subscriber.subscribe(**variables)
        yield subscriber
