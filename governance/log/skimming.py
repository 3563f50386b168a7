"""Entries read without parsing them, where they are of the very form that their type declares.

Of each type that is met often an expression is made that matches canonical JSON of its form,
character by character, and finds what the rules between entries ask for. Whatever it doesn't match
is parsed.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from governance.log.forms import DECISIONS
from governance.log.histories import KINDS_OF_KEYS
from governance.log.kinds import INSTANT, PLAIN, Count, Fields, Kind, Many, Text
from governance.log.leaves import BEGINS, LARGEST_LEAF, Place, number_named, number_of

OFTEN = 20  # an expression takes as long to make as some hundred entries take to parse

_TYPE = b'"type":"'
_NODE = (
    rf'\{{"loggedAt":"({INSTANT})","previous":(?:null|"({PLAIN})"),'
    r'"seq":(0|[1-9][0-9]{0,14})\}'
)
_LOGGED_AT = 3  # the group of it
_NOTHING = "((?!))?"  # a group that finds nothing
_BEFORE, _BETWEEN = len('{"decision":'), len(',"node":{"loggedAt":"')

SKIMMED = frozenset(kind.encode() for kind in DECISIONS if kind not in KINDS_OF_KEYS)
_LONGEST = max(map(len, SKIMMED))

# Its type, and what matches it and finds case, platform, loggedAt, previous and seq.
Form = tuple[str, Callable[[str], re.Match[str] | None]]


class Skimmer:
    """The reader of one log."""

    def __init__(self) -> None:
        self._met: Counter[bytes] = Counter()  # types
        self._forms: dict[bytes, Form] = {}  # by what begins with the type, and is as long as any

    def skimmed(self, entries: Iterable[bytes]) -> Iterator[Place | None]:
        """The place of each entry that `parse_leaf` would read, `check_form` pass and
        `History.place` take; None of one that must be parsed."""
        forms = self._forms
        for data in entries:
            at = data.rfind(_TYPE) + len(_TYPE)
            told = data[at : at + _LONGEST]
            if (form := forms.get(told)) is None:
                self._meet(told)
                yield None
                continue
            kind, matched = form
            if len(data) > LARGEST_LEAF or (found := matched(data.decode("latin-1"))) is None:
                yield None  # what isn't within ASCII matches nothing
                continue
            case, platform, logged_at, previous, seq = found.groups()
            number = None
            if kind == BEGINS:
                number = number_of(data[_BEFORE : found.start(_LOGGED_AT) - _BETWEEN])
            elif case is not None:
                number = number_named(case)
            yield kind, platform, number, logged_at, previous, int(seq)

    def _meet(self, told: bytes) -> None:
        """Count a type, and make its expression once it was met often."""
        named = told.partition(b'"')[0]
        if named in SKIMMED:
            self._met[named] += 1
            if self._met[named] >= OFTEN:
                self._forms[told] = _form(named.decode())


@cache
def _form(kind: str) -> Form:
    told = {name: _value(one) for name, one in DECISIONS[kind].kinds.items()}
    told["type"] = f'"{re.escape(kind)}"'
    told["platform"] = _group(told["platform"])
    before = ""
    if "case" in told:
        told["case"] = _group(told["case"])
    else:
        before = _NOTHING
    form = rf'\{{"decision":{_object(told, DECISIONS[kind])},"node":{_NODE},"signature":null\}}'
    return kind, re.compile(before + form).fullmatch


def _group(value: str) -> str:
    """What finds a text that may be null, without its quotes."""
    return f"{value}{_NOTHING}" if value == "null" else f'"({value[1:-1]})"'


def _value(kind: Kind) -> str:
    """An expression of values of a kind: of all, or of those that are met often."""
    match kind:
        case Fields():
            return _object({name: _value(one) for name, one in kind.kinds.items()}, kind)
        case Many(of):
            return rf"\[{_value(of)}(?:,{_value(of)})*+\]"
        case Text():
            return f'"{kind.pattern}"'
        case Count():
            return "(?:0|[1-9][0-9]{0,14})"
    return kind.called


def _object(values: dict[str, str], form: Fields) -> str:
    """An expression of an object: its fields in order, those that may be missing or not."""
    names = sorted(values)
    parts = [f'"{name}":{values[name]}' for name in names]
    first = next((at for at, name in enumerate(names) if name in form.needed), None)
    if first is None:
        some = ("".join([part, *_optional(parts[at + 1 :])]) for at, part in enumerate(parts))
        return rf"\{{(?:{'|'.join(some)})\}}"
    before = [f"(?:{part},)?+" for part in parts[:first]]
    after = [
        f",{part}" if name in form.needed else f"(?:,{part})?+"
        for name, part in zip(names[first + 1 :], parts[first + 1 :], strict=True)
    ]
    return "".join([r"\{", *before, parts[first], *after, r"\}"])


def _optional(parts: list[str]) -> list[str]:
    return [f"(?:,{part})?+" for part in parts]
