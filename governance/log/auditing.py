"""The check of a whole log that one doesn't trust, fed with its files from wherever they come.

The audit asks for the files that it needs, in order, and gathers what is wrong where. It does no
I/O, and holds a few tiles and what a `History` holds.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

from governance.log.checkpoints import Checkpoint, parse_checkpoint
from governance.log.descent import Descent, leaves_of, order
from governance.log.errors import LogError, Malformed, Unproven, Unread
from governance.log.forms import check_form
from governance.log.histories import STRANGER, History
from governance.log.leaves import parse_leaf
from governance.log.notes import Note, parse_note
from governance.log.signers import Verifier, signed_by
from governance.log.skimming import Skimmer
from governance.log.tiles import ENTRIES, FULL, LARGEST_ENTRY, Tile, edge_of, split_hashes
from governance.log.tree import HASH_BYTES, leaf_hashes

CHECKPOINT, KEY = "checkpoint", "key"
OLD_CHECKPOINT = "the older checkpoint"
MOST_FAULTS = 20

# Brings the bytes of tiles, in order, none larger than `largest` says; Unread where it can't.
Fetch = Callable[[Iterable[Tile]], Iterable[tuple[Tile, bytes]]]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and with what: a file's path in the log, or `entry 7`."""

    place: str
    message: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.place}: {self.message}"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed checkpoint, whosever the signature is. LogError if it isn't even one."""

    note: Note
    tree: Checkpoint

    @classmethod
    def parse(cls, data: bytes) -> "Signed":
        """Read a checkpoint, trusting nothing that it says."""
        note = parse_note(data)
        return cls(note, parse_checkpoint(note.text))


class Page(NamedTuple):
    """A file of the log, and the entries in it that nothing is wrong with, by their indices."""

    tile: Tile
    data: bytes
    entries: list[tuple[int, bytes]]


class Audit:
    """One reading of a log, of the tree of its checkpoint; what is wrong is in `faults`."""

    def __init__(
        self, signed: Signed, trusted: Iterable[Verifier], old: Signed | None = None
    ) -> None:
        """Begin with the checkpoint, the keys one trusts, and a checkpoint seen before."""
        self.signed, self.tree, self.old = signed, signed.tree, old
        self.history, self._skimmer = History(self.tree.origin, trusted), Skimmer()
        self.faults: list[Fault] = []
        self.is_cut_short = False  # by a file that couldn't be read
        self._check_origin()

    @property
    def signers(self) -> list[Verifier]:
        """The keys that signed the checkpoint, of those trusted until now; Unproven if none."""
        return list(signed_by(self.signed.note, self.history.trusted))

    def pages(self, fetch: Fetch) -> Iterator[Page]:
        """Read the log. A page is proven when it comes if there are no faults until then, and
        `signers` knew somebody; that the log continues an older one shows at the end only."""
        try:
            yield from self._edge(fetch)
            for tile, data in fetch(order(self.tree.size)):
                yield Page(tile, data, self._taken(tile, data))
                if len(self.faults) >= MOST_FAULTS:
                    return self._fault("the log", "there may be more, but the check ends here")
            if self.history.stranger is not None:
                self._fault(f"entry {self.history.stranger}", STRANGER)
            self._check_signatures()
            self._check_continued()
        except Unread as error:
            self.is_cut_short = True
            self._fault(error.path, str(error))
        except _Ended:
            return None

    def _edge(self, fetch: Fetch) -> Iterator[Page]:
        edge = dict[Tile, bytes]()
        for tile, data in fetch(edge_of(self.tree.size)):
            with self._ending(tile):
                split_hashes(tile, data)
            edge[tile] = data
        old = min(self.old.tree.size, self.tree.size) if self.old else 0
        self._descent = Descent(self.tree.size, edge, old=old)
        if self._descent.root != self.tree.root:
            self._fault(CHECKPOINT, "its root isn't that of the tiles at the log's end")
        for tile, data in edge.items():
            yield Page(tile, data, [])

    def _taken(self, tile: Tile, data: bytes) -> list[tuple[int, bytes]]:
        with self._ending(tile):
            if tile.level == ENTRIES:
                return list(self._entries(tile, data))
            try:
                self._descent.take(tile, data)
            except Unproven as error:
                self._fault(tile.path, str(error))
        return []

    def _entries(self, bundle: Tile, data: bytes) -> Iterator[tuple[int, bytes]]:
        first, tile, place = bundle.index * FULL, leaves_of(bundle), self.history.place
        entries, hashes = self._descent.open(bundle, data)
        skimmed = self._skimmer.skimmed(entries)
        told = zip(entries, hashes, leaf_hashes(entries), skimmed, strict=True)
        for index, (entry, known, own, found) in enumerate(told, first):
            try:
                if own != known:
                    self._replaced(entry, known, tile)
                elif found is not None:
                    place(found, known)
                else:
                    self._parsed(entry, known)
                yield index, entry
            except LogError as error:
                self._fault(f"entry {index}", str(error))

    def _parsed(self, data: bytes, known: bytes) -> None:
        leaf = parse_leaf(data)
        self.history.follow(leaf, known)
        check_form(leaf.decision)

    def _replaced(self, data: bytes, known: bytes, tile: Tile) -> None:
        with suppress(LogError):  # the entries after it aren't to blame
            self.history.follow(parse_leaf(data), known)
        raise Unproven(f"it isn't the one that {tile.path} has the hash of")

    def _check_origin(self) -> None:
        if self.tree.origin not in {key.name for key in self.history.trusted}:
            self._fault(CHECKPOINT, "it is of another log than the key")
        if self.old is None:
            return
        size, before = self.tree.size, self.old.tree.size
        if self.old.tree.origin != self.tree.origin:
            self._fault(OLD_CHECKPOINT, "it is of another log")
        elif before > size:
            self._fault(CHECKPOINT, f"the log has {size:,} entries, and had {before:,} before")

    def _check_signatures(self) -> None:
        for place, signed in ((CHECKPOINT, self.signed), (OLD_CHECKPOINT, self.old)):
            if signed is None:
                continue
            try:
                signed_by(signed.note, self.history.trusted)
            except LogError as error:
                self._fault(place, self._replaced_key(signed) or str(error))

    def _replaced_key(self, signed: Signed) -> str | None:
        """What to do about a checkpoint by a key that was replaced since, and isn't known."""
        entry, known = self.history.rotated_at, self.history.trusted
        names = {key.name for key in known}
        for one in signed.note.signatures:
            is_unknown = one.name in names and not any(key.knows(one) for key in known)
            if is_unknown and entry is not None and entry >= signed.tree.size:
                key = f"{one.name}+{one.key_id.hex()}+…"
                return f"entry {entry} replaces the key that signed it: give --key {key}, too"
        return None

    def _check_continued(self) -> None:
        if self.old is not None and self.old.tree.size <= self.tree.size:
            size, root = self.old.tree.size, self.old.tree.root
            if self._descent.old_root != root:
                self._fault(OLD_CHECKPOINT, f"the log's first {size:,} entries were others then")

    def _fault(self, place: str, message: str) -> None:
        self.faults.append(Fault(place, message))

    @contextmanager
    def _ending(self, tile: Tile) -> Iterator[None]:
        """A file that isn't of its form ends the check."""
        try:
            yield
        except Malformed as error:
            self._fault(tile.path, str(error))
            raise _Ended from None


def largest(tile: Tile) -> int:
    """How many bytes a tile has, or may have."""
    return tile.width * (2 + LARGEST_ENTRY if tile.level == ENTRIES else HASH_BYTES)


class _Ended(Exception):
    """What is wrong was told, and nothing more can be checked."""
