"""Checks exports that one doesn't trust: signatures, hashes, and that each row is what the log
says. The entries in `events` lead to the root that the manifest names; all else follows from them.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path

import pyarrow as pa

from governance.exporting.columns import DATASETS, EXPLANATIONS
from governance.exporting.comparing import DayRows, Texts, Unfit
from governance.exporting.manifests import File, Manifest, open_manifest, path_of
from governance.log.errors import LogError
from governance.log.notes import decode, encode
from governance.log.signers import Verifier
from governance.log.tree import node_hash, subtrees
from governance.words import ExportFormat as Format

Progress = Callable[[int, int], None]
_UNREADABLE = OSError, EOFError, zlib.error, pa.ArrowException
_IMPOSSIBLE = LookupError, TypeError, AttributeError  # what an entry of another form leads to
_WRONG = LogError, Unfit, ValueError, *_UNREADABLE, *_IMPOSSIBLE


def _untold(_done: int, _total: int) -> None:
    """Where nobody wants to know how far it is."""


@dataclass(slots=True)
class Verified:
    """What was checked, and what is wrong, each with its file."""

    days: int = 0
    rows: int = 0
    entries: int = 0
    origin: str = ""
    faults: list[str] = field(default_factory=list)
    edge: tuple[str, ...] = ()  # after the day before, if that was right
    signed: set[str] = field(default_factory=set)  # the files that manifests name
    unread: set[str] = field(default_factory=set)  # days whose manifest doesn't hold


class Edge:
    """The right edge of a tree that grows: its complete subtrees, the smallest last."""

    def __init__(self, size: int, hashes: Iterable[bytes]) -> None:
        self.size, self._hashes = size, list(hashes)
        if len(self._hashes) != len(subtrees(range(size))):
            raise Unfit("the edge has not as many hashes as its size asks for")

    def add(self, leaf: bytes) -> None:
        self._hashes.append(leaf)
        self.size += 1
        grown = self.size
        while grown % 2 == 0:
            right, left = self._hashes.pop(), self._hashes.pop()
            self._hashes.append(node_hash(left, right))
            grown //= 2

    @property
    def hashes(self) -> tuple[str, ...]:
        return tuple(map(encode, self._hashes))

    @property
    def root(self) -> str:
        *others, last = self._hashes
        for left in reversed(others):
            last = node_hash(left, last)
        return encode(last)


def verify(
    folder: Path, verifiers: Iterable[Verifier] = (), progress: Progress = _untold
) -> Verified:
    """Checks every day that is in a folder, oldest first, and that nothing else lies there.
    `progress` hears of entries, within large days, too."""
    done, trusted = Verified(), list(verifiers)
    paths = sorted((folder / "manifests").glob("*-*-*.note"))
    paths = [path for path in paths if not path.name.endswith(".explanations.note")]
    before: Manifest | None = None
    end = _end(paths)
    for path in paths:
        manifest: Manifest | None = None
        try:
            manifest = open_manifest(path.read_bytes(), trusted)
            _day(folder, path, trusted, manifest, before, done, lambda size: progress(size, end))
        except _WRONG as error:
            done.faults.append(f"{path.relative_to(folder)}: {_told(error)}")
        if manifest is None:
            done.unread.add(path.stem)
        else:
            progress(manifest.next, end)
        before = manifest
    if not paths:
        done.faults.append("manifests: none is there")
    done.faults += [f"{path}: no manifest names it" for path in _unsigned(folder, done)]
    return done


def _end(paths: Iterable[Path]) -> int:
    """How many entries there are up to the newest day, by the last manifest that can be read."""
    for path in sorted(paths, reverse=True):
        with suppress(*_WRONG):
            return open_manifest(path.read_bytes()).next
    return 0


def _told(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} isn't there"
    if isinstance(error, _IMPOSSIBLE):
        return "an entry or a row has another form than ours"
    return str(error)


def _unsigned(folder: Path, done: Verified) -> Iterator[Path]:
    """What lies beside the files that were signed: who reads whole folders would read it, too. Of a
    day whose manifest doesn't hold, that is told already."""
    for form in Format:
        for path in sorted((folder / form.lower()).rglob("*")):
            found, day = path.relative_to(folder), path.parent.name.removeprefix("day=")
            if not path.is_dir() and str(found) not in done.signed and day not in done.unread:
                yield found


def _day(
    folder: Path,
    path: Path,
    trusted: list[Verifier],
    manifest: Manifest,
    before: Manifest | None,
    done: Verified,
    told: Callable[[int], None],
) -> None:
    known, done.edge = done.edge, ()
    done.signed |= {file.path for file in manifest.files}
    explained = folder / path_of(manifest.day, of_explanations=True)
    explanations = open_manifest(explained.read_bytes(), trusted) if explained.exists() else None
    if explanations is not None:
        done.signed |= {file.path for file in explanations.files}
    _check_place(manifest, path, before)
    _check_files(folder, manifest.files, {dataset.name for dataset in DATASETS})
    if before is not None and known and known != manifest.edge:
        raise Unfit("the tree before it isn't the one after the day before")
    edge = Edge(manifest.first, map(decode, manifest.edge))
    with ExitStack() as stack:
        rows = stack.enter_context(DayRows(folder, manifest))
        texts: Texts | None = None
        if explanations is not None:
            _check_explanations(folder, explained.name, explanations, manifest)
            texts = stack.enter_context(Texts(folder, explained.name, explanations))
        for entries in rows.entries():
            for index, hashed, _ in entries:
                if index != edge.size:
                    raise Unfit(f"events: expected the entry {edge.size}, got {index}")
                edge.add(hashed)
            rows.compare(entries)
            if texts is not None:
                texts.compare(entries)
            told(edge.size)
        rows.end()
        if (edge.size, edge.root) != (manifest.size, manifest.root) or manifest.next != edge.size:
            raise Unfit("the entries don't lead to the root that was signed")
        done.rows += rows.count
        if texts is not None:
            texts.end()
            done.rows += texts.count
    done.days, done.entries, done.origin = done.days + 1, edge.size, manifest.origin
    done.edge = edge.hashes


def _check_place(manifest: Manifest, path: Path, before: Manifest | None) -> None:
    if path.name != f"{manifest.day}.note":
        raise Unfit(f"it is of {manifest.day}")
    if before is not None and before.next != manifest.first:
        raise Unfit(f"it begins with entry {manifest.first}; the day before ended at {before.next}")


def _check_files(folder: Path, files: Iterable[File], names: set[str]) -> None:
    told = {(file.dataset, file.format) for file in files}
    if told != {(name, form) for name in names for form in Format}:
        raise Unfit("it names other files than those of its datasets in every format")
    for file in files:
        path = folder / file.path
        if not path.resolve().is_relative_to(folder.resolve()):
            raise Unfit("it names a file outside the export")
        with open(path, "rb") as read:
            digest = file_digest(read, "sha256").hexdigest()
        if (digest, path.stat().st_size) != (file.sha256, file.bytes):
            raise Unfit(f"{file.path} isn't the file that was signed")


def _check_explanations(folder: Path, name: str, manifest: Manifest, day: Manifest) -> None:
    if (manifest.day, manifest.first, manifest.next) != (day.day, day.first, day.next):
        raise Unfit(f"{name}: it is of another day")
    _check_files(folder, manifest.files, {EXPLANATIONS.name})
