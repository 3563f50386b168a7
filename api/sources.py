"""Where a log is read from: a folder, or a URL under which a node serves it.

Neither is trusted: every file has a largest size, and every answer a time by which it is there.
"""

import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Protocol

import httpx2

from api.console import fail
from governance.log.auditing import largest
from governance.log.errors import Unread
from governance.log.tiles import Tile

AHEAD = 8  # files asked for before they are needed
PARTING = 1.0  # seconds that a read which nobody needs any longer may take
LONGEST_SILENCE = 10.0  # seconds
LONGEST_ANSWER = 120.0  # seconds for all of a file
TRIES = 3
PAUSE = 0.5  # seconds between tries
_GZIP = 16 + zlib.MAX_WBITS
REDIRECTS = {301, 302, 303, 307, 308}

Job = tuple[Tile, Future[bytes]]


class Source(Protocol):
    """Something that has the files of a log."""

    def read(self, path: str, limit: int) -> bytes:
        """The bytes of a file, at most a limit; Unread says why there are none."""

    def fetch(self, tiles: Iterable[Tile]) -> Iterator[tuple[Tile, bytes]]:
        """The bytes of tiles, in order."""


class Folder:
    """A log that lies in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, path: str) -> bool:
        """Whether a file is there, and no pipe, which would never end."""
        return (self.folder / path).is_file()

    def read(self, path: str, limit: int) -> bytes:
        if not self.has(path):
            raise Unread(path, "there is no such file")
        try:
            with (self.folder / path).open("rb") as opened:
                data = opened.read(limit + 1)
        except OSError as error:
            raise Unread(path, f"it can't be read ({error.strerror})") from None
        return _bounded(data, path, limit)

    def fetch(self, tiles: Iterable[Tile]) -> Iterator[tuple[Tile, bytes]]:
        for tile in tiles:
            yield tile, self.read(tile.path, largest(tile))


class Site:
    """A log that is served over HTTP."""

    def __init__(self, client: httpx2.Client, prefix: str) -> None:
        self._client, self._prefix = client, prefix.rstrip("/")

    def read(self, path: str, limit: int, *, tries: int = TRIES) -> bytes:
        try:
            return self._read(path, limit)
        except httpx2.TransportError as error:
            if tries == 1:
                kind = type(error).__name__
                raise Unread(path, f"the server is out of reach or breaks off ({kind})") from None
        time.sleep(PAUSE)
        return self.read(path, limit, tries=tries - 1)

    def fetch(self, tiles: Iterable[Tile]) -> Iterator[tuple[Tile, bytes]]:
        return ahead(tiles, lambda tile: self.read(tile.path, largest(tile)))

    def _read(self, path: str, limit: int) -> bytes:
        until = time.monotonic() + LONGEST_ANSWER
        with self._answer(path) as answer:
            if answer.status_code != 200:
                raise Unread(path, f"the server answers with {answer.status_code}")
            return _bounded(b"".join(body(answer, path, limit, until)), path, limit)

    @contextmanager
    def _answer(self, path: str) -> Iterator[httpx2.Response]:
        """The answer, after one redirect at most, which stays with the scheme."""
        url = httpx2.URL(f"{self._prefix}/{path}")
        with self._client.stream("GET", url) as answer:
            if answer.status_code not in REDIRECTS:
                yield answer
                return
            other = _target(url, answer, path)
        with self._client.stream("GET", other) as answer:
            if answer.status_code in REDIRECTS:
                raise Unread(path, "the server redirects more than once")
            yield answer


class Mirrored:
    """A log of which parts lie in folders already."""

    def __init__(self, copies: Sequence[Folder], log: Source) -> None:
        self._copies, self._log = copies, log

    def has(self, path: str) -> bool:
        """Whether a file needn't be fetched."""
        return any(copy.has(path) for copy in self._copies)

    def read(self, path: str, limit: int) -> bytes:
        holder = next((copy for copy in self._copies if copy.has(path)), self._log)
        return holder.read(path, limit)

    def fetch(self, tiles: Iterable[Tile]) -> Iterator[tuple[Tile, bytes]]:
        return ahead(tiles, lambda tile: self.read(tile.path, largest(tile)))


