"""Following other nodes: `comity follow`, and the same beside a server by itself."""

import fcntl
import logging
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any

import anyio
import anyio.from_thread
import anyio.to_thread
import httpx2
import orjson
import sqlalchemy as sa
import typer
from sqlmodel import col

from api.console import err, fail, now, opened
from api.observing import logs
from api.outward import NotPublic, Outside
from api.sources import REDIRECTS, Site, ahead, body
from governance import following as follow_up
from governance.database import Database
from governance.errors import Conflict, InvalidInput
from governance.following import Follower, Named
from governance.log.auditing import KEY, largest
from governance.log.errors import LogError, Malformed, Unproven, Unread
from governance.log.growth import Forked
from governance.log.signers import Algorithm, Verifier, parse_verifier
from governance.log.tiles import Tile
from governance.peers import Peer
from governance.settings import Settings, read_settings

AT_FIRST = timedelta(seconds=1)  # after the start
LOOK = timedelta(seconds=1)  # between looks for peers that were added
EVERY = timedelta(seconds=0.4)  # between polls of a peer that is well
LONGEST_PAUSE = timedelta(minutes=1)  # after polls that failed
FEW = 4  # files, fetched one after another
LARGEST_KEY = 1_000  # bytes
LARGEST_DOCUMENT = 256 * 1024  # bytes
LARGEST_DISCLOSURES = 16 * 1024 * 1024  # bytes
LONGEST_ANSWER = 20.0  # seconds
MOST_REDIRECTS = 3
_LEADER = 0x666F6C6C6F77  # "follow": the advisory lock's number

Clock = Callable[[], datetime]


class Node:
    """A followed node as it is reached over HTTP."""

    def __init__(self, outside: Outside, client: httpx2.Client, url: str) -> None:
        self._outside, self._client, self._url = outside, client, url
        self._log = Site(client, f"{url}/log")

    def read(self, path: str, limit: int) -> bytes:
        try:
            return self._log.read(path, limit, tries=1)
        except NotPublic:
            raise Unread(path, "its address isn't public, and nothing is sent there") from None

    def fetch(self, tiles: Iterable[Tile]) -> Iterator[tuple[Tile, bytes]]:
        coming = iter(tiles)
        first = list(islice(coming, FEW))
        if len(first) < FEW:
            return ((tile, self._tile(tile)) for tile in first)
        return ahead(chain(first, coming), self._tile)

    def named(self, domain: str) -> Named:
        """Asks the domain itself, which may lead elsewhere a few times."""
        url = self._outside.well_known(domain)
        told = self._asked("GET", url, LARGEST_DOCUMENT, redirects=MOST_REDIRECTS)
        log, platforms = told.get("log"), told.get("platforms")
        if type(log) is not dict or type(platforms) is not list:
            raise Malformed("it names no log, or no platforms")
        origin, key = log.get("origin"), log.get("key")
        own = [one for one in platforms if type(one) is dict and one.get("domain") == domain]
        if type(origin) is not str or type(key) is not str or not own:
            raise Unproven("it names another log, or not this platform")
        name = own[0].get("name")
        return Named(origin, key, name if type(name) is str else None)

    def disclosures(self, cases: Sequence[str], token: str | None) -> Mapping[str, object]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self._url}/log/disclosures"
        told = self._asked(
            "POST", url, LARGEST_DISCLOSURES, headers=headers, json={"cases": list(cases)}
        )
        found = told.get("disclosures")
        if type(found) is not dict:
            raise Malformed("disclosures are an object")
        return found

    def _asked(
        self, method: str, url: str, limit: int, *, redirects: int = 0, **given: Any
    ) -> dict[str, Any]:
        """An answer's JSON object, of whole text at most a limit; after so many redirects."""
        try:
            with self._client.stream(method, url, **given) as answer:
                place = answer.headers.get("location", "")
                if answer.status_code not in REDIRECTS or not redirects:
                    return _object(answer, url, limit)
            other = httpx2.URL(url).join(place)
        except NotPublic:
            raise Unread(url, "its address isn't public, and nothing is sent there") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            kind = type(error).__name__
            raise Unread(url, f"the server is out of reach or breaks off ({kind})") from None
        if other.scheme != httpx2.URL(url).scheme:
            raise Unread(url, "it leads to another scheme")
        return self._asked(method, str(other), limit, redirects=redirects - 1)

    def _tile(self, tile: Tile) -> bytes:
        return self.read(tile.path, largest(tile))


def _object(answer: httpx2.Response, url: str, limit: int) -> dict[str, Any]:
    if answer.status_code != 200:
        raise Unread(url, f"the server answers with {answer.status_code}")
    until = time.monotonic() + LONGEST_ANSWER
    data = b"".join(body(answer, url, limit, until))
    if len(data) > limit:
        raise Unread(url, f"it has more than {limit:,} bytes")
    try:
        told = orjson.loads(data)
    except ValueError:
        told = None
    if type(told) is not dict:
        raise Malformed("it isn't an object of JSON")
    return told


