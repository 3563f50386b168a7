"""Proofs to carry along (C2SP tlog-proof): an entry is in a signed checkpoint's tree.

Checked without the network, with the log's name and keys alone. The files end in `.tlog-proof`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from governance.log.checkpoints import open_checkpoint, parse_decimal
from governance.log.errors import Malformed
from governance.log.notes import Note, decode, encode, parse_note
from governance.log.signers import Verifier
from governance.log.tree import HASH_BYTES, LARGEST_SIZE, check_inclusion, leaf_hash

HEADER = "c2sp.org/tlog-proof@v1"
MOST_HASHES = LARGEST_SIZE.bit_length()


@dataclass(frozen=True, slots=True)
class Proof:
    """An entry's index, its inclusion proof, the checkpoint; `extra` is signed by nobody."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Note
    extra: bytes = b""

    def __post_init__(self) -> None:
        """Refuse what the format can't hold."""
        if not 0 <= self.index <= LARGEST_SIZE or len(self.hashes) > MOST_HASHES:
            raise Malformed("a proof has an index below 2^63 and at most 63 hashes")
        if any(len(one) != HASH_BYTES for one in self.hashes):
            raise Malformed(f"a hash has {HASH_BYTES} bytes")

    def render(self) -> bytes:
        """Write the proof (tlog-proof, "Format")."""
        extra = [f"extra {encode(self.extra)}"] if self.extra else []
        lines = [HEADER, *extra, f"index {self.index}", *map(encode, self.hashes), "", ""]
        return "\n".join(lines).encode() + self.checkpoint.render()

    def check(self, entry: bytes, origin: str, *, verifiers: Iterable[Verifier]) -> None:
        """Check that an entry is in a tree that one of the keys signed; Malformed or Unproven."""
        signed = open_checkpoint(self.checkpoint.render(), origin, verifiers=verifiers)
        check_inclusion(
            leaf_hash(entry), self.index, size=signed.size, hashes=self.hashes, root=signed.root
        )


def parse_proof(data: bytes) -> Proof:
    """Read a proof, trusting nothing that it says."""
    head, _, note = data.partition(b"\n\n")
    if not head.isascii():
        raise Malformed("a proof's head is ASCII")
    header, *lines = head.decode().split("\n")
    if header != HEADER:
        raise Malformed(f"a proof begins with {HEADER}")
    extra = lines.pop(0).removeprefix("extra ") if lines and lines[0].startswith("extra ") else None
    if extra == "":
        raise Malformed("a proof without extra data has no line for it")
    if not lines or not lines[0].startswith("index "):
        raise Malformed("a proof tells the index of its entry")
    index = parse_decimal(lines.pop(0).removeprefix("index "))
    return Proof(index, tuple(map(decode, lines)), parse_note(note), decode(extra or ""))
