"""Whole logs: good ones pass, and of every forgery the audit says what is wrong where."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from governance.fields import print_instant
from governance.log import skimming
from governance.log.auditing import MOST_FAULTS, Signed
from governance.log.authorship import hand_over, sign_decision
from governance.log.canonical import canonical
from governance.log.checkpoints import Checkpoint
from governance.log.errors import LogError
from governance.log.leaves import LARGEST_LEAF
from governance.log.notes import encode
from governance.log.signers import Signer
from governance.log.tiles import LARGEST_ENTRY, bundle, parse_bundle
from governance.log.tree import LARGEST_SIZE
from tests.logs import (
    ALPHA,
    BETA,
    LOG,
    NOON,
    ORIGIN,
    Files,
    Writer,
    audited,
    decision,
    faults,
    files,
    numbered,
    story,
    whole,
)

LARGEST = 65_537
STORY = story(602)
SMALL = files(STORY[:10])
TALL = files(STORY[:600])
OTHER = Signer(ORIGIN, b"o" * 32)
CLOSED = Signer("closed.example/log", b"c" * 32)
THIRD = Signer(ORIGIN, b"t" * 32)
PLATFORM, NEXT = b"p" * 32, b"q" * 32


@pytest.fixture(autouse=True, scope="module", params=[1, skimming.OFTEN])
def _often(request: pytest.FixtureRequest) -> Iterator[None]:
    """Entries are parsed, or skimmed as soon as one of their type was parsed: it makes no odds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(skimming, "OFTEN", request.param)
        yield


def public(secret: bytes) -> str:
    return sign_decision(secret, b"")["key"]


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 65_535, 65_536, 65_537])
def test_a_good_log_passes(size: int) -> None:
    audit = audited(files(story(LARGEST)[:size]))
    assert (audit.faults, audit.signers) == ([], [LOG.verifier()])


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 599, 600])
def test_a_log_that_only_grew_continues_what_was_seen(size: int) -> None:
    assert faults(TALL, old=files(STORY[:size])["checkpoint"]) == []


# Forged by whoever serves the files: the log never signed these.


def changed(path: str, at: int) -> Callable[[Files], Files]:
    def change(log: Files) -> Files:
        data = bytearray(log[path])
        data[at] ^= 1
        return log | {path: bytes(data)}

    return change


def rebundled(path: str, change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Files], Files]:
    return lambda log: log | {path: bundle(change(parse_bundle(log[path])))}


def without(path: str) -> Callable[[Files], Files]:
    return lambda log: {name: data for name, data in log.items() if name != path}


def swapped(entries: list[bytes]) -> list[bytes]:
    return [entries[1], entries[0], *entries[2:]]


@pytest.mark.parametrize(
    ("forge", "told"),
    [
        (changed("tile/entries/001", 40), "entry 256: it isn't the one that tile/0/001 has"),
        (rebundled("tile/entries/001", swapped), "entry 256: it isn't the one that"),
        (rebundled("tile/entries/001", swapped), "entry 257: it isn't the one that"),
        (
            rebundled("tile/entries/001", lambda entries: entries[1:]),
            "tile/entries/001: it has 255 entries, and should have 256",
        ),
        (
            lambda log: log | {"tile/entries/001": log["tile/entries/001"][:-1]},
            "tile/entries/001: the bundle ends within an entry",
        ),
        (lambda log: log | {"tile/entries/001": b""}, "tile/entries/001: a bundle is 1 to 256"),
        (without("tile/entries/001"), "tile/entries/001: there is no such file"),
        (changed("tile/0/001", 33), "tile/0/001: its hashes don't give the one in tile/1/000.p/2"),
        (changed("tile/0/001", 33), "entry 257: it isn't the one that tile/0/001 has"),
        (changed("tile/0/002.p/88", 33), "checkpoint: its root isn't that of the tiles at"),
        (changed("tile/0/002.p/88", 33), "entry 513: it isn't the one that tile/0/002.p/88 has"),
        (changed("tile/1/000.p/2", 0), "tile/0/000: its hashes don't give the one in"),
        (
            lambda log: log | {"tile/0/001": log["tile/0/001"][:-32]},
            "tile/0/001: a tile has 32 bytes for each of its hashes",
        ),
        (lambda log: log | {"tile/1/000.p/2": b""}, "tile/1/000.p/2: a tile has 32 bytes"),
        (without("tile/0/001"), "tile/0/001: there is no such file"),
        (without("tile/1/000.p/2"), "tile/1/000.p/2: there is no such file"),
    ],
    ids=range(16),
)
def test_forged_files_are_found(forge: Callable[[Files], Files], told: str) -> None:
    found = faults(forge(TALL))
    assert any(line.startswith(told) for line in found), found


