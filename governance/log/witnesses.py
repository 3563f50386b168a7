"""What a log and its witnesses say to each other (C2SP tlog-witness), read and written alike."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from governance.log.checkpoints import parse_decimal
from governance.log.errors import Malformed
from governance.log.notes import Note, decode, encode, parse_note
from governance.log.signers import Algorithm, Verifier, parse_verifier, signed_by
from governance.log.tree import HASH_BYTES

SIZE = "text/x.tlog.size"  # the media type of the size that a witness knows
MOST_HASHES = 63

_PLAIN = re.compile("[!-~]+")


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request for a cosignature: a checkpoint, and how its tree grew from an older size."""

    old: int
    hashes: tuple[bytes, ...]
    note: Note

    def render(self) -> bytes:
        """Write the body (tlog-witness, "add-checkpoint")."""
        lines = [f"old {self.old}", *map(encode, self.hashes), "", ""]
        return "\n".join(lines).encode() + self.note.render()


def parse_add_checkpoint(data: bytes) -> AddCheckpoint:
    """Read the body of a request, trusting nothing that it says."""
    head, _, note = data.partition(b"\n\n")
    if not head.isascii():
        raise Malformed("the lines of a consistency proof are ASCII")
    first, *lines = head.decode().split("\n")
    if not first.startswith("old "):
        raise Malformed("a request begins with the old size")
    hashes = tuple(map(decode, lines))
    if len(hashes) > MOST_HASHES or any(len(one) != HASH_BYTES for one in hashes):
        raise Malformed(f"a proof has at most {MOST_HASHES} hashes of {HASH_BYTES} bytes")
    return AddCheckpoint(parse_decimal(first.removeprefix("old ")), hashes, parse_note(note))


def parse_size(data: bytes) -> int:
    """Read the size that a witness knows instead of the old one; a newline ends it."""
    if not data.isascii() or not data.endswith(b"\n"):
        raise Malformed("a size is a line of ASCII digits")
    return parse_decimal(data[:-1].decode())


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness that a log asks: its cosigning key, and the prefix of its addresses."""

    verifier: Verifier
    prefix: str

    @property
    def name(self) -> str:
        return self.verifier.name

    def cosignature(self, note: Note, answer: bytes) -> str:
        """Return its line out of its answer; Malformed or Unproven. Others' are ignored."""
        whole = parse_note(note.render() + answer)
        if whole.text != note.text:  # a witness might send a text of its own
            raise Malformed("an answer is signature lines alone")
        return f"{signed_by(whole, [self.verifier])[self.verifier].line}\n"


def parse_witness(text: str) -> Witness:
    """Read `name+key id+key@https://host/prefix`; http only to this machine itself."""
    key, _, prefix = text.rpartition("@")
    verifier = parse_verifier(key)
    if verifier.algorithm is not Algorithm.COSIGNATURE_V1:
        raise Malformed("a witness has a cosigning key (tlog-cosignature, type 4)")
    try:
        is_fit = _is_fit(urlsplit(prefix))
    except ValueError:  # no address, or no port
        is_fit = False
    if not is_fit or not _PLAIN.fullmatch(prefix):
        raise Malformed("a witness has an https address, such as https://witness.example/log")
    return Witness(verifier, prefix.rstrip("/"))


def _is_fit(address: SplitResult) -> bool:
    host = address.hostname or ""
    if address.port == 0 or address.query or address.fragment:
        return False
    if address.scheme == "http":
        return host == "localhost" or ip_address(host).is_loopback
    return address.scheme == "https" and bool(host)
