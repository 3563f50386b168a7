"""The harmonised templates of transparency reports (Implementing Regulation (EU) 2024/2835).

The files are the Commission's own; a filled part is the same rows in the same order.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "official"
Key = tuple[str, str]  # of a row, and of a column
Values = dict[Key, str | None]  # what is known of a part; None is unknown


class Part(StrEnum):
    """Parts that the records say something of, by the name of their file."""

    NOTICES = "4_notices"
    OWN_INITIATIVE_ILLEGAL = "5_own_initiative_illegal"
    OWN_INITIATIVE_TERMS = "6_own_initiative_TC"
    APPEALS = "7_appeals_and_recidivism"
    AUTOMATED = "8_automated_means"

    @property
    def is_indicators(self) -> bool:
        """Whether each row is one figure; else a row is a category, and columns are figures."""
        return self in (Part.APPEALS, Part.AUTOMATED)


@dataclass(frozen=True, slots=True)
class Template:
    """A blank part: its columns, and its rows as they are printed."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@cache
def template(part: Part) -> Template:
    text = (FOLDER / f"{part}.csv").read_text(encoding="utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text))
    return Template(tuple(header), tuple(map(tuple, rows)))


def keys(part: Part) -> list[Key]:
    """What each figure of a part is called, row by row: (indicator, scope), or (category, column).

    Keywords such as KEYWORD_OTHER come under several categories: theirs stands before them.
    """
    found = template(part)
    if part.is_indicators:
        indicator, scope = found.columns.index("Indicator"), found.columns.index("Scope")
        return [(row[indicator].strip(), row[scope].strip()) for row in found.rows]
    return [(name, column) for name in categories(part) for column in figures(part)]


def categories(part: Part) -> list[str]:
    """The rows of a part by category: TOTAL, a category, or category/keyword."""
    found, category = [], ""
    for row in template(part).rows:
        name = row[3].strip()
        if name.startswith("KEYWORD_"):
            name = f"{category}/{name}"
        else:
            category = name
        found.append(name)
    return found


def figures(part: Part) -> list[str]:
    """The columns of a part by category that hold figures."""
    told = template(part).columns[5:]
    return [name.strip() for name in told if not name.lower().startswith("contextual")]


def filled(part: Part, service: str, period: str, values: Mapping[Key, str | None]) -> str:
    """The part as CSV: what isn't known is blank."""
    found = template(part)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(found.columns)
    for row, places in zip(found.rows, _places(part), strict=True):
        cells = [row[0], service, period, *row[3:]]
        if not part.is_indicators:
            cells[4] = ""  # what OTHER stands for
        for place, key in places.items():
            cells[place] = values.get(key) or ""
        writer.writerow(cells)
    return text.getvalue()


def _places(part: Part) -> list[dict[int, Key]]:
    """Of each row: which figure is in which column."""
    if part.is_indicators:
        place = template(part).columns.index("Value")
        return [{place: key} for key in keys(part)]
    columns = figures(part)
    return [dict(enumerate([(name, c) for c in columns], 5)) for name in categories(part)]


def read(text: str) -> tuple[Part, str, str, dict[Key, str]]:
    """A filled part: which it is, its service, its period, and its figures that aren't blank.
    ValueError says what isn't as in the template."""
    header, *rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff")))) or [[]]
    shapes = [p for p in Part if list(template(p).columns) == header and _same_rows(p, rows)]
    if not shapes:
        raise ValueError("expected the columns and rows of a part of the template, 4 to 8")
    [part] = shapes
    service, period = rows[0][1].strip(), rows[0][2].strip()
    if any((row[1].strip(), row[2].strip()) != (service, period) for row in rows):
        raise ValueError("expected one service and one reporting period in all rows")
    values = {
        key: row[place].strip()
        for row, places in zip(rows, _places(part), strict=True)
        for place, key in places.items()
        if row[place].strip()
    }
    return part, service, period, values


def _same_rows(part: Part, rows: Sequence[Sequence[str]]) -> bool:
    blank = template(part).rows
    shown = slice(3, 6) if part.is_indicators else slice(3, 4)
    return len(rows) == len(blank) and all(
        [cell.strip() for cell in row[shown]] == [cell.strip() for cell in one[shown]]
        for row, one in zip(rows, blank, strict=True)
    )