def contact(outside: Outside, url: str, keys: list[str], *, own: str) -> list[Verifier]:
    """The keys of the log that a node serves: those given, or the one it tells. InvalidInput if
    there is none, Conflict if the log is this node's own."""
    if not keys:
        with outside.client() as client:
            try:
                told = Node(outside, client, url).read(KEY, LARGEST_KEY).decode("ascii")
            except (Unread, UnicodeDecodeError) as error:
                why = str(error) if isinstance(error, Unread) else "it isn't a key"
                raise InvalidInput(
                    f"no log's key is at {url}/log/key: {why}", path=["url"]
                ) from None
            keys = [told.removesuffix("\n")]
    try:
        found = [parse_verifier(key.strip()) for key in keys]
    except LogError:
        raise InvalidInput("expected a log's key as name+id+key", path=["url"]) from None
    if any(key.algorithm is not Algorithm.ED25519 for key in found):
        raise InvalidInput("expected the key that signs the log", path=["url"])
    if len({key.name for key in found}) != 1:
        raise InvalidInput("expected keys of one log", path=["url"])
    if found[0].name == own:
        raise Conflict("it is this node's own log", path=["url"])
    return found


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
    once: Annotated[bool, typer.Option(help="Take over what is new now, then end.")] = False,
) -> None:
    """Follow another node from now on; a running server begins within a second."""
    settings = read_settings()
    outside, keys = Outside(settings), settings.keys()
    token = token_file.read_text("utf-8").strip() if token_file else None
    with opened(settings) as database:
        if url is not None:
            where = outside.url(url)
            found = contact(outside, where, key or [], own=settings.sequencer().origin)
            with database.writing() as session:
                peer = follow_up.begin(session, keys, where, found, token, now=now())
            err.print(f"follows {peer.origin}", highlight=False)
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
    err.print(f"{peer.origin} is not followed any longer", highlight=False)


def peers() -> None:
    """List the nodes that are followed: log, URL, entries, last verified, state, problem."""
    with opened() as database, database.reading() as session:
        for peer in session.scalars(sa.select(Peer).order_by(col(Peer.origin))):
            state = follow_up.state_of(peer, now())
            verified = peer.last_verified_at
            at = f"{verified:%Y-%m-%dT%H:%M:%SZ}" if verified else "never"
            print(peer.origin, peer.url, peer.size, at, state, peer.problem or "", sep="\t")


def _catch_up(database: Database, settings: Settings) -> None:
    """Polls each peer once; what is wrong with one is told, and stops no other."""
    with database.reading() as session:
        active = follow_up.active(session)
    is_fine, outside, keys = True, Outside(settings), settings.keys()
    with outside.client() as client:
        for origin, url in active.items():
            try:
                Follower(database, keys, origin, clock=now).poll(Node(outside, client, url))
            except LogError as error:
                err.print(f"{origin}: {error}", highlight=False, markup=False)
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
    outside, keys, under_way = Outside(settings), settings.keys(), set[str]()

    async def keep(origin: str, url: str) -> None:
        follower = Follower(database, keys, origin, clock=clock)
        try:
            await _follow(follower, Node(outside, client, url), origin)
        finally:
            under_way.discard(origin)

    with leading(database) as leads, outside.client() as client:
        async with anyio.create_task_group() as tasks:
            while leads:
                for origin, url in (await anyio.to_thread.run_sync(_active, database)).items():
                    if origin not in under_way:
                        under_way.add(origin)
                        tasks.start_soon(keep, origin, url)
                await anyio.sleep(LOOK.total_seconds())


async def _follow(follower: Follower, node: Node, origin: str) -> None:
    """Polls a peer until it isn't followed any longer, or is elsewhere."""
    limiter, pause, told = anyio.CapacityLimiter(1), EVERY, ""
    while True:
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
        await anyio.sleep(pause.total_seconds() * random.uniform(0.7, 1.3))


def _active(database: Database) -> dict[str, str]:
    with database.reading() as session:
        return follow_up.active(session)


@contextmanager
def leading(database: Database) -> Iterator[bool]:
    """Whether this process is the one to follow; it is let go with the process at the latest."""
    if database.dialect == "sqlite":
        path = f"{database.engine.url.database}.follow"
        with open(os.open(path, os.O_CREAT | os.O_RDWR, 0o600), "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
            else:
                yield True
        return
    with database.engine.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        yield bool(alone.scalar(sa.select(sa.func.pg_try_advisory_lock(_LEADER))))
        alone.scalar(sa.select(sa.func.pg_advisory_unlock_all()))