def test_a_changed_entry_is_the_only_thing_said_to_be_wrong() -> None:
    """The entries after it aren't to blame."""
    data = TALL["tile/entries/001"].replace(b'"position":300', b'"position":301')
    assert faults(TALL | {"tile/entries/001": data}) == [
        "entry 300: it isn't the one that tile/0/001 has the hash of"
    ]


def checkpoint(size: int, root: bytes, *, origin: str = ORIGIN, signer: Signer = LOG) -> Files:
    return {"checkpoint": Checkpoint(origin, size, root).signed(signer).render()}


ROOT = Signed.parse(TALL["checkpoint"]).tree.root


@pytest.mark.parametrize(
    ("forged", "told"),
    [
        (checkpoint(600, bytes(32)), "checkpoint: its root isn't that of the tiles"),
        (checkpoint(600, ROOT, signer=OTHER), "checkpoint: no known key signed the note"),
        (checkpoint(600, ROOT, origin="other.example"), "checkpoint: it is of another log"),
        (checkpoint(599, ROOT), "tile/0/002.p/87: there is no such file"),
        (checkpoint(LARGEST_SIZE, ROOT), "tile/0/"),
        (checkpoint(2**56, ROOT), "tile/7/000.p/1: there is no such file"),
        (
            {
                "checkpoint": TALL["checkpoint"][:-40]
                + TALL["checkpoint"][-40:-8].swapcase()
                + TALL["checkpoint"][-8:]
            },
            "checkpoint: a signature doesn't hold",
        ),
    ],
    ids=range(7),
)
def test_forged_checkpoints_are_found(forged: Files, told: str) -> None:
    found = faults(TALL | forged)
    assert any(line.startswith(told) for line in found), found


@pytest.mark.parametrize("old", [1, 255, 256, 257, 300, 599, 600])
def test_rewritten_history_is_found(old: int) -> None:
    """Everything is signed anew, and what was seen before gives it away."""
    seen = files([*STORY[: old - 1], STORY[601]])["checkpoint"]
    assert faults(TALL, old=seen) == [
        f"the older checkpoint: the log's first {old} entries were others then"
    ]


def test_a_shrunken_log_is_found() -> None:
    assert faults(SMALL, old=TALL["checkpoint"]) == [
        "checkpoint: the log has 10 entries, and had 600 before"
    ]
    assert faults(files([]), old=SMALL["checkpoint"]) == [
        "checkpoint: the log has 0 entries, and had 10 before"
    ]


def test_what_was_seen_before_must_be_of_this_log_and_signed() -> None:
    other = checkpoint(0, Signed.parse(files([])["checkpoint"]).tree.root, origin="other.example")
    assert faults(SMALL, old=other["checkpoint"]) == ["the older checkpoint: it is of another log"]
    unsigned = files(STORY[:5], OTHER)["checkpoint"]
    assert faults(SMALL, old=unsigned) == ["the older checkpoint: no known key signed the note"]


# Forged by the node itself: the log signed these, and the entries give it away.


def told_by(write: Callable[[Writer], object]) -> list[str]:
    writer = Writer()
    case = writer.begin(ALPHA)
    assert case
    write(writer)
    return faults(files(writer.entries))


