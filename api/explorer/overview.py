"""The first page: what happened lately, beside the time before."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.asking import Data
from api.explorer.facets import CATEGORY, MEASURE, SANCTIONS
from api.explorer.figures import Figure, automated, by_day, by_facet, figure, only, share
from api.explorer.periods import Period
from api.explorer.site import AsGraphQL, Site
from api.explorer.telling import number, percent, span
from governance.words import Measure, Validity

TIME_OUTS = {"measures": [str(Measure.ACCOUNT_SUSPENDED), str(Measure.SERVER_SUSPENDED)]}


def overview_route(site: Site) -> Route:
    """The page at /."""

    async def overview(request: Request) -> Response:
        period = Period.of(request, site.desk.executor.now())
        asked = {
            "now": period.between("issued"),
            "before": period.between("issued", 1),
            "begun": period.between("issued") | TIME_OUTS,
            "begunBefore": period.between("issued", 1) | TIME_OUTS,
            "ended": period.between("ended") | TIME_OUTS,
            "endedBefore": period.between("ended", 1) | TIME_OUTS,
        }
        data = await site.desk.kept(request, "overview", asked)
        return site.page(
            request,
            "overview",
            asked=AsGraphQL("overview", asked),
            feed="/sanctions.atom",
            is_indexed=not request.query_params,
            as_of=data["now"]["asOf"],
            begun=only(data, "begun")["sanctionCount"],
            ended=sum(by_validity(data, "ended").values()),
            overturned=by_validity(data, "ended").get(Validity.OVERTURNED, 0),
            figures=figures(data, period),
            days=by_day(data, period),
            measures=by_facet(data, MEASURE, period),
            categories=by_facet(data, CATEGORY, period),
            **period.told,
        )

    return site.route("/", overview)


def by_validity(data: Data, name: str) -> dict[str, int]:
    """Sanctions that ended, by whether the decision stands."""
    return {row["keys"][0]: row["sanctionCount"] for row in data[name]["rows"]}


def figures(data: Data, period: Period) -> list[Figure]:
    """The key figures, each against the period before."""
    now, before, begun, begun_before = (
        only(data, name) for name in ("now", "before", "begun", "begunBefore")
    )
    ended, ended_before = (by_validity(data, name) for name in ("ended", "endedBefore"))
    count, length, answer = "sanctionCount", "medianDurationSeconds", "medianSecondsToDecision"
    wrong = Validity.OVERTURNED
    reduced, reduced_before = (
        share(one["reducedCount"], one["decidedCount"]) for one in (now, before)
    )
    issued = f"{SANCTIONS.path}?from={period.first}&to={period.last}"
    time_outs = issued + "".join([f"&{MEASURE.name}={one}" for one in TIME_OUTS["measures"]])
    machines = automated(data)
    return [
        figure("Time-outs begun", begun[count], begun_before[count], number, time_outs),
        figure("Time-outs ended", sum(ended.values()), sum(ended_before.values()), number),
        figure("Time-outs overturned", ended.get(wrong, 0), ended_before.get(wrong, 0), number),
        figure("Median time-out", begun[length], begun_before[length], span),
        figure("All decisions", now[count], before[count], number, issued),
        figure("Decided by machines alone", *machines, percent, f"{issued}&automation=FULLY"),
        figure("Appeals against decisions", now["appealCount"], before["appealCount"], number),
        figure("Appeals decided", now["decidedCount"], before["decidedCount"], number),
        figure("Overturned on appeal", now["overturnRate"], before["overturnRate"], percent),
        figure("Reduced on appeal", reduced, reduced_before, percent),
        figure("Answers overdue", now["overdueAppealCount"], before["overdueAppealCount"], number),
        figure("Median time to an answer", now[answer], before[answer], span),
    ]
