"""Kinds of values that decisions hold, and whether a value is of one."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.log.errors import Malformed
from governance.log.leaves import is_instant

# All that canonical JSON writes as it is, within ASCII. Nothing in it could be the quote after it,
# so that no way back is kept (`++`).
PLAIN = r"[ !#-\[\]-~]++"
# RFC 3339 in UTC with six digits, of the days that every year has.
INSTANT = (
    r"[12][0-9]{3}-(?:0[1-9]|1[0-2])-"
    r"(?:0[1-9]|1[0-9]|2[0-8]|(?<!02-)(?:29|30)|(?<=(?:0[13578]|1[02])-)31)"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
)
CODE = "one of its codes"
_NAME = re.compile("[A-Za-z][A-Za-z0-9_]{0,39}")  # of a field that may be repeated


@dataclass(frozen=True, slots=True)
class Text:
    """What matches is one, and is of `PLAIN`; of what doesn't, `decides` says whether it is."""

    called: str
    pattern: str
    decides: Callable[[str], object] = lambda text: False

    def check(self, value: object, path: str) -> None:
        if type(value) is not str or not (re.fullmatch(self.pattern, value) or self.decides(value)):
            raise Malformed(f"the decision's {path} isn't {self.called}")


@dataclass(frozen=True, slots=True)
class Only:
    """One value that isn't text."""

    value: bool | int | None
    called: str

    def check(self, value: object, path: str) -> None:
        if type(value) is not type(self.value) or value != self.value:
            raise Malformed(f"the decision's {path} isn't {self.called}")


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number from 0."""

    def check(self, value: object, path: str) -> None:
        if type(value) is not int or value < 0:
            raise Malformed(f"the decision's {path} isn't a whole number from 0")


@dataclass(frozen=True, slots=True)
class Many:
    """A list with something in it."""

    of: Text

    def check(self, value: object, path: str) -> None:
        if type(value) is not list or not value:
            raise Malformed(f"the decision's {path} isn't a list with something in it")
        for place, one in enumerate(value):
            self.of.check(one, f"{path}.{place}")


@dataclass(frozen=True, slots=True)
class Fields:
    """An object with something in it, of these fields."""

    kinds: "Mapping[str, Kind]"
    needed: tuple[str, ...]

    def check(self, value: object, path: str) -> None:
        if type(value) is not dict:
            raise Malformed(f"the decision's {path} isn't an object")
        self.check_all(value, f"{path}.")
        if not value:
            raise Malformed(f"the decision's {path} is empty")

    def check_all(self, told: Mapping[str, Any], before: str = "") -> None:
        """Malformed names the first field that isn't as it should be."""
        for name, value in told.items():
            if name not in self.kinds:
                shown = name if _NAME.fullmatch(name) else "a field"
                raise Malformed(f"the decision has {before}{shown}, which its type hasn't")
            self.kinds[name].check(value, before + name)
        for name in self.needed:
            if name not in told:
                raise Malformed(f"the decision has no {before}{name}, which its type needs")


Kind = Text | Only | Count | Many | Fields
Given = dict[str, Kind]


def fields(given: Given) -> Fields:
    """Fields by their names; where one ends with a question mark, the field may be missing."""
    needed = tuple(name for name in given if not name.endswith("?"))
    return Fields({name.rstrip("?"): kind for name, kind in given.items()}, needed)


def code(codes: Iterable[str]) -> Text:
    return Text(CODE, f"(?:{'|'.join(sorted(codes))})")


def ident(prefix: str) -> Text:
    return Text(f"an id that begins with {prefix}_", f"{prefix}_[a-z2-7]{{26}}")


TEXT = Text("a text", PLAIN, bool)
AT = Text("an instant in UTC with six digits", INSTANT, lambda t: len(t) == 27 and is_instant(t))
HASH = Text("base64 of 32 bytes", "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")
SIGNATURE = Text("base64 of 64 bytes", "[A-Za-z0-9+/]{85}[AQgw]==")
DOMAIN = Text("a domain", r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+")
LANGUAGE = Text("a BCP 47 tag", "[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
TRUE, NULL, COUNT = Only(True, "true"), Only(None, "null"), Count()
