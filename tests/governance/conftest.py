"""A world on each engine."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from governance import following, receivers, selections, streams, turns
from governance.backups import backup
from governance.exporting.files import ExportFile
from governance.followers import Follower
from governance.log.growth import Forked
from governance.log.notes import encode
from governance.lookups import add_lookups
from governance.membership import Actor, add_platform
from governance.migrations import upgrade
from governance.notices import NoticeDraft, record_notice
from governance.peers import PeerSource
from governance.receivers import Stream
from governance.reporting import Report, ReportFigure
from governance.selections import SelectionFile
from governance.tallying import tally
from governance.witnessing import witness
from governance.words import Delivery, EventType, ExportFormat, NoticeOutcome, SelectionState
from tests.api.worlds import rich
from tests.builders import KEYS, LOG_KEY, NOW, Team, World
from tests.logs import ALPHA, LOG, ORIGIN, Served, Writer, decision
from tests.signing import key_of

NASTY_NAME = "Ünï \\N\t\n'\""
LONG_AGO, FAR_OFF = datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Yield a world with nobody in it; the test runs once on each engine."""
    with World(database_url) as world:
        yield world


@pytest.fixture
def team(world: World) -> Team:
    """Return a platform of the world with its members."""
    return world.team()


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a backup of a world with records in every table; beside it its database."""
    folder = tmp_path_factory.mktemp("source")
    url = f"sqlite:///{folder / 'comity.db'}"
    upgrade(url)
    with World(url) as world:
        cast = rich(world)
        world.file(None, cast.appealable, secret=cast.secret)
        told = NoticeDraft(sanction_id=cast.disputed, outcome=NoticeOutcome.DELIVERED)
        world.do(record_notice, cast.a.issuer, told, now=NOW)
        world.register_key(cast.a, key_of("a"))
        world.do(add_lookups, {(cast.a.platform.id, NOW.date()): 2**40})
        world.do(witness, "other.example/log", [str(LOG_KEY.verifier())])
        follow(world)
        world.do(derive, cast.disputed)
        receive(world, cast.a)
        world.do(publish, cast.a.platform.id)
        world.do(select, cast.a.researcher)
        for name, at in (("first.example", LONG_AGO), ("last.example", FAR_OFF)):
            world.do(add_platform, name, NASTY_NAME, now=at)
        tally(world.database, now=NOW)
        backup(world.database, KEYS, folder / "a.backup", now=NOW)
    return folder / "a.backup"


def follow(world: World) -> None:
    """Copies a peer's log, which then forks."""
    world.do(following.begin, KEYS, "https://peer.example", [LOG.verifier()], "token", now=NOW)
    follower = Follower(world.database, KEYS, ORIGIN, clock=lambda: NOW)
    writer = Writer()
    writer.add(decision("platform.added", ALPHA, id=f"plt_{'a' * 26}"))
    entries = [*writer.entries, b"no entry"]
    follower.poll(Served(entries))
    with pytest.raises(Forked):
        follower.poll(Served([b"other", *entries[1:]]))


def derive(session: Session, sanction_id: str) -> None:
    """Says that a sanction has a source that isn't here."""
    session.add(PeerSource(sanction_id=sanction_id, source_id=f"san_{'a' * 26}"))


def publish(session: Session, platform_id: str) -> None:
    """Adds a report with a figure from elsewhere, and a file of a day."""
    whose: dict[str, Any] = {"platform_id": platform_id, "starts_at": LONG_AGO, "ends_at": NOW}
    report = Report(id="rep_1", version=1, published_at=NOW, parts={"7": "a,b"}, **whose)
    session.add_all([report, ReportFigure(part="7", row="1", column="value", value="3", **whose)])
    session.add(
        ExportFile(
            id="exp_1",
            begins_at=NOW,
            day="2026-03-01",
            dataset="statements",
            format=ExportFormat.CSV,
            path="statements/day=2026-03-01/statements.csv",
            sha256="0" * 64,
            byte_count=2**40,
            row_count=1,
            checkpoint_size=1,
            root_hash=encode(bytes(32)),
            schema_version=1,
        )
    )


def select(session: Session, project: Actor) -> None:
    """Adds a selection that is ready."""
    formats = [ExportFormat.PARQUET, ExportFormat.CSV]
    made = selections.request(session, project, {"measures": ["WARNING"]}, formats, now=NOW)
    made.erasures = f"3 {NOW}"
    selections.move(session, made, SelectionState.RUNNING)
    file = SelectionFile(
        selection_id=made.id,
        format=ExportFormat.CSV,
        name="rows.csv.gz",
        sha256="0" * 64,
        byte_count=2**40,
    )
    selections.finish(session, made, [file], (2**40, 12, 3), now=NOW)


def receive(world: World, team: Team) -> None:
    """Adds a receiver that didn't take an event."""
    wanted = {"types": ["SANCTION_ISSUED"], "measures": ["ACCOUNT_SUSPENDED"]}
    made = world.do(
        receivers.add_webhook,
        team.platform.domain,
        "https://hooks.example/x",
        wanted=wanted,
        after=None,
        now=NOW,
    )
    world.do(receivers.failed, made.id, "status 500", now=NOW, jitter=0.5)
    world.do(receivers.bury, made.id, 1, "status 500", now=NOW)
    stream = Stream(
        receiver_id=streams.new_stream_id(),
        issuer_id=team.platform.id,
        requested=["urn:x-comity:event:v1:sanction-issued"],
        algorithm="RS256",
        acknowledged=[3, 5],
        authorization=b"sealed",
        verified_at=NOW,
    )
    world.do(
        streams.create,
        team.admin,
        team.platform,
        stream,
        delivery=Delivery.POLL,
        url=None,
        types=[EventType.SANCTION_ISSUED],
        has_turns=True,
        now=NOW,
    )
    world.do(turns.record, NOW)


@pytest.fixture(scope="session")
def rows(archive: Path) -> dict[str, list[str]]:
    """Return every row of the world in the backup."""
    with World(f"sqlite:///{archive.with_name('comity.db')}") as world:
        return world.snapshot()
