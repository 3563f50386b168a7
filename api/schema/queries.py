"""Everything that can be asked."""

import re
from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
import strawberry
import strawberry.pydantic

from api.reads.fields import Read, Row, getter, rows_of
from api.reads.nodes import All, One, Page, Stretch, Variants
from api.reads.values import Argument, Env
from api.schema.appeal_facets import AppealDimension, AppealFacet, appeal_facets_of
from api.schema.appeals import Appeal, AppealFilter, filed
from api.schema.appellants import AppellantView, opened
from api.schema.changes import Act, Changed, change
from api.schema.computing import Asked, computed
from api.schema.declaring import argument, sql
from api.schema.exports import Export, exports_of
from api.schema.facets import Facet, facets_of
from api.schema.feed import Event, EventFilter, EventPage, happened
from api.schema.filters import SanctionFilter, is_sparse
from api.schema.inputs import IssueSanctionInput
from api.schema.logs import Log, newest_log
from api.schema.nodes import PAGING, Connection, Node
from api.schema.peers import Peer, peers_of
from api.schema.platforms import Platform, SigningKey
from api.schema.policies import Policy, current
from api.schema.previews import SanctionPreview, given_of
from api.schema.receipts import Receipt, ReceiptFilter, received
from api.schema.reports import TransparencyReport, report_of
from api.schema.sanctions import Sanction
from api.schema.selections import Selection, selection_by_id, selections_of
from api.schema.shortest import shortest
from api.schema.statistics import Statistics, StatisticsDimension, statistics_of
from api.schema.statuses import SuspensionStatus, status_of, statuses_of
from api.schema.subjects import domain_of
from governance import previewing
from governance.errors import InvalidInput
from governance.exporting.files import ExportFile
from governance.fields import URI, Cursor, Shape
from governance.identifiers import SubjectKind
from governance.platforms import Platform as PlatformRow
from governance.platforms import PlatformKey
from governance.previewing import Preview
from governance.records import adoptions, appeals, events, sanctions
from governance.rules.disclosure import ViewerKind
from governance.settings import token_hash


