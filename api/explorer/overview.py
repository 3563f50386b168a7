"""The first page: what happened lately, beside the time before."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.asking import Data
from api.explorer.facets import CATEGORY, MEASURE
from api.explorer.figures import Figure, automated, by_day, by_facet, figure, only
from api.explorer.periods import Period
from api.explorer.site import AsGraphQL, Site
from api.explorer.telling import number, percent, span
from governance.words import Measure

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
            now=only(data, "now"),
            begun=only(data, "begun")["sanctionCount"],
            ended=only(data, "ended")["sanctionCount"],
            figures=figures(data),
            days=by_day(data, period),
            measures=by_facet(data, MEASURE, period),
            categories=by_facet(data, CATEGORY, period),
            **period.told,
        )

    return site.route("/", overview)


def figures(data: Data) -> list[Figure]:
    """The key figures, each against the period before."""
    names = ("now", "before", "begun", "begunBefore", "ended", "endedBefore")
    now, before, begun, begun_before, ended, ended_before = (only(data, name) for name in names)
    count, length, answer = "sanctionCount", "medianDurationSeconds", "medianSecondsToDecision"
    overturned = "overturnedCount"
    machines = automated(data)
    return [
        figure("Time-outs begun", begun[count], begun_before[count], number),
        figure("Time-outs ended", ended[count], ended_before[count], number),
        figure("Median time-out", begun[length], begun_before[length], span),
        figure("All decisions", now[count], before[count], number),
        figure("Decided by machines alone", *machines, percent),
        figure("Decisions overturned", now[overturned], before[overturned], number),
        figure("Decisions reduced", now["reducedCount"], before["reducedCount"], number),
        figure("Appeals against them", now["appealCount"], before["appealCount"], number),
        figure("Appeals decided", now["decidedCount"], before["decidedCount"], number),
        figure("Overturned on appeal", now["overturnRate"], before["overturnRate"], percent),
        figure("Answers overdue", now["overdueAppealCount"], before["overdueAppealCount"], number),
        figure("Median time to an answer", now[answer], before[answer], span),
    ]
