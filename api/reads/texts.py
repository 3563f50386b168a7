"""JSON as SQL text: literals, joining, brackets."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

Text = sa.ColumnElement[str]


class _Joined(sa.sql.functions.FunctionElement[str]):
    """Texts joined side by side, without brackets: `||` binds tighter than all we put around
    it, and before 3.46 SQLite's parser had a stack of 100."""

    type = sa.Text()
    inherit_cache = True


@compiles(_Joined)
def _joined(element: _Joined, compiler: Any, **options: Any) -> str:
    return " || ".join(compiler.process(clause, **options) for clause in element.clauses)


def concatenated(parts: Sequence[Text | str]) -> Text:
    """The parts joined as text; neighbouring literals become one, which is as much less to do
    for every row."""
    merged: list[Text | str] = []
    for part in _flat(parts):
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    clauses = [literal(part) if isinstance(part, str) else part for part in merged]
    return clauses[0] if len(clauses) == 1 else _Joined(*clauses)


def _flat(parts: Iterable[Text | str]) -> Iterator[Text | str]:
    """The parts of parts, literals as Python's strings."""
    for part in parts:
        if type(part) is _Joined:
            yield from _flat(part.clauses)
        elif isinstance(part, sa.ColumnClause) and part.is_literal and part.name[:1] == "'":
            yield part.name[1:-1].replace("''", "'")
        else:
            yield part


class _Grouped(_Joined):
    """The same in brackets: one operand of what is around it, however many it has. `||` groups
    from the left, so an object that comes early would lie as deep as there are parts after it,
    and SQLite reads expressions of depth 1,000."""

    inherit_cache = True


@compiles(_Grouped)
def _grouped(element: _Grouped, compiler: Any, **options: Any) -> str:
    return f"({_joined(element, compiler, **options)})"


def grouped(parts: Sequence[Text | str]) -> Text:
    """The parts joined as one operand; no nested object among them."""
    whole = concatenated(parts)
    return _Grouped(*whole.clauses) if isinstance(whole, _Joined) else whole


def bracketed(items: Text) -> Text:
    return concatenated(["[", sa.func.coalesce(items, literal(""), type_=sa.Text()), "]"])


def literal(text: str) -> Text:
    """Literal text; response keys and type names are letters, digits and underscores."""
    return sa.literal_column("'" + text.replace("'", "''") + "'", sa.Text())


def flag(value: bool | sa.ColumnElement[bool]) -> Text:
    """The JSON of a condition that is never null."""
    if isinstance(value, bool):
        return literal("true" if value else "false")
    return sa.case((value, literal("true")), else_=literal("false"))


def name_of(kind: type) -> str:
    return str(kind.__strawberry_definition__.name)  # type: ignore[attr-defined]


def whole_number(number: int) -> sa.ColumnElement[int]:
    return sa.literal_column(str(number), sa.Integer())
