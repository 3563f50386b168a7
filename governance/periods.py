"""The periods that reports are about."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from governance.errors import InvalidInput
from governance.fields import print_instant

ONE_DAY = timedelta(days=1)
LONGEST_PERIOD = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Period:
    """From an instant up to, but without, another."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise InvalidInput("to: expected an instant after from", path=["to"])
        if self.end - self.start > LONGEST_PERIOD:
            most = LONGEST_PERIOD.days
            raise InvalidInput(f"to: expected at most {most} days after from", path=["to"])

    @classmethod
    def of_days(cls, text: str) -> "Period":
        """A reporting period as the template has it: 2026-01-01/2026-06-30, both days included."""
        first, _, last = text.partition("/")
        try:
            days = date.fromisoformat(first), date.fromisoformat(last)
        except ValueError:
            raise InvalidInput(
                f"expected a reporting period such as 2026-01-01/2026-06-30, got {text!r}"
            ) from None
        if days[1] < days[0]:
            raise InvalidInput(f"expected a last day that isn't before the first, got {text!r}")
        start, end = (datetime.combine(day, time(), UTC) for day in days)
        return cls(start, end + ONE_DAY)

    def __str__(self) -> str:
        if self.start.time() == self.end.time() == time():
            return f"{self.start.date()}/{(self.end - ONE_DAY).date()}"
        return f"{print_instant(self.start)}/{print_instant(self.end)}"
