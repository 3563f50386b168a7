"""Another node as it is reached over HTTP: its log, whom it speaks for, what it discloses."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import anyio
import httpx2
import orjson

from api.outward import SILENCE, NotPublic, Outside
from api.posting import Unanswered, get
from api.sources import REDIRECTS, Site, ahead, body
from api.tiles import tag_of
from governance.errors import Conflict, InvalidInput
from governance.log.auditing import CHECKPOINT, KEY, largest
from governance.log.errors import LogError, Malformed, Unproven, Unread
from governance.log.signers import Algorithm, Verifier, parse_verifier
from governance.log.tiles import Tile
from governance.membership import Actor
from governance.peers import FollowingDraft
from governance.remotes import Named
from governance.rules.permissions import Operation

FEW = 4  # files, fetched one after another
LARGEST_KEY = 1_000  # bytes
LARGEST_DOCUMENT = 256 * 1024  # bytes
LARGEST_DISCLOSURES = 16 * 1024 * 1024  # bytes
LONGEST_ANSWER = 20.0  # seconds
MOST_REDIRECTS = 3


class Node:
    """A followed node as it is reached over HTTP."""

    def __init__(self, outside: Outside, client: httpx2.Client, url: str) -> None:
        self._outside, self._client, self._url = outside, client, url
        self._log = Site(client, f"{url}/log")
        self.checkpoint = b""  # as it was read last

    def read(self, path: str, limit: int) -> bytes:
        try:
            found = self._log.read(path, limit, tries=1)
            if path == CHECKPOINT:
                self.checkpoint = found
            return found
        except NotPublic:
            raise Unread(path, "its address isn't public, and nothing is sent there") from None

    async def is_changed(self, seconds: int) -> bool | None:
        """Whether the checkpoint is another than was read last: at once if it is, else when it
        becomes so or after that many seconds; None where the node doesn't wait with its answer."""
        begun = time.monotonic()
        asked = {"If-None-Match": tag_of(self.checkpoint), "Prefer": f"wait={seconds}"}
        url = f"{self._url}/log/{CHECKPOINT}"
        try:
            with anyio.fail_after(seconds + SILENCE):
                answer = await get(url, headers=asked, address=self._outside.address)
        except (Unanswered, TimeoutError, NotPublic):
            return None
        if answer.status == 304:
            return False if time.monotonic() - begun >= seconds / 2 else None
        return answer.status == 200 or None

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


@dataclass(frozen=True, slots=True)
class Contact:
    """A node that was asked for its log's key, and is to be followed."""

    url: str
    verifiers: list[Verifier]
    token: str | None


def contacted(outside: Outside, own: str, actor: Actor, draft: FollowingDraft) -> Contact:
    """Asks the node that a member wants followed, before anything is written."""
    actor.require(Operation.FOLLOW)
    url = outside.url(draft.url)
    return Contact(url, contact(outside, url, [], own=own), draft.token)