@contextmanager
def opened_source(where: str) -> Iterator[Source]:
    """The log at a URL or in a folder."""
    if "://" not in where:
        if not Path(where).is_dir():
            fail(f"{where} is no folder, and no URL such as https://node.example/log")
        yield Folder(Path(where))
        return
    if not _is_prefix(where):
        fail("expected a URL such as https://node.example/log, without a query")
    asked = {"Accept-Encoding": "gzip", "User-Agent": "comity"}
    with httpx2.Client(headers=asked, timeout=LONGEST_SILENCE) as client:
        yield Site(client, where)


def _is_prefix(where: str) -> bool:
    try:
        url = httpx2.URL(where)
    except httpx2.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(url.host) and not {*"?#"} & {*where}


def _target(url: httpx2.URL, answer: httpx2.Response, path: str) -> httpx2.URL:
    try:
        other = url.join(answer.headers.get("location", ""))
    except (httpx2.InvalidURL, ValueError):
        raise Unread(path, "the server redirects to no address") from None
    if other.scheme != url.scheme:
        raise Unread(path, "the server redirects to another scheme")
    return other


def body(answer: httpx2.Response, path: str, limit: int, until: float) -> Iterator[bytes]:
    """The pieces of a body, which end soon after the limit, whatever they unpack to."""
    coding = answer.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("gzip", "identity"):
        raise Unread(path, "the server packs it in a way that wasn't asked for")
    packed = zlib.decompressobj(_GZIP) if coding == "gzip" else None
    size = 0
    for piece in answer.iter_raw():
        if time.monotonic() > until:
            raise Unread(path, f"it isn't there after {LONGEST_ANSWER:.0f} seconds")
        made = _unpacked(packed, piece, limit + 1 - size, path) if packed else piece
        yield made
        size += len(made)
        if size > limit:
            return
    if packed and not packed.eof:
        raise Unread(path, "it ends too early")


def _unpacked(packed: "zlib._Decompress", piece: bytes, most: int, path: str) -> bytes:
    try:
        return packed.decompress(piece, most)
    except zlib.error:
        raise Unread(path, "it isn't packed with gzip, though the server says so") from None


def _bounded(data: bytes, path: str, limit: int) -> bytes:
    if len(data) > limit:
        raise Unread(path, f"it has more than {limit:,} bytes")
    return data


def ahead(tiles: Iterable[Tile], read: Callable[[Tile], bytes]) -> Iterator[tuple[Tile, bytes]]:
    """Reads tiles a little before they are needed. The threads end with the process at the latest,
    so that nobody who interrupts it waits for a server for long."""
    jobs: SimpleQueue[Job | None] = SimpleQueue()
    threads = [Thread(target=_work, args=(jobs, read), daemon=True) for _ in range(AHEAD)]
    for thread in threads:
        thread.start()
    waiting = deque[Job]()
    try:
        for tile in tiles:
            waiting.append((tile, Future()))
            jobs.put(waiting[-1])
            if len(waiting) > AHEAD:
                yield _done(waiting.popleft())
        while waiting:
            yield _done(waiting.popleft())
    finally:
        for _, future in waiting:
            future.cancel()
        for _ in threads:
            jobs.put(None)
        until = time.monotonic() + PARTING
        for thread in threads:  # what they began to open should be closed
            thread.join(max(0, until - time.monotonic()))


def _done(job: Job) -> tuple[Tile, bytes]:
    tile, future = job
    return tile, future.result()


def _work(jobs: "SimpleQueue[Job | None]", read: Callable[[Tile], bytes]) -> None:
    while (job := jobs.get()) is not None:
        tile, future = job
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(read(tile))
            except BaseException as error:
                future.set_exception(error)
