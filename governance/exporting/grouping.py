"""Rows on their way to researchers, in a file of their own, where they are put into groups that
enough subjects share. It takes as much memory for a million rows as for ten, and what was read
stays when the process is killed. It holds pseudonyms, and no id of a sanction but the last's.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from governance.exporting.columns import Column, Dataset, Kind
from governance.identifiers import SubjectKind
from governance.rules.research import DATES, FEWEST, LEVELS, Level, open_from
from governance.vocabulary import Category
from governance.words import (
    Automation,
    DurationBucket,
    EndReason,
    Ground,
    Measure,
    Outcome,
    Source,
    Validity,
)

ROWS = Dataset(
    "rows",
    "A row for each sanction of a selection, its subject under a pseudonym.",
    (
        Column("subject", Kind.TEXT, "The subject's pseudonym, in this project alone", False),
        Column("detail", Kind.LONG, "How much of the row is told, from 0 to 6", False),
        Column(
            "subjectKind", Kind.TEXT, "Account, content or whole server", False, words=SubjectKind
        ),
        Column("issuedOn", Kind.TEXT, "Day of the decision, 2026-03-01, or month, 2026-03", False),
        Column("measure", Kind.TEXT, "What the sanction does to its subject", words=Measure),
        Column("category", Kind.TEXT, "Category of the EU transparency database", words=Category),
        Column("platform", Kind.TEXT, "Domain of the platform that decided"),
        Column(
            "duration",
            Kind.TEXT,
            "How long it restricts, as a DurationBucket",
            words=DurationBucket,
        ),
        Column("validity", Kind.TEXT, "Whether the decision stands", words=Validity),
        Column("isAppealed", Kind.FLAG, "Whether any appeal was filed"),
        Column(
            "outcome",
            Kind.TEXT,
            "How the last appeal was decided; null without a decision",
            words=Outcome,
        ),
        Column("ground", Kind.TEXT, "Against the law, or against the terms", words=Ground),
        Column("source", Kind.TEXT, "What brought the case to attention", words=Source),
        Column("automation", Kind.TEXT, "How far machines took the decision", words=Automation),
        Column("endedOn", Kind.TEXT, "Day or month in which it ended; null until then"),
        Column("endReason", Kind.TEXT, "Why it ended; null until then", words=EndReason),
    ),
    lambda index, leaf_hash, leaf: None,
)
TOLD = tuple(column.name for column in ROWS.columns[2:])  # what levels speak of
BATCH = 5_000
Told = Mapping[str, Any]


class Grouping:
    """The rows of everything there is, of which a selection takes whole groups."""

    def __init__(self, path: Path) -> None:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._path = path
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(
            "PRAGMA synchronous=NORMAL; PRAGMA temp_store=FILE;"
            "CREATE TABLE IF NOT EXISTS place (after TEXT NOT NULL, read INT NOT NULL);"
            "CREATE TABLE IF NOT EXISTS found (subject TEXT NOT NULL, fits INT NOT NULL,"
            f"detail INT, told INT, {', '.join(TOLD)});"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _t: type[BaseException] | None, _v: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._db.close()

    def place(self) -> tuple[str, int]:
        """The id after which to go on reading, and how many were read."""
        row: tuple[str, int] | None = self._one("SELECT after, read FROM place")
        return row or ("", 0)

    def add(self, rows: Sequence[tuple[str, bool, Told]], after: str, read: int) -> None:
        """Adds rows, each with its pseudonym and whether it fits, and where to go on."""
        marks = ", ".join("?" * (2 + len(TOLD)))
        with self._transaction():
            self._db.executemany(
                f"INSERT INTO found (subject, fits, {', '.join(TOLD)}) VALUES ({marks})",
                [(subject, fits, *(row[name] for name in TOLD)) for subject, fits, row in rows],
            )
            self._db.execute("DELETE FROM place")
            self._db.execute("INSERT INTO place VALUES (?, ?)", (after, read))

    def group(self, as_of: date, check: Callable[[], None] = lambda: None) -> None:
        """Puts each row at the highest level at which enough subjects share all that it keeps.
        Of a group that doesn't fit as a whole nothing is told. What `check` raises before a level
        undoes it."""
        with self._transaction():
            self._db.execute("UPDATE found SET detail = NULL, told = NULL")
            for detail, level in reversed([*enumerate(LEVELS)]):
                check()
                self._place(detail, level, as_of)

    def _place(self, detail: int, level: Level, as_of: date) -> None:
        key = " || '|' || ".join(f"ifnull({_kept(name, level)}, '')" for name in level.columns)
        left = f"detail IS NULL AND issuedOn < '{open_from(level, as_of)}'"
        self._db.execute("DROP TABLE IF EXISTS temp.shared")
        self._db.execute("CREATE TEMP TABLE shared (key TEXT PRIMARY KEY, fits INT) WITHOUT ROWID")
        self._db.execute(
            f"INSERT INTO shared SELECT {key}, min(fits) FROM found WHERE {left} GROUP BY 1 "
            f"HAVING count(DISTINCT subject) >= {FEWEST}"
        )
        self._db.execute(
            f"UPDATE found SET detail = {detail}, told = (SELECT fits FROM shared "
            f"WHERE shared.key = ({key})) WHERE {left} AND ({key}) IN (SELECT key FROM shared)"
        )

    def counts(self) -> tuple[int, int, int]:
        """Rows and subjects that are told, and rows that fit and are withheld."""
        rows, subjects, fitting = self._one(
            "SELECT count(CASE WHEN told THEN 1 END), count(DISTINCT CASE WHEN told THEN subject "
            "END), count(CASE WHEN fits THEN 1 END) FROM found"
        ) or (0, 0, 0)
        return rows, subjects, fitting - rows

    def batches(self) -> Iterator[dict[str, list[dict[str, object]]]]:
        """What is told, in the order of what is told, so that it says no more than the rows do."""
        names = ("subject", "detail", *TOLD)
        order = ", ".join(("subject", "detail", *map(_told, TOLD)))
        query = f"SELECT {', '.join(names)} FROM found WHERE told ORDER BY {order}"
        with closing(self._db.execute(query)) as found:
            while rows := found.fetchmany(BATCH):
                yield {ROWS.name: [_row(dict(zip(names, row, strict=True))) for row in rows]}

    def _one(self, query: str) -> Any:
        return self._db.execute(query).fetchone()

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)

    def remove(self) -> None:
        self._db.close()
        self._path.unlink(missing_ok=True)


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(
        self, kind: type[BaseException] | None, _v: BaseException | None, _tb: TracebackType | None
    ) -> None:
        if self._db.in_transaction:
            self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def _kept(name: str, level: Level) -> str:
    return f"substr({name}, 1, 7)" if level.is_by_month and name in DATES else name


def _told(name: str) -> str:
    """A column as its row's level tells it."""
    levels = [(n, _kept(name, level)) for n, level in enumerate(LEVELS) if name in level.columns]
    return f"CASE detail {' '.join(f'WHEN {n} THEN {kept}' for n, kept in levels)} END"


def _row(found: dict[str, Any]) -> dict[str, object]:
    told = LEVELS[found["detail"]].told({name: found[name] for name in TOLD})
    if told["isAppealed"] is not None:
        told["isAppealed"] = bool(told["isAppealed"])
    return {"subject": found["subject"], "detail": found["detail"], **told}
