"""Following other nodes: `comity follow`, and the same beside a server by itself."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
import anyio.from_thread
import anyio.to_thread
import sqlalchemy as sa
import typer
from sqlmodel import col

from api.console import fail, now, opened, say
from api.leading import jittered, leading
from api.observing import logs
from api.outward import Outside
from governance import following as follow_up
from governance.database import Database
from governance.followers import Follower
from governance.log.errors import LogError
from governance.log.growth import Forked
from governance.peers import Peer, state_of
from governance.settings import Settings, read_settings

if TYPE_CHECKING:  # a node starts without it, and reaches nobody while it follows nobody
    from api.reaching import Node

AT_FIRST = timedelta(seconds=1)  # after the start
LOOK = timedelta(seconds=1)  # between looks for peers that were added
EVERY = timedelta(seconds=0.4)  # between polls of a peer that is well, and doesn't tell of news
HELD = 2  # seconds that a peer is asked to wait with its answer while there are none
LONGEST_PAUSE = timedelta(minutes=1)  # after polls that failed

Clock = Callable[[], datetime]


def follow(
    url: Annotated[str | None, typer.Argument(help="Such as https://node.example.")] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(help="The key of its log, from whom you trust; else the one it tells."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A token of that node, for disclosures."),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Take over what is new now, then end.")
    ] = False,
) -> None:
    """Follow another node from now on; a running server begins within a second."""
    from api.reaching import contact

    settings = read_settings()
    outside, keys = Outside(settings), settings.keys()
    token = token_file.read_text("utf-8").strip() if token_file else None
    with opened(settings) as database:
        if url is not None:
            where = outside.url(url)
            found = contact(outside, where, key or [], own=settings.sequencer().origin)
            with database.writing() as session:
                peer = follow_up.begin(session, keys, where, found, token, now=now())
            say(f"follows {peer.origin}")
        elif not once:
            fail("expected a URL such as https://node.example, or --once")
        if once:
            _catch_up(database, settings)


def unfollow(
    node: Annotated[str, typer.Argument(help="The name of its log, or its URL.")],
) -> None:
    """Follow a node no longer: its sanctions stop binding, what it disclosed is deleted."""
    with opened() as database, database.writing() as session:
        peer = follow_up.end(session, node)
    say(f"{peer.origin} is not followed any longer")


def peers() -> None:
    """List the nodes that are followed: log, URL, entries, last verified, state, problem."""
    with opened() as database, database.reading() as session:
        for peer in session.scalars(sa.select(Peer).order_by(col(Peer.origin))):
            state = state_of(peer, now())
            verified = peer.last_verified_at
            at = f"{verified:%Y-%m-%dT%H:%M:%SZ}" if verified else "never"
            print(peer.origin, peer.url, peer.size, at, state, peer.problem or "", sep="\t")


def _catch_up(database: Database, settings: Settings) -> None:
    """Polls each peer until every domain was asked; what is wrong with one is told, and stops no
    other."""
    from api.reaching import Node

    with database.reading() as session:
        active = follow_up.active(session)
    is_fine, outside, keys = True, Outside(settings), settings.keys()
    with outside.client() as client:
        for origin, url in active.items():
            try:
                follower = Follower(database, keys, origin, clock=now)
                while follower.poll(Node(outside, client, url)) and follower.has_more():
                    pass
            except LogError as error:
                say(f"{origin}: {error}")
                is_fine = False
    if not is_fine:
        raise SystemExit(1)


async def following(database: Database, settings: Settings, clock: Clock) -> None:
    """Runs for ever beside a server. Of several workers, or nodes on one database, one follows;
    when it ends, however it does, another begins."""
    pause = AT_FIRST
    while True:
        await anyio.sleep(pause.total_seconds())
        pause = LOOK
        try:
            if await anyio.to_thread.run_sync(_active, database):
                await _lead(database, settings, clock)
        except Exception as error:
            logs.unexpected(error, "following failed; it is tried again")


async def _lead(database: Database, settings: Settings, clock: Clock) -> None:
    """Follows each peer at its own pace, so that none waits for another."""
    from api.reaching import Node

    outside, keys, under_way = Outside(settings), settings.keys(), set[str]()

    async def keep(origin: str, url: str) -> None:
        follower = Follower(database, keys, origin, clock=clock)
        try:
            await _follow(follower, Node(outside, client, url), origin)
        finally:
            under_way.discard(origin)

    with leading(database, "follow") as leads, outside.client() as client:
        async with anyio.create_task_group() as tasks:
            if leads:
                tasks.start_soon(_leaving, outside)
            while leads:
                for origin, url in (await anyio.to_thread.run_sync(_active, database)).items():
                    if origin not in under_way:
                        under_way.add(origin)
                        tasks.start_soon(keep, origin, url)
                await anyio.sleep(LOOK.total_seconds())


async def _leaving(outside: Outside) -> None:
    """Has nobody who stops a node wait for a peer."""
    try:
        await anyio.sleep_forever()
    finally:
        outside.leave()


async def _follow(follower: Follower, node: "Node", origin: str) -> None:
    """Polls a peer until it isn't followed any longer, or is elsewhere: as soon as it says that its
    log went on, and now and then without."""
    limiter, pause, told = anyio.CapacityLimiter(1), EVERY, ""
    news: bool | None = None
    while True:
        before = node.checkpoint
        try:
            poll = partial(follower.poll, node)
            is_followed = await anyio.to_thread.run_sync(poll, limiter=limiter)
            pause, told = EVERY, ""
        except Forked as error:
            logs.tell(logging.ERROR, "a peer forked", peer=origin, why=str(error))
            return
        except LogError as error:
            pause = min(2 * pause, LONGEST_PAUSE)
            if str(error) != told:
                told = str(error)
                logs.tell(logging.WARNING, "a peer can't be followed", peer=origin, why=told)
        except Exception as error:
            pause = min(2 * pause, LONGEST_PAUSE)
            logs.unexpected(error, "following a peer failed; it is tried again")
        else:
            if not is_followed:
                return
        is_believed = not news or node.checkpoint != before
        news = await node.is_changed(HELD) if is_believed and pause == EVERY else None
        if news is None:
            await anyio.sleep(jittered(pause))


def _active(database: Database) -> dict[str, str]:
    with database.reading() as session:
        return follow_up.active(session)
