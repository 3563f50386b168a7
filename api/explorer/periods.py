"""The time that figures are of: some days up to today."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from starlette.requests import Request

from api.explorer.facets import bad
from governance.fields import print_instant

PERIODS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "a year"}


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in UTC, the last of them today."""

    name: str
    last: date

    @classmethod
    def of(cls, request: Request, now: datetime) -> "Period":
        """The period that an address names; Problem for one that isn't offered."""
        name = request.query_params.get("days", "30")
        if name not in PERIODS:
            raise bad(f"days: expected one of {', '.join(PERIODS)}")
        return cls(name, now.astimezone(UTC).date())

    @property
    def first(self) -> date:
        return self.last - timedelta(days=int(self.name) - 1)

    def between(self, what: str, back: int = 0) -> dict[str, str]:
        """The bounds of this period, or of the one so many before, as a filter has them."""
        end = datetime(self.last.year, self.last.month, self.last.day, tzinfo=UTC)
        end += timedelta(days=1) - back * (length := timedelta(days=int(self.name)))
        after, before = print_instant(end - length), print_instant(end)
        return {f"{what}After": after, f"{what}Before": before}

    @property
    def told(self) -> dict[str, Any]:
        """What templates say of it."""
        days = {"first": self.first.isoformat(), "last": self.last.isoformat()}
        return {"periods": PERIODS, "period": self.name, **days}