@strawberry.pydantic.type(description="Everything that can be asked")
class Query(Shape):
    @sql(
        SuspensionStatus | None,
        "Whether a subject is suspended; servers are public, accounts take a credential",
        subject=argument(URI, "The account or server, as a URI"),
        subject_kind=argument(SubjectKind | None, "Where the URI leaves the kind open"),
        at=argument(datetime | None, "Another instant than now"),
    )
    def suspension_status(
        row: Row, read: Read, subject: Argument, subject_kind: Argument, at: Argument
    ) -> Any:
        return status_of(read, subject, subject_kind, at)

    @sql(
        list[SuspensionStatus | None],
        "The same for up to 1,000 subjects, in the order asked",
        subjects=argument(list[URI], "The accounts or servers, as URIs"),
    )
    def suspension_statuses(row: Row, read: Read, subjects: Argument) -> Any:
        return statuses_of(read, subjects)

    @sql(
        Connection[Sanction],
        "Sanctions that fit a filter, newest first",
        filter=argument(SanctionFilter | None, "Which sanctions; all if left out"),
        **PAGING,
    )
    def sanctions(row: Row, read: Read, filter: Argument, **paging: Argument) -> Any:  # noqa: A002
        found = rows_of(sanctions.Sanction)
        keys = found.c.issued_at, found.c.id
        sparse, finding = is_sparse(filter), shortest(filter)
        return Page(Sanction, found, keys, paging, is_sparse=sparse, finding=finding)

    @sql(
        Sanction | None,
        "One sanction by its id",
        id=argument(strawberry.ID, "Id of the sanction, prefixed san_"),
    )
    def sanction(row: Row, read: Read, id: Argument) -> Any:  # noqa: A002
        return _by_id(Sanction, sanctions.Sanction, read.text(id, _known_prefix))

    @sql(
        Connection[Appeal],
        "Appeals that fit a filter, newest first",
        filter=argument(AppealFilter | None, "Which appeals; all if left out"),
        **PAGING,
    )
    def appeals(row: Row, read: Read, filter: Argument, **paging: Argument) -> Any:  # noqa: A002
        found = rows_of(appeals.Appeal)
        keys = found.c.filed_at, found.c.id
        return Page(Appeal, found, keys, paging, filed(found.c, read, filter))

    @sql(
        Connection[Receipt],
        "What platforms did with others' sanctions, newest first",
        filter=argument(ReceiptFilter | None, "Which receipts; all if left out"),
        **PAGING,
    )
    def receipts(row: Row, read: Read, filter: Argument, **paging: Argument) -> Any:  # noqa: A002
        found = rows_of(adoptions.Receipt)
        keys = found.c.at, found.c.id
        return Page(Receipt, found, keys, paging, received(found.c, read, filter))

    @sql(Connection[Platform], "Platforms of this node, in the order they joined", **PAGING)
    def platforms(row: Row, read: Read, **paging: Argument) -> Any:
        found = rows_of(PlatformRow)
        return Page(Platform, found, (found.c.added_at, found.c.id), paging, newest_first=False)

    @sql(
        Platform | None,
        "One platform by its domain",
        domain=argument(str, "Domain of the platform"),
    )
    def platform(row: Row, read: Read, domain: Argument) -> Any:
        found = rows_of(PlatformRow)
        return One(Platform, found, [found.c.domain == read.text(domain, domain_of)])

    @sql(
        EventPage,
        "What happened, oldest first, from any place in the feed on",
        after=argument(Cursor | None, "Cursor to go on after; from the beginning if left out"),
        first=argument(int | None, "How many, at most 1,000"),
        filter=argument(EventFilter | None, "Which events; all if left out"),
    )
    def event_page(
        row: Row,
        read: Read,
        after: Argument,
        first: Argument,
        filter: Argument,  # noqa: A002
    ) -> Any:
        found = rows_of(events.Event)
        where = happened(found.c, read, filter)
        is_short = isinstance(filter, dict) and filter.get("sanctionId") is not None
        return Stretch(Event, found, found.c.position, first, after, where, is_short)

    @sql(Policy, "What the networks agreed, as data")
    def policy(row: Row, read: Read) -> Any:
        return current()

    @change(
        SanctionPreview,
        IssueSanctionInput,
        SanctionPreview,
        "What `issueSanction` would come to, without writing anything",
        refused=lambda refused: Changed("", given=given_of(Preview(refused))),
    )
    def preview_sanction(act: Act, draft: Any) -> Changed:
        told = previewing.preview(act.session, act.keys, act.actor, draft, now=act.now)
        return Changed("", given=given_of(told))

    @sql(
        AppellantView | None,
        "What the sanctioned person sees, with the appeal secret alone",
        sanction_id=argument(strawberry.ID, "The sanction appealed against"),
        appeal_secret=argument(str, "The secret that the platform handed on"),
    )
    def appellant_view(row: Row, read: Read, sanction_id: Argument, appeal_secret: Argument) -> Any:
        found = opened(read.text(sanction_id, _known_prefix), read.text(appeal_secret, token_hash))
        return One(AppellantView, found, read=read.as_viewer(ViewerKind.APPELLANT))

    @sql(
        Node | None,
        "Anything by its global id",
        id=argument(strawberry.ID, "A global id"),
    )
    def node(row: Row, read: Read, id: Argument) -> Any:  # noqa: A002
        return _any(read.text(id, _known_prefix), read)

    @sql(
        list[Node | None],
        "Many things by their global ids, in the order asked",
        ids=argument(list[strawberry.ID], "Up to 1,000 global ids"),
    )
    def nodes(row: Row, read: Read, ids: Argument) -> Any:
        get = getter(ids)

        def rows(env: Env) -> list[list[str | None]]:
            asked = get(env)
            if len(asked) > 1_000:
                raise InvalidInput("ids: expected at most 1,000", path=["ids"])
            return [[_known_or_problem(one, place, env)] for place, one in enumerate(asked)]

        source = read.rows(rows, "id")
        return All(Node, source, order=[source.c.ord], each=lambda found: _any(found.id, read))

    @sql(
        Statistics,
        "Sanctions that fit a filter, grouped and counted, with their appeals",
        group_by=argument(list[StatisticsDimension], "Up to three dimensions; none for one total"),
        filter=argument(SanctionFilter | None, "Which sanctions; all if left out"),
    )
    def statistics(row: Row, read: Read, group_by: Argument, filter: Argument) -> Any:  # noqa: A002
        return statistics_of(read, group_by, filter)

    @sql(
        list[Facet],
        "How many sanctions that fit a filter have each value of each dimension",
        by=argument(list[StatisticsDimension], "What to count by, each on its own"),
        filter=argument(SanctionFilter | None, "Which sanctions; all if left out"),
        newest=argument(int | None, "Of these the newest so many alone; at most 10,000"),
        may_estimate=argument(
            bool | None, "Whether estimates will do where more than 10,000 had to be looked at"
        ),
    )
    def facets(
        row: Row,
        read: Read,
        by: Argument,
        filter: Argument,  # noqa: A002
        newest: Argument,
        may_estimate: Argument,
    ) -> Any:
        return facets_of(read, by, filter, newest, may_estimate)

    @sql(
        list[AppealFacet],
        "How many appeals that fit a filter have each value of each dimension",
        by=argument(list[AppealDimension], "What to count by, each on its own"),
        filter=argument(AppealFilter | None, "Which appeals; all if left out"),
    )
    def appeal_facets(row: Row, read: Read, by: Argument, filter: Argument) -> Any:  # noqa: A002
        return appeal_facets_of(read, by, filter)

    @sql(Connection[Export], "Files of each day that is over, newest first", **PAGING)
    def exports(row: Row, read: Read, **paging: Argument) -> Any:
        return exports_of(paging)

    @sql(Connection[Selection], "Selections of the own project, newest first", **PAGING)
    def selections(row: Row, read: Read, **paging: Argument) -> Any:
        return selections_of(read, paging)

    @computed(
        TransparencyReport | None,
        "Part 7 of the EU's harmonised template; published, or a draft",
    )
    def transparency_report(
        asked: Asked,
        *,
        platform: argument(str, "Domain of the platform"),  # type: ignore[valid-type]
        from_: Annotated[
            datetime, strawberry.argument(name="from", description="Where the period begins")
        ],
        to: argument(datetime, "Where the period ends, itself not in it"),  # type: ignore[valid-type]
    ) -> Any:
        return report_of(asked, platform, str(from_), str(to))

    @sql(Log | None, "The decision log; null while nothing is published")
    def log(row: Row, read: Read) -> Any:
        return newest_log()

    @sql(list[Peer], "Nodes that this node follows, and how far behind each is")
    def peers(row: Row, read: Read) -> Any:
        return peers_of(read)


