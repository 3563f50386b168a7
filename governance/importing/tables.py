"""Rows of comma-separated files as others write them.

Quotation marks in a cell are doubled (RFC 4180 section 2), or, as PHP's fputcsv leaves them, stand
single after a backslash. A line that is neither is refused and the next one is read.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from governance.importing.runs import RowRefused

LONGEST_LINE = 1 << 20  # bytes
MOST_JOINED = 50  # lines of one row whose cells hold line breaks

# A cell, quoted or not, and what follows it. Possessive, so that no text takes quadratic time.
_PLAIN = re.compile(r'(?:"((?:[^"]++|"")*+)"|([^",][^,]*+|))(?=,|\Z)')
_ESCAPED = re.compile(r'(?:"((?:[^"\\]++|\\"|\\|"")*+)"|([^",][^,]*+|))(?=,|\Z)')
_PLAIN_OPEN = re.compile(r'"(?:[^"]++|"")*+\Z')
_ESCAPED_OPEN = re.compile(r'"(?:[^"\\]++|\\"|\\|"")*+\Z')
_DIALECTS = ((_ESCAPED, _ESCAPED_OPEN), (_PLAIN, _PLAIN_OPEN))


class Lines(Protocol):
    def readline(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row, and the line it begins on."""

    line: int
    cells: list[str]


Line = tuple[int, str | None]  # None: no text


def read_rows(stream: Lines, *, exact: bool, file: str = "") -> Iterator[Row | RowRefused]:
    """Every row that isn't blank, or why it can't be read; `exact`: all as wide as the first."""
    lines = _numbered(stream)
    waiting: deque[Line] = deque()
    width = 0
    while line := (waiting.popleft() if waiting else next(lines, None)):
        number, text = line
        if text is None:
            reason = f"expected UTF-8 without NUL, at most {LONGEST_LINE} bytes a line"
            yield RowRefused(number, "line", reason, file)
        elif text.strip():
            cells = _joined(text, width, lines, waiting)
            if cells is None:
                expected = f"{width} cells" if width else "cells"
                reason = f"expected {expected} between commas, their quotation marks doubled"
                yield RowRefused(number, "line", reason, file)
            else:
                width = width or (len(cells) if exact else 0)
                yield Row(number, cells)


def _joined(text: str, width: int, lines: Iterator[Line], waiting: deque[Line]) -> list[str] | None:
    """The cells of a text; following lines are taken while a cell is open, or else put back."""
    taken: list[Line] = []
    while True:
        cells, is_open = split(text, width)
        if cells is not None:
            return cells
        following = waiting.popleft() if waiting else next(lines, None)
        if following is not None:
            taken.append(following)
            if is_open and len(taken) <= MOST_JOINED and _continues(following[1], width):
                text = f"{text}\n{following[1]}"
                continue
        waiting.extendleft(reversed(taken))
        return None


def _continues(text: str | None, width: int) -> bool:
    """Whether a line may belong to the row before: it isn't a whole row of its own."""
    return text is not None and not (width > 1 and split(text, width)[0])


def split(text: str, width: int = 0) -> tuple[list[str] | None, bool]:
    """The cells (None: not read), and whether a quoted one isn't closed yet.

    With backslashes before quotation marks there are two readings; the right one has the width.
    """
    is_open = False
    for cell, unclosed in _DIALECTS if '\\"' in text else _DIALECTS[1:]:
        cells, end = _cells(text, cell)
        if cells is not None and width in (0, len(cells)):
            return cells, False
        is_open |= cells is None and unclosed.match(text, end) is not None
    return None, is_open


def _cells(text: str, cell: re.Pattern[str]) -> tuple[list[str] | None, int]:
    if cell is _PLAIN and (found := _read_fast(text)) is not None:
        return found, len(text)
    cells: list[str] = []
    at = 0
    while match := cell.match(text, at):
        quoted, bare = match.groups()
        cells.append(bare if quoted is None else _undoubled(quoted, cell))
        at = match.end() + 1
        if match.end() == len(text):
            return cells, at
    return None, at


def _read_fast(text: str) -> list[str] | None:
    """The cells of a text that is as it should be (RFC 4180 section 2); None where it may not."""
    if '"' not in text:
        return text.split(",")
    if text.endswith(("\r", "\n")):  # which the reader takes for the row's end
        return None
    try:
        [cells] = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        return None
    return cells


def _undoubled(quoted: str, cell: re.Pattern[str]) -> str:
    if '"' not in quoted:
        return quoted
    if cell is _PLAIN:
        return quoted.replace('""', '"')
    return re.sub(r'(\\")|""', lambda match: match[1] or '"', quoted)


def _numbered(stream: Lines) -> Iterator[Line]:
    number = 0
    while raw := stream.readline(LONGEST_LINE + 1):
        number += 1
        is_long = len(raw) > LONGEST_LINE
        while is_long and not raw.endswith(b"\n") and (more := stream.readline(LONGEST_LINE)):
            raw = more
        yield number, None if is_long or b"\0" in raw else _text(raw, number)


def _text(raw: bytes, number: int) -> str | None:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    return (text.removeprefix("\ufeff") if number == 1 else text).rstrip("\r\n")
