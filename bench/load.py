"""A load generator over bare keep-alive connections: closed loop, fixed time, latencies kept."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles


@dataclass(frozen=True, slots=True)
class Load:
    """Requests a second, and latencies in milliseconds."""

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


async def load(port: int, requests: Sequence[bytes], seconds: float, connections: int) -> Load:
    """Keeps `connections` busy for a time, each with the next of the requests."""
    latencies: list[float] = []
    errors = 0
    until = time.perf_counter() + seconds

    async def client(number: int) -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        turn = number
        while (begun := time.perf_counter()) < until:
            body = await exchange(reader, writer, requests[turn % len(requests)])
            latencies.append((time.perf_counter() - begun) * 1_000)
            errors += b'"errors"' in body
            turn += connections
        writer.close()
        await writer.wait_closed()

    begun = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(connections)))
    took = time.perf_counter() - begun
    cuts = quantiles(latencies, n=100) if len(latencies) > 1 else [0.0] * 99
    return Load(len(latencies) / took, cuts[49], cuts[98], errors)


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