FOREIGN_CASE = "san_" + "a" * 26
TWICE = whole("sanction.issued", ALPHA, commitments=numbered(0))


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (
            lambda log: log.begin(ALPHA, seq=2),
            "entry 1: seq is 2, and 1 comes next for alpha.example",
        ),
        (lambda log: log.begin(ALPHA, seq=0), "entry 1: seq is 0, and 1 comes next for"),
        (lambda log: log.begin(BETA, seq=1), "entry 1: seq is 1, and 0 comes next for beta"),
        (
            lambda log: log.add(whole("peer.applied", None), seq=1),
            "entry 1: seq is 1, and 0 comes next for the node",
        ),
        (
            lambda log: log.begin(ALPHA, previous=encode(bytes(32))),
            "entry 1: previous isn't null, and its case has no earlier entry",
        ),
        (
            lambda log: log.add(whole("member.added", ALPHA), previous=encode(bytes(32))),
            "entry 1: previous isn't null",
        ),
        (
            lambda log: log.begin(ALPHA, loggedAt="2026-11-24T11:59:59.999999Z"),
            "entry 1: loggedAt is 2026-11-24T11:59:59.999999Z, before 2026-11-24T12:00:00.000000Z",
        ),
        (lambda log: log.go_on(FOREIGN_CASE), "entry 1: it is of a case that this log never"),
        (
            lambda log: log.add(TWICE),
            "entry 1: it begins a case that was begun before",
        ),
        (
            lambda log: log.go_on(first_case(), BETA),
            "entry 1: it is by beta.example, and another platform began its case",
        ),
        (
            lambda log: log.go_on(first_case(), previous=None),
            "entry 1: previous isn't the hash of its case's entry before",
        ),
        (
            lambda log: log.go_on(first_case(), previous=encode(bytes(32))),
            "entry 1: previous isn't the hash of its case's entry before",
        ),
        (
            lambda log: log.add(decision("x", "Alpha.example")),
            "entry 1: the decision's platform isn't a domain",
        ),
    ],
    ids=range(13),
)
def test_entries_that_do_not_fit_each_other_are_found(
    write: Callable[[Writer], object], told: str
) -> None:
    [found] = told_by(write)
    assert found.startswith(told)


def first_case() -> str:
    return Writer().begin(ALPHA)


def test_what_is_wrong_once_is_told_once() -> None:
    def write(log: Writer) -> None:
        log.begin(ALPHA, seq=7)
        case = log.begin(ALPHA)
        log.go_on(case, previous=None)
        log.go_on(case)

    assert [line.partition(":")[0] for line in told_by(write)] == ["entry 1", "entry 3"]


def test_others_may_tell_of_a_case() -> None:
    def write(log: Writer) -> None:
        log.go_on(first_case(), BETA, "notice.recorded")
        log.go_on(first_case(), BETA, "receipt.recorded")
        log.go_on(first_case(), ALPHA)
        log.go_on(FOREIGN_CASE, BETA, "receipt.recorded")
        log.go_on(FOREIGN_CASE, ALPHA, "receipt.recorded")

    assert told_by(write) == []


def test_a_receipt_begins_no_case() -> None:
    def write(log: Writer) -> None:
        log.go_on(FOREIGN_CASE, ALPHA, "receipt.recorded")
        log.go_on(FOREIGN_CASE, ALPHA)

    assert told_by(write) == ["entry 2: it is of a case that this log never began"]


GOOD = json.loads(STORY[0])


def entry(**changes: Any) -> bytes:
    return canonical(GOOD | changes)


def with_decision(**changes: Any) -> bytes:
    told = {k: v for k, v in (GOOD["decision"] | changes).items() if v is not ...}
    return entry(decision=told)


