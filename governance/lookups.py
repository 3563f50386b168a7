"""How many subjects each platform asked about on each day (UTC)."""

from collections.abc import Mapping
from datetime import date

import sqlalchemy as sa
from sqlmodel import Field, Session, col, select

from governance.fields import Stored

Counts = Mapping[tuple[str, date], int]


class Lookups(Stored, table=True):
    """One platform's lookups of one day."""

    __tablename__ = "lookups"

    platform_id: str = Field(primary_key=True, foreign_key="platforms.id")
    day: str = Field(primary_key=True)  # 2026-01-31
    count: int = Field(sa_type=sa.BigInteger)


def add_lookups(session: Session, counts: Counts) -> None:
    """Adds what was counted to what other processes added."""
    for (platform_id, day), count in counts.items():
        row = session.get(Lookups, (platform_id, day.isoformat()))
        row = row or Lookups(platform_id=platform_id, day=day.isoformat(), count=0)
        row.count += count
        session.add(row)


def lookups_of(session: Session, day: date) -> dict[str, int]:
    """The totals of a day, by platform."""
    query = select(Lookups).where(col(Lookups.day) == day.isoformat())
    return {row.platform_id: row.count for row in session.exec(query)}
