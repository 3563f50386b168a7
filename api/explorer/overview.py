"""The first page: what happened lately, beside the time before."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.asking import Data, Problem
from api.explorer.charts import bars, days
from api.explorer.site import AsGraphQL, Site
from api.explorer.telling import label, number, percent, span
from governance.fields import print_instant
from governance.words import Measure

PERIODS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "a year"}
TIME_OUTS = [Measure.ACCOUNT_SUSPENDED, Measure.SERVER_SUSPENDED]

Telling = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the period beside the same of the period before."""

    title: str
    value: str
    before: str
    change: str


def overview_route(site: Site) -> Route:
    """The page at /."""

    async def overview(request: Request) -> Response:
        period = request.query_params.get("days", "30")
        if period not in PERIODS:
            expected = ", ".join(PERIODS)
            raise Problem(400, "That can't be asked", f"days: expected one of {expected}")
        last = site.desk.executor.now().astimezone(UTC).date()
        asked = filters(last, int(period))
        data = await site.desk.kept(request, "overview", asked)
        first = last - timedelta(days=int(period) - 1)
        counts = {row["keys"][0]: row["sanctionCount"] for row in data["days"]["rows"]}
        return site.page(
            request,
            "overview",
            asked=AsGraphQL("overview", asked),
            feed="/sanctions.atom",
            is_indexed=not request.query_params,
            periods=PERIODS,
            period=period,
            as_of=data["now"]["asOf"],
            first=first.isoformat(),
            last=last.isoformat(),
            now=_row(data, "now"),
            begun=_row(data, "begun")["sanctionCount"],
            ended=_row(data, "ended")["sanctionCount"],
            figures=figures(data),
            days=days(counts, first, last),
            measures=_bars(data, "measures", "measure", first, last),
            categories=_bars(data, "categories", "category", first, last),
        )

    return site.route("/", overview)


def filters(last: date, length: int) -> dict[str, dict[str, Any]]:
    """The filters of a period that ends with a day, and of as many days before it."""
    end = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    span = timedelta(days=length)
    middle, begin = print_instant(end - span), print_instant(end - 2 * span)
    issued = {"issuedAfter": middle, "issuedBefore": print_instant(end)}
    before = {"issuedAfter": begin, "issuedBefore": middle}
    measures = {"measures": [str(measure) for measure in TIME_OUTS]}
    return {
        "now": issued,
        "before": before,
        "begun": issued | measures,
        "begunBefore": before | measures,
        "ended": {"endedAfter": middle, "endedBefore": print_instant(end), **measures},
        "endedBefore": {"endedAfter": begin, "endedBefore": middle, **measures},
    }


def figures(data: Data) -> list[Figure]:
    """The key figures, each against the period before."""
    now, before = _row(data, "now"), _row(data, "before")
    begun, begun_before = _row(data, "begun"), _row(data, "begunBefore")
    ended, ended_before = _row(data, "ended"), _row(data, "endedBefore")
    automated, automated_before = (
        _automated(data, "automations"),
        _automated(data, "automationsBefore"),
    )

    def figure(title: str, name: str, one: Data, other: Data, told: Telling) -> Figure:
        return _figure(title, one[name], other[name], told)

    return [
        figure("Time-outs begun", "sanctionCount", begun, begun_before, number),
        figure("Time-outs ended", "sanctionCount", ended, ended_before, number),
        figure("Median time-out", "medianDurationSeconds", begun, begun_before, span),
        figure("All decisions", "sanctionCount", now, before, number),
        _figure("Decided by machines alone", automated, automated_before, percent),
        figure("Appeals against them", "appealCount", now, before, number),
        figure("Overturned, of appeals decided", "overturnRate", now, before, percent),
        figure("Median time to an answer", "medianSecondsToDecision", now, before, span),
        figure("Answers overdue", "overdueAppealCount", now, before, number),
    ]


def _figure(title: str, now: Any, before: Any, told: Telling) -> Figure:
    return Figure(title, told(now), told(before), _change(now, before))


def _change(now: float | None, before: float | None) -> str:
    if not before or now is None:
        return ""
    share = (now - before) / before
    if abs(share) < 0.005:
        return "as before"
    return f"{'up' if share > 0 else 'down'} {abs(share):.0%}"


def _automated(data: Data, name: str) -> float | None:
    counts = {row["keys"][0]: row["sanctionCount"] for row in data[name]["rows"]}
    total = sum(counts.values())
    return counts.get("FULLY", 0) / total if total else None


def _row(data: Data, name: str) -> Data:
    [row] = data[name]["rows"]
    return dict(row)


def _bars(data: Data, name: str, facet: str, first: date, last: date) -> Any:
    rows = [
        (label(row["keys"][0]), row["sanctionCount"], _address(facet, row["keys"][0], first, last))
        for row in data[name]["rows"]
    ]
    return bars(rows)


def _address(facet: str, value: str, first: date, last: date) -> str:
    return f"/sanctions?{facet}={value}&from={first}&to={last}"