def with_node(**changes: Any) -> bytes:
    return entry(node=GOOD["node"] | changes)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 10_000, "not JSON"),
        (b"null", "it isn't of a decision"),
        (b"[]", "it isn't of a decision"),
        (STORY[0].replace(b'"version":1', b'"version":0.5'), "a float has no place in a record"),
        (STORY[0].replace(b'"seq":0', b'"seq":1e16'), "a float has no place in a record"),
        (STORY[0].replace(b'"seq":0', b'"seq":-0.0'), "a float has no place in a record"),
        (STORY[0].replace(b'"seq":0', b'"seq":9007199254740992'), "an integer is not below 2^53"),
        (STORY[0].replace(b'"seq":0', b'"seq":-0'), ""),
        (STORY[0] + b" ", "not canonical JSON"),
        (STORY[0].replace(b'"seq"', b'"s\\u0065q"'), "not canonical JSON"),
        (json.dumps(GOOD).encode(), "not canonical JSON"),
        (entry(more=1), "it isn't of a decision"),
        (canonical({k: v for k, v in GOOD.items() if k != "signature"}), "it isn't of a decision"),
        (entry(decision=None), "the decision isn't an object"),
        (with_decision(long="x" * LARGEST_LEAF), "it has more than 16,384 bytes"),
        (with_decision(version=2), "the decision's version isn't 1"),
        (with_decision(version=True), "the decision's version isn't 1"),
        (with_decision(version=...), "the decision's version isn't 1"),
        (with_decision(type=...), "the decision has no type"),
        (with_decision(type=["x"]), "the decision has no type"),
        (with_decision(platform=...), "the decision's platform is neither a domain nor null"),
        (with_decision(platform=7), "the decision's platform is neither a domain nor null"),
        (with_decision(at="2026-02-30T00:00:00Z"), "the decision's at isn't an instant"),
        (with_decision(at=...), "the decision's at isn't an instant"),
        (with_decision(case=FOREIGN_CASE), "the decision begins a case and names one"),
        (with_decision(type="x", case="san_"), "the decision's case isn't the id of a case"),
        (with_decision(type="x", case=[1]), "the decision's case isn't the id of a case"),
        (entry(node=[]), "the node's part isn't of"),
        (with_node(more=1), "the node's part isn't of"),
        (with_node(seq=-1), "seq isn't an integer from 0"),
        (with_node(seq=True), "seq isn't an integer from 0"),
        (with_node(previous=1), "previous is neither null nor a hash"),
        (with_node(loggedAt="2026-11-24T12:00:00Z"), "loggedAt isn't an instant in UTC with six"),
        (with_node(loggedAt="2026-11-24T12:00:00.00000é"), "loggedAt isn't an instant"),
        (with_node(loggedAt="2026-11-24T24:00:01.000000Z"), "loggedAt isn't an instant"),
        (with_node(loggedAt=None), "loggedAt isn't an instant"),
    ],
    ids=range(38),
)
def test_an_entry_of_another_form_is_found(data: bytes, told: str) -> None:
    [found] = faults(files([data]))
    assert found.startswith(f"entry 0: {told}")


# Forged by the node itself, each entry by itself: its decision isn't of the form of its type.

DECIDED = whole("sanction.issued", ALPHA)


