"""The entries of the log, as whoever doesn't trust it reads them.

An entry is canonical JSON, `{"decision", "node": {"loggedAt", "previous", "seq"}, "signature"}`:
what its author knew, what the node added, and the author's signature or null.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from governance.log.canonical import parse_canonical
from governance.log.errors import Malformed

LARGEST_LEAF = 16 * 1024  # bytes
VERSION = 1
INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"  # up to the second
BEGINS = "sanction.issued"  # the type of the decision that begins a case

_FORM = {"decision", "node", "signature"}
_NODE = {"loggedAt", "previous", "seq"}
_BEFORE, _AFTER = b'{"decision":', b',"node":{"loggedAt":'
_INSTANT = re.compile(f"{INSTANT}(\\.[0-9]{{1,6}})?Z")
_CASE = re.compile("san_[a-z2-7]{26}")
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 6, in lower case
_PAIRS = [first + second for first in _BASE32 for second in _BASE32]
_TO_PYTHONS = str.maketrans(_BASE32, "0123456789abcdefghijklmnopqrstuv")  # digits of `int`
_LOGGED_AT = len("2026-11-24T09:00:00.000000Z")


# What the rules between entries ask of an entry: its kind, whose it is, of which case (as
# `Leaf.case_number`), and where the node put it: loggedAt, previous and seq.
Place = tuple[str, str | None, int | None, str, str | None, int]


class Leaf(NamedTuple):
    """An entry that has the right form; whether it fits the others is another question.

    `decision` and `signature` are as parsed, `logged_at` is RFC 3339 with six digits and Z.
    """

    data: bytes
    decision: Mapping[str, Any]
    signature: object
    logged_at: str
    previous: str | None
    seq: int

    @property
    def platform(self) -> str | None:
        """The domain of the platform that decided, None for the node itself."""
        domain: str | None = self.decision["platform"]
        return domain

    @property
    def place(self) -> Place:
        """Where it is among the others."""
        kind, case = self.decision["type"], self.case_number
        return kind, self.platform, case, self.logged_at, self.previous, self.seq

    @property
    def signed(self) -> bytes:
        """JCS(decision), what a signature is over. A string has no unescaped quote, and the form
        was checked, so that the last such bytes are where the node's part begins."""
        return self.data[len(_BEFORE) : self.data.rindex(_AFTER)]

    @property
    def case_number(self) -> int | None:
        """The 130 bits of the case's id, as they are compared fastest."""
        if self.decision["type"] == BEGINS:
            return number_of(self.signed)
        named = self.decision.get("case")
        return None if named is None else number_named(named)

    @property
    def case(self) -> str | None:
        """The case that the entry is of, which the first decision doesn't name."""
        if self.decision["type"] == BEGINS:
            return case_id(self.signed)
        named: str | None = self.decision.get("case")
        return named


def case_id(decision: bytes) -> str:
    """The id of the case that a decision (JCS) begins: 130 bits of its SHA-256."""
    number = number_of(decision)
    return "san_" + "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def number_of(decision: bytes) -> int:
    """The number of the case that a decision (JCS) begins."""
    return int.from_bytes(sha256(decision).digest(), "big") >> 256 - 130


def number_named(case: str) -> int:
    """The number of the case with an id."""
    return int(case[4:].translate(_TO_PYTHONS), 32)


def parse_leaf(data: bytes) -> Leaf:
    """Read an entry; Malformed says what isn't as it should be."""
    if len(data) > LARGEST_LEAF:
        raise Malformed(f"it has more than {LARGEST_LEAF:,} bytes")
    record = parse_canonical(data)
    if type(record) is not dict or record.keys() != _FORM:
        raise Malformed("it isn't of a decision, a signature and the node's part alone")
    decision, node = record["decision"], record["node"]
    if type(node) is not dict or node.keys() != _NODE:
        raise Malformed("the node's part isn't of loggedAt, previous and seq alone")
    _check_node(node)
    _check_decision(decision)
    return Leaf(
        data, decision, record["signature"], node["loggedAt"], node["previous"], node["seq"]
    )


def _check_node(node: Mapping[str, object]) -> None:
    at, previous, seq = node["loggedAt"], node["previous"], node["seq"]
    if type(at) is not str or len(at) != _LOGGED_AT or not is_instant(at):
        raise Malformed("loggedAt isn't an instant in UTC with six digits")
    if type(seq) is not int or seq < 0:
        raise Malformed("seq isn't an integer from 0")
    if previous is not None and type(previous) is not str:
        raise Malformed("previous is neither null nor a hash")


def _check_decision(decision: object) -> None:
    if type(decision) is not dict:
        raise Malformed("the decision isn't an object")
    version, platform = decision.get("version"), decision.get("platform", 0)
    if type(version) is not int or version != VERSION:
        raise Malformed(f"the decision's version isn't {VERSION}")
    if type(kind := decision.get("type")) is not str or not kind:
        raise Malformed("the decision has no type")
    if platform is not None and type(platform) is not str:
        raise Malformed("the decision's platform is neither a domain nor null")
    if type(at := decision.get("at")) is not str or not is_instant(at):
        raise Malformed("the decision's at isn't an instant in UTC")
    _check_case(kind, decision.get("case"))


def _check_case(kind: str, case: object) -> None:
    if case is None:
        return
    if kind == BEGINS:
        raise Malformed("the decision begins a case and names one")
    if type(case) is not str or not _CASE.fullmatch(case):
        raise Malformed("the decision's case isn't the id of a case")


@lru_cache  # an entry is logged when it was decided, and many are at once
def is_instant(text: str) -> bool:
    """Whether a text is an instant in UTC (RFC 3339), with at most six digits after the point."""
    return bool(_INSTANT.fullmatch(text)) and is_time(text)


def is_time(text: str) -> bool:
    """Whether there is the date and the time that a text of this form tells."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
