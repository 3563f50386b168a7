"""Signed notes (C2SP signed-note): a text, and lines that sign it.

Only the form is here: `signers` says whose signatures hold. There is one way to write a note, so
`parse_note(note.render()) == note` and `parse_note(data).render() == data`.
"""

import re
from base64 import b64decode
from binascii import b2a_base64
from dataclasses import dataclass

from governance.log.errors import Malformed

LARGEST_NOTE = 1_000_000
MOST_SIGNATURES = 100  # signed-note "Format": at least 16
KEY_ID_BYTES = 4

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")  # all but newline
_LINE = re.compile("— ([^ ]+) ([^ ]+)")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who says to have signed, with which key, and the bytes."""

    name: str
    key_id: bytes
    data: bytes

    def __post_init__(self) -> None:
        """Refuse what no line could say."""
        check_name(self.name)
        if len(self.key_id) != KEY_ID_BYTES or not self.data:
            raise Malformed("a signature is a key id of 4 bytes and at least one byte more")

    @property
    def line(self) -> str:
        """The line, without its newline."""
        return f"— {self.name} {encode(self.key_id + self.data)}"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends in a newline, and its signatures."""

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        """Refuse what the format can't hold."""
        if not self.text.endswith("\n") or _CONTROL.search(self.text):
            raise Malformed("a note's text ends in a newline and has no other control character")
        if not 0 < len(self.signatures) <= MOST_SIGNATURES:
            raise Malformed(f"a note has 1 to {MOST_SIGNATURES} signatures")
        utf8(self.text)

    def render(self) -> bytes:
        """Write the note (signed-note, "Format")."""
        lines = "".join(f"{signature.line}\n" for signature in self.signatures)
        return utf8(f"{self.text}\n{lines}")


def parse_note(data: bytes) -> Note:
    """Read a note, trusting nothing that it says."""
    if len(data) > LARGEST_NOTE:
        raise Malformed(f"a note has at most {LARGEST_NOTE} bytes")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise Malformed("a note is UTF-8") from None
    text, blank, lines = whole.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise Malformed("a note is a text, an empty line, and signature lines")
    return Note(f"{text}\n", tuple(map(_signature, lines[:-1].split("\n"))))


def check_name(name: str) -> None:
    """Refuse what can't name a key: empty, or with a space, a control character or a plus."""
    if not name or "+" in name or _CONTROL.search(name) or any(map(str.isspace, name)):
        raise Malformed("a key's name is not empty, and has no space and no plus")
    utf8(name)


def utf8(text: str) -> bytes:
    """Return the bytes of a text, which may come from anywhere."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Malformed("a string is not valid Unicode") from None


def encode(data: bytes) -> str:
    """Base64 (RFC 4648 4)."""
    return b2a_base64(data, newline=False).decode()


def decode(text: str) -> bytes:
    """Read base64; Malformed if it isn't the one way to write its bytes (RFC 4648 3.5)."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise Malformed("not base64") from None
    if encode(data) != text:
        raise Malformed("not the shortest base64")
    return data


def _signature(line: str) -> Signature:
    found = _LINE.fullmatch(line)
    if found is None:
        raise Malformed("not a signature line")
    data = decode(found[2])
    return Signature(found[1], data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])