def issued(part: str = "statement", **changes: Any) -> dict[str, Any]:
    inner = {k: v for k, v in (DECIDED[part] | changes).items() if v is not ...}
    return DECIDED | {part: inner}


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        (DECIDED | {"colour": "red"}, "has colour, which its type hasn't"),
        (DECIDED | {"a\tb": "red"}, "has a field, which its type hasn't"),
        (DECIDED | {"x" * 41: "red"}, "has a field, which its type hasn't"),
        (DECIDED | {"appeal": "apl_" + "a" * 26}, "has appeal, which its type hasn't"),
        (issued(name="Alice"), "has statement.name, which its type hasn't"),
        (issued("commitments", name=encode(bytes(32))), "has commitments.name, which its"),
        (issued(measure=...), "has no statement.measure, which its type needs"),
        (issued("commitments", subject=...), "has no commitments.subject, which its type"),
        ({k: v for k, v in DECIDED.items() if k != "statement"}, "has no statement, which its"),
        (issued(measure="BANISHED"), "statement.measure isn't one of its codes"),
        (issued(measure=None), "statement.measure isn't one of its codes"),
        (issued(measure=["WARNING"]), "statement.measure isn't one of its codes"),
        (issued(keywords=[]), "statement.keywords isn't a list with something in it"),
        (issued(keywords="OTHER"), "statement.keywords isn't a list with something in it"),
        (issued(keywords=["OTHER", "Alice"]), "statement.keywords.1 isn't one of its codes"),
        (issued(isAutomatedDetection=False), "statement.isAutomatedDetection isn't true"),
        (issued(isAutomatedDetection=1), "statement.isAutomatedDetection isn't true"),
        (issued(territorialScope=["US"]), "statement.territorialScope.0 isn't one of its codes"),
        (issued(contentLanguage="Alice!"), "statement.contentLanguage isn't a BCP 47 tag"),
        (issued(expiresAt="2026-12-01"), "statement.expiresAt isn't an instant in UTC with six"),
        (issued(expiresAt="2026-12-01T00:00:00Z"), "statement.expiresAt isn't an instant in"),
        (issued(expiresAt="2026-02-29T00:00:00.000000Z"), "statement.expiresAt isn't an instant"),
        (issued("commitments", reason="Spam"), "commitments.reason isn't base64 of 32 bytes"),
        (
            issued("commitments", reason=encode(bytes(32))[:-2] + "B="),
            "commitments.reason isn't base64 of 32 bytes",
        ),
        (DECIDED | {"statement": []}, "statement isn't an object"),
        (DECIDED | {"supersedes": "san_1"}, "supersedes isn't an id that begins with san_"),
        (DECIDED | {"at": "2026-11-24T12:00:00Z"}, "at isn't an instant in UTC with six digits"),
        (DECIDED | {"platform": None}, "platform isn't a domain"),
        (decision("sanction.exiled", ALPHA), "type isn't one of version 1"),
        (whole("peer.applied", ALPHA), "platform isn't null"),
        (whole("peer.applied", None, size=-1), "size isn't a whole number from 0"),
        (whole("peer.applied", None, size=True), "size isn't a whole number from 0"),
        (whole("peer.applied", None, origin=""), "origin isn't a text"),
        (whole("member.added", ALPHA, name="Bob"), "has name, which its type hasn't"),
        (whole("member.added", ALPHA, roles=["KING"]), "roles.0 isn't one of its codes"),
        (whole("platform.added", ALPHA, id="plt_1"), "id isn't an id that begins with plt_"),
    ],
    ids=range(36),
)
def test_a_decision_that_is_not_of_its_types_form_is_found(
    told: dict[str, Any], wrong: str
) -> None:
    def write(log: Writer) -> None:
        log.begin(ALPHA)
        log.add(told)
        log.begin(ALPHA)

    [found] = told_by(write)
    assert found.startswith("entry 2: the decision")
    assert wrong in found


def test_a_change_that_is_not_of_its_types_form_is_found() -> None:
    def write(log: Writer) -> None:
        changed = {"voidCode": "TEST"}
        log.add(whole("sanction.voided", ALPHA, case=first_case(), changed=changed))
        lifted = {"liftedAt": print_instant(NOON), "reason": "He is my friend"}
        log.add(whole("sanction.lifted", ALPHA, case=first_case(), changed=lifted))
        log.add(whole("sanction.redacted", ALPHA, case=first_case(), scope="Bob"))
        log.add(whole("appeal.filed", ALPHA, case=first_case(), changed={}))
        log.add(whole("appeal.filed", ALPHA, case=first_case(), grounds="Not me"))
        log.add(whole("sanction.shortened", ALPHA, case=first_case(), changed={}))

    assert told_by(write) == [
        "entry 1: the decision has no changed.voidedAt, which its type needs",
        "entry 2: the decision has changed.reason, which its type hasn't",
        "entry 3: the decision's scope isn't one of its codes",
        "entry 4: the decision has no changed.state, which its type needs",
        "entry 5: the decision has grounds, which its type hasn't",
        "entry 6: the decision's changed is empty",
    ]


def test_a_signed_decision_is_looked_at_alike() -> None:
    def write(log: Writer) -> None:
        registered(log, PLATFORM)
        log.add(issued(name="Alice"), by=PLATFORM)

    assert told_by(write) == ["entry 2: the decision has statement.name, which its type hasn't"]


def test_a_longest_entry_passes() -> None:
    def log(length: int) -> Files:
        told = whole("peer.applied", None, origin="x" * length)
        writer = Writer()
        writer.add(told)
        return files(writer.entries)

    [spare] = parse_bundle(log(1)["tile/entries/000.p/1"])
    assert faults(log(1 + LARGEST_LEAF - len(spare))) == []
    [found] = faults(log(LARGEST_ENTRY - 1_000))
    assert found == "entry 0: it has more than 16,384 bytes"


def test_the_check_ends_when_a_lot_is_wrong() -> None:
    found = faults(files([b"null"] * 1_000))
    assert MOST_FAULTS < len(found) <= MOST_FAULTS + 256
    assert found[-1] == "the log: there may be more, but the check ends here"


