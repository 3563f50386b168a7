"""How fast subscribers hear of events: from the commit to what a client has read, for rates doubled
until it takes too long.

python -m bench.fanout [--subscribers 1000] [--rate 50] [--seconds 10] [--engine sqlite]

One node and one process, which the clients and the writer don't share a processor with. Every
subscriber has to be told every event once and in order; otherwise the rate is one too many.
"""

import argparse
import asyncio
import base64
import os
import re
import time
from collections import Counter
from datetime import UTC, datetime
from typing import cast

import httpx2
import orjson
import uvloop
from rich.console import Console
from rich.table import Table

from bench import worlds
from bench.nodes import NODE, cpu_of, peak_of, serving
from governance.fields import parse_instant
from governance.settings import Settings
from tests.api.http.outside import OPERATIONS, issue_input

BAR = 1.0  # seconds, for 99 of 100 events told
PATIENCE = 15.0  # seconds for what is under way once nothing more is written
TICKS = 5  # writes a second, each of as many decisions as the rate takes
TOLD = re.compile(rb'"cursor":"feed~(\d+)","occurredAt":"([^"]+)"')
LONGEST = 100  # bytes that TOLD fits
QUERY = """subscription { events {
  cursor occurredAt type platform { domain } subject
  sanction { id measure effect validity expiresAt }
} }"""
out = Console()


def main() -> None:
    """Measures both engines, or one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--subscribers", type=int, default=1_000)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--engine", choices=worlds.ENGINES)
    options = parser.parse_args()
    for engine, settings, token in worlds.on_each(options.engine, 0):
        _engine(engine, settings, token, options)


def _engine(engine: str, settings: Settings, token: str, options: argparse.Namespace) -> None:
    title = f"{engine}: {options.subscribers:,} subscribers"
    names = ("events/s", "told/s", "p50 ms", "p99 ms", "processor", "memory MB")
    table = Table(*names, title=title, box=None)
    most = 2 * options.subscribers + 10
    os.environ["COMITY_STREAMS_OF_MEMBER"] = str(most)
    with serving(NODE, settings) as (port, pid):
        processors = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(processors)})
        uvloop.run(_measured(f"http://127.0.0.1:{port}", pid, token, table, options))
    os.sched_setaffinity(0, processors)
    out.print(table)


async def _measured(
    address: str, pid: int, token: str, table: Table, options: argparse.Namespace
) -> None:
    """Rates from the first on, up to the one at which the bar isn't reached."""
    host, _, port = address.removeprefix("http://").partition(":")
    loop = asyncio.get_running_loop()
    clients = [Client(token) for _ in range(options.subscribers)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, host, int(port))  # type: ignore[misc]
        await client.ready
    rate, is_reached = options.rate, True
    async with httpx2.AsyncClient(base_url=address, timeout=60) as http:
        while is_reached:
            for client in clients:
                client.latencies.clear()
            before, begun = cpu_of(pid), time.monotonic()
            written = await _write(http, token, rate, options.seconds)
            is_whole = await _told(clients, written)
            took = time.monotonic() - begun
            found: Counter[int] = sum((client.latencies for client in clients), Counter())
            p50, p99 = _percentile(found, 0.5), _percentile(found, 0.99)
            used = (cpu_of(pid) - before) / took
            told = found.total() / took
            row = (f"{written / options.seconds:,.0f}", f"{told:,.0f}", f"{p50:,}", f"{p99:,}")
            table.add_row(*row, f"{used:.0%}", f"{peak_of(pid) >> 20:,}")
            is_reached = is_whole and p99 < BAR * 1_000 and written >= 0.8 * rate * options.seconds
            rate *= 2
    for client in clients:
        client.transport.abort()


async def _write(http: httpx2.AsyncClient, token: str, rate: int, seconds: float) -> int:
    """Issues sanctions at a rate; how many, which are fewer where the node is too slow."""
    headers = {"Authorization": f"Bearer {token}"}
    written, begun = 0, time.monotonic()
    for tick in range(round(seconds * TICKS)):
        await asyncio.sleep(max(0, begun + tick / TICKS - time.monotonic()))
        if time.monotonic() - begun > seconds:
            break
        sanctions = [issue_input(datetime.now(UTC)) for _ in range(max(1, rate // TICKS))]
        body = {
            "query": OPERATIONS,
            "operationName": "IssueSanctions",
            "variables": {"input": {"sanctions": sanctions}},
        }
        answer = (await http.post("/graphql", json=body, headers=headers)).json()
        if [one["extensions"]["code"] for one in answer.get("errors", ())] == ["BUSY"]:
            continue  # the writers' turn didn't come: nothing is written
        results = answer["data"]["issueSanctions"]["results"]
        assert all(one["__typename"] == "SanctionIssued" for one in results), results[0]
        written += len(sanctions)
    return written


async def _told(clients: list["Client"], count: int) -> bool:
    """Whether every subscriber has been told so many events, after some patience."""
    until = time.monotonic() + PATIENCE
    while any(client.latencies.total() < count for client in clients):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.05)
    return True


def _percentile(latencies: Counter[int], share: float) -> int:
    """The latency in milliseconds that a share of all is within."""
    left = share * latencies.total()
    for latency in sorted(latencies):
        left -= latencies[latency]
        if left <= 0:
            return latency
    return 0


class Client(asyncio.Protocol):
    """A subscriber that reads no more of what it is told than it has to."""

    _instants: dict[bytes, float] = {}  # noqa: RUF012 one for all, as they are told the same

    def __init__(self, token: str) -> None:
        self.latencies: Counter[int] = Counter()  # in milliseconds
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport
        self._token, self._rest, self._place = token, b"", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET /graphql HTTP/1.1",
            "Host: bench",
            "Connection: Upgrade",
            "Upgrade: websocket",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: graphql-transport-ws",
            "",
            "",
        ]
        self.transport.write("\r\n".join(lines).encode())

    def data_received(self, data: bytes) -> None:
        if self.ready.done():
            self._count(self._rest + data)
        elif data.startswith(b"HTTP/1.1 101"):
            given = {"Authorization": f"Bearer {self._token}"}
            self._send({"type": "connection_init", "payload": given})
        else:
            assert b"connection_ack" in data, data
            self._send({"type": "subscribe", "id": "1", "payload": {"query": QUERY}})
            self.ready.set_result(None)

    def _count(self, data: bytes) -> None:
        now, end = time.time(), 0
        for found in TOLD.finditer(data):
            place, instant = int(found[1]), found[2]
            assert place > self._place, "events in another order"
            if instant not in self._instants:
                self._instants[instant] = parse_instant(instant.decode()).timestamp()
            self.latencies[int((now - self._instants[instant]) * 1_000)] += 1
            self._place, end = place, found.end()
        self._rest = data[end:][-LONGEST:]

    def _send(self, message: object) -> None:
        """A masked frame of text (RFC 6455, 5.2); a mask of zeros leaves it as it is."""
        text = orjson.dumps(message)
        size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2)
        self.transport.write(b"\x81" + size + bytes(4) + text)


if __name__ == "__main__":
    main()
