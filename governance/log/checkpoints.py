"""Checkpoints (C2SP tlog-checkpoint): the size and root of a log's tree, as the text of a note."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from governance.log.errors import Malformed, Unproven
from governance.log.notes import Note, decode, encode, parse_note, utf8
from governance.log.signers import Signer, Verifier, signed_by
from governance.log.tree import HASH_BYTES, LARGEST_SIZE

_DECIMAL = re.compile("0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's name, its number of leaves, its root; extensions are opaque, and best left out."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what the format can't hold."""
        for line in (self.origin, *self.extensions):
            if not line or _CONTROL.search(line):
                raise Malformed("a checkpoint's lines are not empty and have no control character")
            utf8(line)
        if not 0 <= self.size <= LARGEST_SIZE or len(self.root) != HASH_BYTES:
            raise Malformed("a checkpoint has a size below 2^63 and a root of 32 bytes")

    @property
    def text(self) -> str:
        """The text to sign (tlog-checkpoint, "Note text")."""
        lines = (self.origin, str(self.size), encode(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    def signed(self, signer: Signer) -> Note:
        """Return the note that a log publishes. It must never sign two that disagree."""
        return Note(self.text, (signer.sign(self.text),))


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint's note, trusting nothing that it says."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop():
        raise Malformed("a checkpoint has at least three lines")
    origin, size, root, *extensions = lines
    return Checkpoint(origin, parse_decimal(size), decode(root), tuple(extensions))


def open_checkpoint(data: bytes, origin: str, *, verifiers: Iterable[Verifier]) -> Checkpoint:
    """Read a signed checkpoint of a log; Unproven unless one of the keys signed it."""
    note = parse_note(data)
    signed_by(note, verifiers)
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != origin:
        raise Unproven("the checkpoint is of another log")
    return checkpoint


def parse_decimal(text: str) -> int:
    """Read a size or an index: ASCII digits without leading zeroes, below 2^63."""
    if not _DECIMAL.fullmatch(text) or int(text) > LARGEST_SIZE:
        raise Malformed("not a decimal number below 2^63")
    return int(text)