@given(st.binary(max_size=200) | st.text(max_size=50).map(lambda text: entry(signature=text)))
def test_hostile_bytes_are_only_told(data: bytes) -> None:
    assert faults(files([data]))
    for path in ("tile/entries/000.p/10", "tile/0/000.p/10"):
        assert faults(SMALL | {path: data})
    try:
        Signed.parse(data)
    except LogError:
        return


# Keys of platforms.


def registered(log: Writer, secret: bytes, old: bytes | None = None, **given: Any) -> int:
    replaced = public(old) if old else None
    told = {"key": public(secret), "platform": ALPHA, "replaces": replaced}
    private = Ed25519PrivateKey.from_private_bytes(secret)
    proof = encode(private.sign(b"comity/v1/key\0" + canonical(told)))
    replaces = {"replaces": replaced} if old else {}
    entered = {"key": public(secret), "proof": proof} | replaces
    return log.add(decision("key.registered", ALPHA, **entered), **given)


def unproven(**told: Any) -> Callable[[Writer], object]:
    return lambda log: log.add(decision("key.registered", ALPHA, key=public(NEXT), **told))


def test_signed_decisions_hold_with_the_key_of_then() -> None:
    def write(log: Writer) -> None:
        registered(log, PLATFORM, by=PLATFORM)
        log.begin(by=PLATFORM)
        registered(log, NEXT, old=PLATFORM, by=PLATFORM)
        log.begin(by=NEXT)
        log.begin()

    assert told_by(write) == []


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda log: log.begin(by=NEXT), "it is signed with a key that alpha.example hasn't"),
        (lambda log: log.begin(BETA, by=PLATFORM), "it is signed with a key that beta.example"),
        (
            lambda log: log.add(decision("x", None), by=PLATFORM),
            "it is signed with a key that the node hasn't",
        ),
        (
            lambda log: log.begin(signature=sign_decision(PLATFORM, b"{}")),
            "a signature doesn't hold",
        ),
        (lambda log: log.begin(signature=[]), "a signature is"),
        (lambda log: log.begin(signature={"key": "!", "value": "!"}), "not base64"),
        (
            lambda log: registered(log, NEXT, old=b"r" * 32),
            "it replaces a key that alpha.example hasn't",
        ),
        (
            lambda log: log.add(decision("key.registered", None, key=public(NEXT))),
            "a key is registered for no platform",
        ),
        (lambda log: log.add(decision("key.registered", ALPHA)), "a platform's key is"),
        (
            lambda log: log.add(decision("key.registered", ALPHA, key=public(NEXT), replaces=7)),
            "a platform's key is",
        ),
        (unproven(), "a key is registered without its proof"),
        (unproven(proof=encode(bytes(64))), "a signature doesn't hold"),
        (
            lambda log: log.add(decision("key.retired", ALPHA, key=public(NEXT))),
            "it retires a key that alpha.example hasn't",
        ),
        (
            lambda log: log.add(decision("key.retired", BETA, key=public(PLATFORM))),
            "it retires a key that beta.example hasn't",
        ),
    ],
    ids=range(14),
)
def test_signatures_and_keys_that_do_not_hold_are_found(
    write: Callable[[Writer], object], told: str
) -> None:
    def begun(log: Writer) -> None:
        registered(log, PLATFORM)
        write(log)

    [found] = told_by(begun)
    assert found.startswith(f"entry 2: {told}")


def test_a_replaced_key_signs_nothing_more() -> None:
    def write(log: Writer) -> None:
        registered(log, PLATFORM)
        registered(log, NEXT, old=PLATFORM)
        log.begin(by=PLATFORM)

    assert told_by(write) == [
        "entry 3: it is signed with a key that alpha.example hasn't, or no longer"
    ]


def test_a_retired_key_signs_nothing_more() -> None:
    def write(log: Writer) -> None:
        registered(log, PLATFORM)
        log.begin(by=PLATFORM)
        log.add(decision("key.retired", ALPHA, key=public(PLATFORM)))
        log.begin(by=PLATFORM)

    assert told_by(write) == [
        "entry 4: it is signed with a key that alpha.example hasn't, or no longer"
    ]


# Keys of the log.


