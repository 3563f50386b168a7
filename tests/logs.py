"""Small decision logs for tests, as good ones are, and read from a dictionary of files."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from governance.fields import print_instant
from governance.log.auditing import Audit, Signed
from governance.log.authorship import sign_decision
from governance.log.canonical import canonical
from governance.log.checkpoints import Checkpoint
from governance.log.errors import Unread
from governance.log.forms import DECISIONS
from governance.log.kinds import CODE, Count, Fields, Kind, Many, Only
from governance.log.leaves import BEGINS, case_id
from governance.log.notes import encode
from governance.log.signers import Signer, Verifier
from governance.log.tiles import FULL, Tile, bundle, bundles_of, grow, in_tiles
from governance.log.tree import leaf_hash, root_hash
from governance.remotes import Named

ORIGIN = "log.example/comity"
LOG = Signer(ORIGIN, b"l" * 32)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ALPHA, BETA = "alpha.example", "beta.example"

Files = dict[str, bytes]


def decision(kind: str, platform: str | None, **told: Any) -> dict[str, Any]:
    return {"version": 1, "type": kind, "platform": platform, "at": print_instant(NOON)} | told


def whole(kind: str, platform: str | None, **told: Any) -> dict[str, Any]:
    """A decision with every field that one of its type needs, in some value that it may have."""
    form = DECISIONS[kind]
    needed = {name: example(form.kinds[name]) for name in form.needed}
    return needed | decision(kind, platform, **told)


def numbered(number: int) -> dict[str, str]:
    """Commitments that no other number has."""
    return {"subject": encode(number.to_bytes(32, "big"))}


def example(kind: Kind, *, every: bool = False) -> Any:
    """A value of the kind, with nothing in it that isn't needed, or with every field."""
    match kind:
        case Fields():
            names = kind.kinds if every else kind.needed
            return {name: example(kind.kinds[name], every=every) for name in names}
        case Many(of):
            return [example(of)]
        case Only(value):
            return value
        case Count():
            return 0
    if kind.called == CODE:
        return kind.pattern[len("(?:") : -1].split("|")[0]
    return next(text for text in _TEXTS if re.fullmatch(kind.pattern, text))


_TEXTS = [
    *(print_instant(NOON), "a.example", "en", encode(bytes(32)), encode(bytes(64))),
    *(f"{prefix}_{'a' * 26}" for prefix in ("san", "apl", "plt")),
]


class Writer:
    """Writes entries as a node would; what is given as `node` overrides what it would write."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self._seqs: dict[str | None, int] = {}
        self._newest: dict[str, str] = {}

    def add(
        self, told: dict[str, Any], *, by: bytes | None = None, signature: Any = None, **node: Any
    ) -> int:
        """Logs a decision, signed with a platform's secret or as given; returns its index."""
        data = canonical(told)
        case = case_id(data) if told["type"] == BEGINS else told.get("case")
        platform, index = told["platform"], len(self.entries)
        seq = self._seqs.get(platform, 0)
        at = print_instant(NOON + timedelta(seconds=index))
        previous = self._newest.get(case) if case else None
        rest = {"seq": seq, "previous": previous, "loggedAt": at} | node
        signed = sign_decision(by, data) if by else signature
        entry = canonical({"decision": told, "signature": signed, "node": rest})
        self.entries.append(entry)
        self._seqs[platform] = rest["seq"] + 1
        if case is not None:
            self._newest[case] = encode(leaf_hash(entry))
        return index

    def begin(self, platform: str = ALPHA, **given: Any) -> str:
        """Logs the first decision of a case; returns the case."""
        told = whole(BEGINS, platform, commitments=numbered(len(self.entries)))
        self.add(told, **given)
        return case_id(canonical(told))

    def go_on(
        self, case: str, platform: str = ALPHA, kind: str = "appeal.moved", **node: Any
    ) -> int:
        return self.add(whole(kind, platform, case=case), **node)


@cache
def story(size: int) -> list[bytes]:
    """Entries of three platforms and the node, with cases that go on now and then."""
    writer, cases = Writer(), dict[str, str]()
    for number in range(size):
        platform = (ALPHA, BETA, "gamma.example")[number % 3]
        if number % 7 == 6:
            writer.add(whole("peer.applied", None, position=number))
        elif number % 5 < 3 or platform not in cases:
            cases[platform] = writer.begin(platform)
        else:
            writer.go_on(cases[platform], platform)
    return writer.entries


def files(entries: list[bytes], signer: Signer = LOG, *, origin: str = ORIGIN) -> Files:
    """The files of a log with these entries, whatever they are."""
    size = len(entries)
    tiles = grow(0, {}, list(map(leaf_hash, entries)))
    root = root_hash(size, in_tiles(size, tiles.__getitem__))
    written = {tile.path: data for tile, data in tiles.items()}
    for tile in bundles_of(size):
        written[tile.path] = bundle(entries[tile.index * FULL :][: tile.width])
    written["checkpoint"] = Checkpoint(origin, size, root).signed(signer).render()
    return written | {"key": f"{signer.verifier()}\n".encode()}


class Served:
    """A log of files that change as the log does."""

    def __init__(self, entries: list[bytes], **given: Any) -> None:
        self.files: Files = {}
        self.asked: list[str] = []
        self.names: dict[str, Named] = {}
        self.disclosed: dict[str, object] = {}
        self.log(entries, **given)

    def log(self, entries: list[bytes], **given: Any) -> None:
        self.files |= files(entries, **given)

    def read(self, path: str, limit: int) -> bytes:
        self.asked.append(path)
        if path not in self.files:
            raise Unread(path, "there is no such file")
        return self.files[path]

    def fetch(self, tiles: Iterable[Tile]) -> Iterator[tuple[Tile, bytes]]:
        for tile in tiles:
            yield tile, self.read(tile.path, 0)

    def named(self, domain: str) -> Named:
        """Every domain names this log, unless another was named."""
        return self.names.get(domain, Named(ORIGIN, str(LOG.verifier()), None))

    def disclosures(self, cases: Sequence[str], token: str | None) -> Mapping[str, object]:
        return {case: self.disclosed[case] for case in cases if case in self.disclosed}


def write(folder: Path, written: Files) -> Path:
    for path, data in written.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def audited(
    written: Files, *, trusted: Iterable[Verifier] = (LOG.verifier(),), old: bytes | None = None
) -> Audit:
    """Reads a log whole."""

    def fetch(tiles: Iterable[Tile]) -> Iterator[tuple[Tile, bytes]]:
        for tile in tiles:
            if tile.path not in written:
                raise Unread(tile.path, "there is no such file")
            yield tile, written[tile.path]

    before = None if old is None else Signed.parse(old)
    audit = Audit(Signed.parse(written["checkpoint"]), trusted, before)
    found = [index for page in audit.pages(fetch) for index, _ in page.entries]
    assert audit.faults or found == list(range(audit.tree.size))
    return audit


def faults(written: Files, **given: Any) -> list[str]:
    return list(map(str, audited(written, **given).faults))
