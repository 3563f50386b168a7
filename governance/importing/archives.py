"""CSV files, alone or in zip archives within zip archives, read as streams.

An archive is somebody else's: how deep it goes, how far it expands and how much of it is put on
disk are limited, and whatever is wrong with it is said in our own error.
"""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from governance.errors import InvalidInput

DEEPEST = 3  # archives within archives; the EU's daily dumps have two
MOST_RATIO = 200  # bytes out for each byte of the file; real dumps give 8 to 20
ALWAYS_ALLOWED = 16 << 20  # bytes out, however small the file
LARGEST_INNER = 16 << 30  # bytes of one inner archive, which is put on disk
MOST_MEMBERS = 100_000
_CHUNK = 1 << 20
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,  # a compression that isn't known
    RuntimeError,  # a password
    OSError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Part:
    """One CSV file; the name is empty where the file wasn't an archive."""

    name: str
    stream: "Stream"


class Budget:
    """How many bytes may still come out of the file."""

    def __init__(self, size: int) -> None:
        self._left = ALWAYS_ALLOWED + MOST_RATIO * size
        self._members = MOST_MEMBERS

    def spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise InvalidInput(f"the archive expands more than {MOST_RATIO} times: not read on")

    def enter(self) -> None:
        self._members -= 1
        if self._members < 0:
            raise InvalidInput(f"expected at most {MOST_MEMBERS} files in the archive")


class Stream:
    """A member of an archive, read within the budget; its errors are ours."""

    def __init__(self, stream: IO[bytes] | BufferedReader, name: str, budget: Budget) -> None:
        self._stream, self._name, self._budget = stream, name, budget

    def readline(self, size: int = -1, /) -> bytes:
        return self._spent(lambda: self._stream.readline(size))

    def read(self, size: int = -1, /) -> bytes:
        return self._spent(lambda: self._stream.read(size))

    def _spent(self, read: Callable[[], bytes]) -> bytes:
        with ours(self._name):
            data = read()
        self._budget.spend(len(data))
        return data


class Source:
    """A file under way: its parts, and how far it is read."""

    def __init__(self, raw: IO[bytes], size: int) -> None:
        self._raw, self.size = raw, size

    @property
    def position(self) -> int:
        return min(self._raw.tell(), self.size)

    def parts(self) -> Iterator[Part]:
        """Every CSV file in it, in the archive's order."""
        is_zip = self._raw.read(4) in (b"PK\3\4", b"PK\5\6")
        self._raw.seek(0)
        budget = Budget(self.size)
        if not is_zip:
            yield Part("", Stream(self._raw, "the file", budget))
            return
        part = None
        for part in _members(self._raw, "", 1, budget):
            yield part
        if part is None:
            raise InvalidInput("expected at least one CSV file in the archive")


@contextmanager
def opened(file: Path) -> Iterator[Source]:
    """The file, for reading."""
    try:
        raw = file.open("rb")
    except OSError as error:
        raise InvalidInput(f"expected a file that can be read: {error.strerror}") from None
    with raw:
        yield Source(raw, file.stat().st_size)


def _members(raw: IO[bytes], within: str, depth: int, budget: Budget) -> Iterator[Part]:
    if depth > DEEPEST:
        raise InvalidInput(f"expected archives at most {DEEPEST} deep")
    with ours(within or "the file"):
        archive = zipfile.ZipFile(raw)
    for info in archive.infolist():
        name = within + _printable(info.filename)
        suffix = Path(info.filename).suffix.lower()
        if info.is_dir() or suffix not in (".csv", ".zip"):
            continue  # checksums and the like
        budget.enter()
        with ours(name):
            member = archive.open(info)
        with member:
            stream = Stream(BufferedReader(member, _CHUNK), name, budget)  # type: ignore[type-var]
            if suffix == ".csv":
                yield Part(name, stream)
            else:
                yield from _inner(stream, name, depth, budget)


def _inner(stream: Stream, name: str, depth: int, budget: Budget) -> Iterator[Part]:
    """An archive's list of members is at its end, so an inner one is put on disk first."""
    with TemporaryFile() as disk:
        while chunk := stream.read(_CHUNK):
            if disk.tell() + len(chunk) > LARGEST_INNER:
                raise InvalidInput(f"expected inner archives of at most {LARGEST_INNER >> 30} GiB")
            disk.write(chunk)
        yield from _members(disk, f"{name}/", depth + 1, budget)


@contextmanager
def ours(name: str) -> Iterator[None]:
    """Whatever is wrong with an archive is InvalidInput that names the part."""
    try:
        yield
    except _BROKEN:
        raise InvalidInput(f"expected an archive that is whole; {name} can't be read") from None


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name[:200])