def rotated(old: Signer, new: Signer, **changes: Any) -> dict[str, Any]:
    handover = hand_over(old, new.verifier())
    told = {"verifier": str(new.verifier()), "handover": handover} | changes
    return decision("log.key_rotated", None) | told


def log_of(*told: dict[str, Any], signer: Signer = LOG) -> Files:
    writer = Writer()
    for one in told:
        writer.add(one)
    return files(writer.entries, signer)


def test_a_trusted_key_is_followed_to_the_newest() -> None:
    log = log_of(rotated(LOG, OTHER), rotated(OTHER, THIRD), signer=THIRD)
    for known in (LOG, OTHER, THIRD):
        audit = audited(log, trusted=[known.verifier()])
        assert (audit.faults, audit.signers) == ([], [THIRD.verifier()])
    before = log_of(rotated(LOG, OTHER), signer=OTHER)["checkpoint"]
    assert faults(log, old=before) == []


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (log_of(signer=OTHER), ["checkpoint: no known key signed the note"]),
        (
            log_of(rotated(THIRD, OTHER), signer=OTHER),
            ["checkpoint: no known key signed the note"],
        ),
        (
            log_of(rotated(LOG, OTHER), rotated(LOG, THIRD, handover=encode(bytes(64)))),
            ["entry 1: the log's new key isn't signed with the one before it"],
        ),
        (
            log_of(rotated(LOG, OTHER, platform=ALPHA)),
            ["entry 0: a new key of the log is of no platform, and has a verifier, handover"],
        ),
        (log_of(rotated(LOG, OTHER, verifier="x+y")), ["entry 0: not"]),
        (log_of(rotated(LOG, OTHER, handover="!")), ["entry 0: not base64"]),
        (
            log_of(rotated(LOG, Signer("other.example", bytes(32)))),
            ["entry 0: the log's new key has the name of another log"],
        ),
    ],
    ids=range(7),
)
def test_a_key_that_was_not_handed_over_is_not_followed(log: Files, told: list[str]) -> None:
    found = faults(log)
    assert len(found) == len(told)
    assert all(one.startswith(line) for one, line in zip(found, told, strict=True)), found


def test_what_was_signed_before_the_key_was_replaced_needs_that_key_too() -> None:
    before = log_of(whole("platform.added", ALPHA))
    writer = Writer()
    writer.add(whole("platform.added", ALPHA))
    writer.add(rotated(LOG, OTHER))
    writer.add(whole("platform.added", BETA))
    log, seen = files(writer.entries, OTHER), before["checkpoint"]
    both, new = [LOG.verifier(), OTHER.verifier()], [OTHER.verifier()]
    key_id = LOG.verifier().key_id.hex()
    assert faults(log, trusted=new) == []
    assert faults(log, trusted=new, old=seen) == [
        "the older checkpoint: entry 1 replaces the key that signed it: "
        f"give --key {ORIGIN}+{key_id}+…, too"
    ]
    assert faults(log, trusted=both, old=seen) == faults(log, old=seen) == []
    stranger = Checkpoint(ORIGIN, 1, Signed.parse(seen).tree.root).signed(CLOSED).render()
    later = files(writer.entries, LOG)["checkpoint"]
    for other in (stranger, later):
        assert faults(log, trusted=new, old=other) == [
            "the older checkpoint: no known key signed the note"
        ]


def begun(by: Signer) -> dict[str, Any]:
    told = whole("log.begun", None, origin=CLOSED.name)
    return told | {"verifier": str(LOG.verifier()), "handover": hand_over(by, LOG.verifier())}


def test_who_knows_the_closed_logs_key_sees_whether_it_handed_over() -> None:
    both = [LOG.verifier(), CLOSED.verifier()]
    handed, taken = log_of(begun(CLOSED)), log_of(begun(THIRD))
    assert [(a.faults, a.history.unknown) for a in (audited(handed), audited(taken))] == [
        ([], [CLOSED.name])
    ] * 2
    audit = audited(handed, trusted=both)
    assert (audit.faults, audit.history.unknown) == ([], [])
    [fault] = audited(taken, trusted=both).faults
    assert str(fault) == "entry 0: the log's new key isn't signed with the one before it"
