"""Atom feeds of lists (RFC 4287)."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.asking import Data
from api.explorer.facets import APPEALS, SANCTIONS, Selection
from api.explorer.site import PUBLIC, Site
from api.explorer.telling import answered, deed, label, state
from governance.fields import print_instant

MEDIA = "application/atom+xml; charset=utf-8"
LENGTH = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a feed."""

    title: str
    address: str
    published: str
    updated: str
    summary: str


def feed_routes(site: Site) -> list[Route]:
    """The feeds of sanctions and appeals; any selection of either has one."""

    async def of_sanctions(request: Request) -> Response:
        selection = Selection.of(SANCTIONS, request.query_params)
        asked = {"filter": selection.filter(), "first": LENGTH, "counts": False}
        nodes = (await site.desk.ask(request, "sanctions", asked))["sanctions"]["nodes"]
        return await feed(request, "Sanctions", selection, [_of_sanction(node) for node in nodes])

    async def of_appeals(request: Request) -> Response:
        selection = Selection.of(APPEALS, request.query_params)
        asked = {"filter": selection.filter(), "first": LENGTH}
        nodes = (await site.desk.ask(request, "appeals", asked))["appeals"]["nodes"]
        return await feed(request, "Appeals", selection, [_of_appeal(node) for node in nodes])

    async def feed(
        request: Request, title: str, selection: Selection, entries: Sequence[Entry]
    ) -> Response:
        now = print_instant(site.desk.executor.now())
        told = {
            "base": str(request.base_url),
            "self_address": selection.address(f"{selection.shelf.path}.atom"),
            "page_address": selection.address(),
            "title": f"Comity: {title}",
            "updated": max((entry.updated for entry in entries), default=now),
            "entries": entries,
        }
        made = await site.rendered("feed.xml", told)
        return Response(made, headers=PUBLIC, media_type=MEDIA)

    return [site.route("/sanctions.atom", of_sanctions), site.route("/appeals.atom", of_appeals)]


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
