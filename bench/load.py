"""A load generator over bare keep-alive connections: closed loop, fixed time, latencies kept."""

import asyncio
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle
from statistics import quantiles

import uvloop

_LENGTH = re.compile(rb"(?i)\ncontent-length: *([0-9]+)")


@dataclass(frozen=True, slots=True)
class Load:
    """How many requests were answered, how many a second, and latencies in milliseconds."""

    count: int
    rate: float
    p50: float
    p99: float
    errors: int


def request(port: int, token: str, body: bytes) -> bytes:
    return (
        f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def answer(port: int, sent: bytes) -> bytes:
    """The body of one answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = await exchange(reader, writer, sent)
    writer.close()
    await writer.wait_closed()
    return body


def load(port: int, requests: Iterable[bytes], seconds: float, connections: int) -> Load:
    """Keeps `connections` busy for a time, each with the next of the requests; after the last one
    the first is next."""
    return uvloop.run(_load(port, requests, seconds, connections))


async def _load(port: int, requests: Iterable[bytes], seconds: float, connections: int) -> Load:
    begun, loop = time.perf_counter(), asyncio.get_running_loop()
    following = cycle(requests)
    clients = [_Client(following, begun + seconds) for _ in range(connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*(client.over for client in clients))
    took = time.perf_counter() - begun
    latencies = [one for client in clients for one in client.latencies]
    cuts = quantiles(latencies, n=100) if len(latencies) > 1 else [0.0] * 99
    errors = sum(client.errors for client in clients)
    return Load(len(latencies), len(latencies) / took, cuts[49], cuts[98], errors)


class _Client(asyncio.Protocol):
    """A connection that asks again as soon as it is answered. It takes far less than streams would,
    since the database answers from the processor that the load comes from."""

    def __init__(self, requests: Iterator[bytes], until: float) -> None:
        self._requests, self._until = requests, until
        self._got = b""
        self.over = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        self.errors = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._got += data
        if _is_whole(self._got):
            self.latencies.append((time.perf_counter() - self._begun) * 1_000)
            self.errors += b'"errors"' in self._got
            self._got = b""
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._begun < self._until:
            self.over.set_exception(exc or ConnectionResetError())

    def _ask(self) -> None:
        self._begun = time.perf_counter()
        if self._begun < self._until:
            self._transport.write(next(self._requests))
        else:
            self.over.set_result(None)
            self._transport.close()


def _is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return len(body) == int(length[1]) if length else body.endswith(b"0\r\n\r\n")


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes
) -> bytes:
    """The body of the answer to what is sent."""
    writer.write(sent)
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    start = lower.find(b"content-length:")
    if start >= 0:
        return await reader.readexactly(int(lower[start + 15 : lower.index(b"\r\n", start)]))
    body = bytearray()
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return bytes(body)
