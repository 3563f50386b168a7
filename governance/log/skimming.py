"""Entries read without parsing them: of a form that was parsed whole before, and nothing else.

Most entries of a log differ in the texts of a few forms alone. Of a form that was met often, an
expression is made that matches canonical JSON of that form, character by character, and finds what
the rules between entries ask for. Whatever it doesn't match is parsed.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson

from governance.log.histories import KINDS_OF_KEYS
from governance.log.leaves import (
    BEGINS,
    INSTANT,
    LARGEST_LEAF,
    Leaf,
    Place,
    is_time,
    number_named,
    number_of,
)

OFTEN = 20  # entries parsed; an expression takes as long to make as some hundred take to parse
MOST_FORMS = 16  # of entries with as many commas

# Its type, what matches it, and the numbers of the groups that it finds.
Form = tuple[str, Callable[[str], re.Match[str] | None], tuple[int, ...]]

# All that canonical JSON writes as it is, within ASCII. Anything else is parsed. Nothing in it
# could be the quote after it, so that no way back is kept (`*+`).
_TEXT = r'"[ !#-\[\]-~]*+"'
_NUMBER = "(?:0|-?[1-9][0-9]{0,14})"
_FOUND = {
    ("decision", "at"): rf'"(?P<at>{INSTANT}(?:\.[0-9]{{1,6}})?Z)"',
    ("decision", "case"): '"(?P<case>san_[a-z2-7]{26})"',
    ("decision", "platform"): r'"(?P<platform>[ !#-\[\]-~]*+)"',
    ("node", "loggedAt"): rf'"(?P<logged_at>{INSTANT}\.[0-9]{{6}}Z)"',
    ("node", "previous"): r'"(?P<previous>[ !#-\[\]-~]*+)"',
    ("node", "seq"): "(?P<seq>0|[1-9][0-9]{0,14})",
}
_NAMES = ("at", "case", "platform", "logged_at", "previous", "seq")
_BEFORE, _BETWEEN = len('{"decision":'), len(',"node":{"loggedAt":"')


class Skimmer:
    """What was learnt of a log's forms."""

    def __init__(self) -> None:
        self._parsed: Counter[int] = Counter()  # entries, by their commas
        self._forms: dict[int, list[Form]] = {}

    def skim(self, data: bytes) -> Place | None:
        """The place of an entry that `parse_leaf` would read and `History.place` takes; None if it
        must be parsed."""
        forms = self._forms.get(data.count(b","))
        if forms is None or len(data) > LARGEST_LEAF or not data.isascii():
            return None
        text = data.decode()
        for kind, matched, numbers in forms:
            if found := matched(text):
                at, case, platform, logged_at, previous, seq = found.group(*numbers)
                if not (is_time(logged_at) and (at == logged_at or is_time(at))):
                    return None
                number = None
                if kind == BEGINS:
                    number = number_of(data[_BEFORE : found.start(numbers[3]) - _BETWEEN])
                elif case is not None:
                    number = number_named(case)
                return kind, platform, number, logged_at, previous, int(seq)
        return None

    def learn(self, leaf: Leaf) -> None:
        """Remember the form of an entry that was parsed, if such are parsed often."""
        kind, commas = leaf.decision["type"], leaf.data.count(b",")
        self._parsed[commas] += 1
        if self._parsed[commas] % OFTEN or leaf.signature is not None or kind in KINDS_OF_KEYS:
            return
        forms = self._forms.setdefault(commas, [])
        if len(forms) < MOST_FORMS:
            forms.append(_learnt(kind, leaf.data))


def _learnt(kind: str, data: bytes) -> Form:
    form = _form(orjson.loads(data), ())
    absent = [name for name in _NAMES if f"(?P<{name}>" not in form]
    made = re.compile(form + "".join([f"(?P<{name}>(?!))?" for name in absent]))
    return kind, made.fullmatch, tuple(made.groupindex[name] for name in _NAMES)


def _form(value: Any, path: tuple[str, ...]) -> str:
    """An expression of a value, whose texts and numbers may be others."""
    if path in _FOUND and value is not None:
        return _FOUND[path]
    if path in (("decision", "type"), ("decision", "version")):
        return re.escape(orjson.dumps(value).decode())
    match value:
        case dict():
            keys = {key: re.escape(orjson.dumps(key).decode()) for key in value}
            inner = [f"{keys[key]}:{_form(one, (*path, key))}" for key, one in value.items()]
            return r"\{" + ",".join(inner) + r"\}"
        case list():
            return r"\[" + ",".join([_form(one, (*path, "")) for one in value]) + r"\]"
        case str():
            return _TEXT
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
    return _NUMBER
