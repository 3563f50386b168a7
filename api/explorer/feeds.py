"""Atom feeds of lists (RFC 4287)."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import quote

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.asking import Data
from api.explorer.data import PATH as DATA
from api.explorer.data import by_day
from api.explorer.facets import APPEALS, SANCTIONS, Selection, Shelf
from api.explorer.platforms import PATH as PLATFORMS
from api.explorer.reports import PATH as REPORTS
from api.explorer.reports import all_reports, published
from api.explorer.site import PUBLIC, Site
from api.explorer.telling import answered, day, dayname, deed, label, local, number, plural, state
from governance.exporting.columns import ALL
from governance.exporting.files import midnight
from governance.fields import print_instant
from governance.words import ExportFormat

MEDIA = "application/atom+xml; charset=utf-8"
LENGTH = 50  # entries


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a feed."""

    title: str
    address: str
    published: str
    updated: str
    summary: str


Read = Callable[[Request, Selection], Awaitable[Sequence[Entry]]]


def feed_routes(site: Site) -> list[Route]:
    """A feed of each public list whose entries have a time; of sanctions and of appeals, one of
    any selection."""

    async def sanctions(request: Request, selection: Selection) -> Sequence[Entry]:
        asked = {"filter": selection.filter(), "first": LENGTH, "counts": False}
        nodes = (await site.desk.ask(request, "sanctions", asked))["sanctions"]["nodes"]
        return [_of_sanction(node) for node in nodes]

    async def appeals(request: Request, selection: Selection) -> Sequence[Entry]:
        asked = {"filter": selection.filter(), "first": LENGTH}
        nodes = (await site.desk.ask(request, "appeals", asked))["appeals"]["nodes"]
        return [_of_appeal(node) for node in nodes]

    async def reports(request: Request, _: Selection) -> Sequence[Entry]:
        platforms = await all_reports(site.desk, request)
        return _newest(entry for one in platforms for entry in _of_reports(one))

    async def joined(request: Request, _: Selection) -> Sequence[Entry]:
        found = await site.desk.ask(request, "newest_platforms", {"last": LENGTH})
        return [_of_platform(node) for node in reversed(found["platforms"]["nodes"])]

    async def days(request: Request, _: Selection) -> Sequence[Entry]:
        asked = {"first": LENGTH * len(ALL) * len(ExportFormat)}
        nodes = (await site.desk.ask(request, "exports", asked))["exports"]["nodes"]
        return [_of_day(*one) for one in by_day(nodes)[:LENGTH]]

    async def checkpoints(request: Request, _: Selection) -> Sequence[Entry]:
        log = (await site.desk.ask(request, "log"))["log"]
        return [_of_checkpoint(one) for one in log["checkpoints"]] if log else []

    async def forks(request: Request, _: Selection) -> Sequence[Entry]:
        peers = (await site.desk.ask(request, "log"))["peers"]
        return _newest(_of_fork(one["origin"], fork) for one in peers for fork in one["forks"])

    def feed(title: str, shelf: Shelf, read: Read, path: str = "") -> Route:
        path = path or f"{shelf.path}.atom"

        async def told(request: Request) -> Response:
            query = request.query_params if shelf.facets else QueryParams()
            selection = Selection.of(shelf, query)
            found = await read(request, selection)
            now = print_instant(site.desk.executor.now())
            shown = {
                "base": str(request.base_url),
                "self_address": selection.address(path),
                "page_address": selection.address(),
                "title": f"Comity: {title}",
                "updated": max((entry.updated for entry in found), default=now),
                "entries": found,
            }
            made = await site.rendered("feed.xml", shown)
            return Response(made, headers=PUBLIC, media_type=MEDIA)

        return site.route(path, told)

    log = Shelf("/log", ())
    return [
        feed("Sanctions", SANCTIONS, sanctions),
        feed("Appeals", APPEALS, appeals),
        feed("Reports", Shelf(REPORTS, ()), reports),
        feed("Platforms that joined", Shelf(PLATFORMS, ()), joined),
        feed("Daily files", Shelf(DATA, ()), days),
        feed("Checkpoints of the log", log, checkpoints),
        feed("Logs that were forked", log, forks, "/forks.atom"),
    ]


def _newest(entries: Iterable[Entry]) -> Sequence[Entry]:
    return sorted(entries, key=lambda entry: entry.updated, reverse=True)[:LENGTH]


def _of_sanction(node: Data) -> Entry:
    facts = f"{label(node['category'])}; {state(node)}."
    return Entry(
        f"{node['platform']['name']} {deed(node)}",
        f"/sanctions/{node['id']}",
        node["issuedAt"],
        node["endedAt"] or node["issuedAt"],
        f"{facts} {node['explanation'] or ''}".strip(),
    )


def _of_appeal(node: Data) -> Entry:
    sanction = node["sanction"]
    told = node["outcome"] or node["state"]
    return Entry(
        f"{label(told)}: {sanction['platform']['name']} {deed(sanction)}",
        f"/sanctions/{sanction['id']}#{node['id']}",
        node["filedAt"],
        node["decidedAt"] or node["filedAt"],
        f"{label(sanction['category'])}; {answered(node)}.",
    )


def _of_reports(platform: Data) -> Iterator[Entry]:
    """An entry for each period, which a further version of the report updates."""
    versions = platform["publishedReports"]
    began = {(one["startsAt"], one["endsAt"]): one["publishedAt"] for one in versions}
    for one in published(versions):
        yield Entry(
            f"{platform['name']} reported on {dayname(one['first'])} to {dayname(one['last'])}",
            f"{REPORTS}/{platform['domain']}?from={one['first']}&to={one['last']}",
            began[one["startsAt"], one["endsAt"]],
            one["publishedAt"],
            f"Version {one['version']}, published {day(one['publishedAt'])}.",
        )


def _of_platform(node: Data) -> Entry:
    log = f"the followed log {node['peer']['origin']}" if node["peer"] else "this node’s log"
    return Entry(
        f"{node['name']} joined",
        f"{PLATFORMS}/{node['domain']}",
        node["joinedAt"],
        node["joinedAt"],
        f"{node['domain']}; its decisions are in {log}.",
    )


def _of_day(on: str, datasets: list[Data]) -> Entry:
    """Its address is the manifest's; of the two, that of explanations has the longer one."""
    is_over = print_instant(midnight(date.fromisoformat(on) + timedelta(days=1)))
    rows = ", ".join(f"{number(one['rowCount'])} of {one['dataset']}" for one in datasets)
    address = local(min((one["manifestUrl"] for one in datasets), key=len))
    return Entry(f"Files of {dayname(on)}", address, is_over, is_over, f"Rows: {rows}.")


def _of_checkpoint(one: Data) -> Entry:
    return Entry(
        f"The log’s first {plural(one['size'], 'entry', 'entries')}",
        f"/log?before={one['size'] + 1}#{one['rootHash']}",
        one["loggedAt"],
        one["loggedAt"],
        one["note"],
    )


def _of_fork(origin: str, fork: Data) -> Entry:
    return Entry(
        f"{origin} signed two histories",
        f"/log#{quote(origin)}-{fork['seenAt']}",
        fork["seenAt"],
        fork["seenAt"],
        f"{fork['first']}\n{fork['second']}",
    )
