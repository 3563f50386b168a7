"""How SQLite and PostgreSQL print instants, and reckon with them."""

from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.sql.elements import Grouping

from api.reads.texts import Text, whole_number
from governance.fields import UTCDateTime

_MIDNIGHT = sa.literal_column("'T00:00:00.000000Z'", sa.Text())


class Instants(Protocol):
    """One engine's way with them."""

    def instant(self, column: sa.ColumnElement[Any]) -> Text: ...
    def midnight(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]: ...
    def monday(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]: ...
    def days_after(self, instant: sa.ColumnElement[Any], days: int) -> sa.ColumnElement[Any]: ...
    def day(self, column: sa.ColumnElement[Any]) -> Text: ...
    def week(self, column: sa.ColumnElement[Any]) -> Text: ...
    def month(self, column: sa.ColumnElement[Any]) -> Text: ...
    def microseconds(
        self, start: sa.ColumnElement[Any], end: sa.ColumnElement[Any]
    ) -> sa.ColumnElement[int]: ...


class SQLiteInstants:
    """They are stored as the very text that is printed."""

    def instant(self, column: sa.ColumnElement[Any]) -> Text:
        return sa.type_coerce(column, sa.Text())

    def midnight(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.type_coerce(self.day(column) + _MIDNIGHT, UTCDateTime())

    def monday(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        sunday, back = (sa.literal_column(word, sa.Text()) for word in ("'weekday 0'", "'-6 days'"))
        day: Text = sa.func.date(self.day(column), sunday, back, type_=sa.Text())
        return sa.type_coerce(day + _MIDNIGHT, UTCDateTime())

    def days_after(self, instant: sa.ColumnElement[Any], days: int) -> sa.ColumnElement[Any]:
        later = sa.literal_column(f"'+{days} days'", sa.Text())
        day: Text = sa.func.date(self.day(instant), later, type_=sa.Text())
        time = sa.func.substr(sa.type_coerce(instant, sa.Text()), whole_number(11), type_=sa.Text())
        return sa.type_coerce(day + time, UTCDateTime())

    def day(self, column: sa.ColumnElement[Any]) -> Text:
        return self._beginning(column, 10)

    def month(self, column: sa.ColumnElement[Any]) -> Text:
        return self._beginning(column, 7)

    @staticmethod
    def _beginning(column: sa.ColumnElement[Any], length: int) -> Text:
        text = sa.type_coerce(column, sa.Text())
        return sa.func.substr(text, whole_number(1), whole_number(length), type_=sa.Text())

    def week(self, column: sa.ColumnElement[Any]) -> Text:
        """A week belongs to the year that its Thursday is in."""
        sunday, back = sa.literal_column("'weekday 0'", sa.Text()), "'-3 days'"
        thursday = sa.func.date(self.day(column), sunday, sa.literal_column(back, sa.Text()))
        year, day = (sa.func.strftime(sa.literal_column(f"'%{p}'"), thursday) for p in "Yj")
        weeks = Grouping(sa.cast(day, sa.Integer()) - whole_number(1)).op("/")(whole_number(7))
        number = Grouping(weeks) + whole_number(1)
        return sa.func.printf(sa.literal_column("'%s-W%02d'"), year, number, type_=sa.Text())

    def microseconds(
        self, start: sa.ColumnElement[Any], end: sa.ColumnElement[Any]
    ) -> sa.ColumnElement[int]:
        return self._since_1970(end) - self._since_1970(start)

    @staticmethod
    def _since_1970(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
        # SQLite's own instants are whole milliseconds: a fraction would be rounded, up as well.
        text = sa.type_coerce(column, sa.Text())
        whole = sa.func.substr(text, whole_number(1), whole_number(19))
        seconds = sa.cast(sa.func.strftime(sa.literal_column("'%s'"), whole), sa.Integer())
        fraction = sa.cast(sa.func.substr(text, whole_number(21), whole_number(6)), sa.Integer())
        return Grouping(seconds * whole_number(1_000_000) + fraction)


class PostgreSQLInstants:
    """They are printed in UTC, whatever a session's time zone."""

    def instant(self, column: sa.ColumnElement[Any]) -> Text:
        return self._printed(column, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')

    def midnight(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return self._begun("day", column)

    def monday(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return self._begun("week", column)

    @staticmethod
    def _begun(what: str, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        span, zone = (sa.literal_column(f"'{word}'", sa.Text()) for word in (what, "UTC"))
        return sa.func.date_trunc(span, column, zone, type_=UTCDateTime())

    def days_after(self, instant: sa.ColumnElement[Any], days: int) -> sa.ColumnElement[Any]:
        return instant + sa.literal_column(f"interval '{24 * days} hours'", sa.Interval())

    def day(self, column: sa.ColumnElement[Any]) -> Text:
        return self._printed(column, "YYYY-MM-DD")

    def week(self, column: sa.ColumnElement[Any]) -> Text:
        return self._printed(column, 'IYYY"-W"IW')

    def month(self, column: sa.ColumnElement[Any]) -> Text:
        return self._printed(column, "YYYY-MM")

    def microseconds(
        self, start: sa.ColumnElement[Any], end: sa.ColumnElement[Any]
    ) -> sa.ColumnElement[int]:
        seconds = sa.extract("epoch", Grouping(end - start))
        return sa.cast(seconds * whole_number(1_000_000), sa.BigInteger())

    @staticmethod
    def _printed(column: sa.ColumnElement[Any], form: str) -> Text:
        utc = sa.func.timezone(sa.literal_column("'UTC'"), column)
        return sa.func.to_char(utc, sa.literal_column(f"'{form}'"), type_=sa.Text())