def _known_prefix(text: str) -> str:
    """Global ids are checked here, so that a mistyped one is told from an unknown one."""
    if not re.fullmatch(r"(san|apl|plt|key|rcp|exp|sel)_[a-z0-9]{1,60}", str(text), re.ASCII):
        raise InvalidInput(
            "id: expected a global id such as san_…, apl_…, rcp_…, plt_…, key_…, exp_… or sel_…",
            path=["id"],
        )
    return str(text)


def _known_or_problem(text: str, place: int, env: Env) -> str | None:
    """One bad id of many is a problem in its place and fails no other."""
    try:
        return _known_prefix(text)
    except InvalidInput as problem:
        env.problems.append((place, problem))
        return None


def _by_id(kind: type, record: Any, ident: sa.ColumnElement[str]) -> One:
    found = rows_of(record)
    return One(kind, found, [found.c.id == ident])


def _any(ident: sa.ColumnElement[str], read: Read) -> Variants:
    return Variants(
        [
            _by_id(Sanction, sanctions.Sanction, ident),
            _by_id(Appeal, appeals.Appeal, ident),
            _by_id(Platform, PlatformRow, ident),
            _by_id(SigningKey, PlatformKey, ident),
            _by_id(Receipt, adoptions.Receipt, ident),
            _by_id(Export, ExportFile, ident),
            selection_by_id(ident, read),
        ]
    )
