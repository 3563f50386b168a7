"""Platforms that sign themselves: keys in the log, and no decision under a signature not theirs."""

import json
from base64 import b64decode
from datetime import datetime
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import col, select

from governance import issuing, requesting
from governance.entries import LogEntry
from governance.errors import RefusalCode, Refused
from governance.fields import print_instant
from governance.issuing import Issued
from governance.log.authorship import check_decision, check_key
from governance.log.canonical import canonical, parse_canonical
from governance.log.commitments import opening
from governance.membership import Actor
from governance.platforms import PlatformKey
from governance.requesting import Request
from governance.sanctions import Disclosure, Sanction
from tests.builders import DAY, HOUR, KEYS, MICRO, NOW, Team, World, draft, refused, subject
from tests.signing import Fields, decision, key_of, public, registration, signed, text

PRIVATE, OTHER = key_of("ours"), key_of("another")
INVALID, BAD = RefusalCode.SIGNATURE_INVALID, RefusalCode.INVALID_INPUT
MINUTE = HOUR / 60


@pytest.fixture
def team(world: World) -> Team:
    """Return a platform that registered a key."""
    team = world.team()
    world.register_key(team, PRIVATE)
    return team


def given(now: datetime = NOW, **changes: Any) -> Fields:
    """An input in JSON, as a client has it."""
    drawn_up = requesting.draft(draft(now, subject_kind="ACCOUNT")).model_dump(
        mode="json", by_alias=True, exclude_defaults=True
    )
    instants = {k: print_instant(datetime.fromisoformat(drawn_up[k])) for k in INSTANTS}
    return drawn_up | instants | changes


INSTANTS = ("conductFrom", "conductTo", "expiresAt")


def issued(
    world: World, actor: Actor, body: Fields, now: datetime = NOW, *, is_outside: bool = False
) -> Issued:
    request = Request(requesting.draft(body), is_outside)
    return world.do(issuing.issue_one, KEYS, actor, request, now=now)


def leaves(world: World) -> list[dict[str, Any]]:
    with world.database.reading() as session:
        found = session.exec(select(LogEntry.data).order_by(col(LogEntry.index)))
        return [json.loads(data) for data in found]


def held(world: World) -> dict[str, PlatformKey]:
    with world.database.reading() as session:
        return {key.key: key for key in session.exec(select(PlatformKey))}


def test_a_key_is_registered_in_the_log_with_its_proof(world: World) -> None:
    team = world.team()
    world.register_key(team, PRIVATE)
    leaf = leaves(world)[-1]
    told = leaf["decision"]
    proof = told.pop("proof")
    domain = team.platform.domain
    assert told == {
        "version": 1,
        "type": "key.registered",
        "platform": domain,
        "at": print_instant(NOW),
        "key": public(PRIVATE),
    }
    check_key(told["key"], proof, platform=domain, replaces=None)
    assert leaf["signature"] is None
    assert held(world)[public(PRIVATE)].registered_at == NOW


def test_a_key_takes_the_place_of_another(world: World, team: Team) -> None:
    world.register_key(team, OTHER, NOW + DAY, replaces=public(PRIVATE))
    told = leaves(world)[-1]["decision"]
    assert (told["key"], told["replaces"]) == (public(OTHER), public(PRIVATE))
    keys = held(world)
    assert keys[public(PRIVATE)].retired_at == keys[public(OTHER)].registered_at == NOW + DAY
    assert keys[public(OTHER)].retired_at is None


def test_a_key_is_retired_without_another(world: World, team: Team) -> None:
    world.retire_key(team.admin, public(PRIVATE), NOW + DAY)
    told = leaves(world)[-1]["decision"]
    assert (told["type"], told["key"]) == ("key.retired", public(PRIVATE))
    assert held(world)[public(PRIVATE)].retired_at == NOW + DAY
    with refused(world, RefusalCode.CONFLICT, "key"):
        world.retire_key(team.admin, public(PRIVATE), NOW + DAY)


@pytest.mark.parametrize("name", ["issuer", "reviewer", "reader", "researcher"])
def test_only_an_admin_retires_a_key(world: World, team: Team, name: str) -> None:
    with refused(world, RefusalCode.FORBIDDEN):
        world.retire_key(getattr(team, name), public(PRIVATE))


def test_a_key_is_registered_once_by_one_platform(world: World, team: Team) -> None:
    other = world.team()
    with refused(world, RefusalCode.CONFLICT, "key"):
        world.register_key(other, PRIVATE)
    world.register_key(team, OTHER, replaces=public(PRIVATE))
    with refused(world, RefusalCode.CONFLICT, "key"):
        world.register_key(team, PRIVATE)
    with refused(world, RefusalCode.NOT_FOUND, "key"):
        world.retire_key(other.admin, public(OTHER))


def test_only_an_own_key_in_force_is_replaced(world: World, team: Team) -> None:
    elsewhere = world.team("b.example")
    with refused(world, RefusalCode.NOT_FOUND, "replaces"):
        world.register_key(elsewhere, OTHER, replaces=public(PRIVATE))
    with refused(world, RefusalCode.NOT_FOUND, "replaces"):
        world.register_key(team, OTHER, replaces=public(key_of("nobody's")))
    world.retire_key(team.admin, public(PRIVATE))
    with refused(world, RefusalCode.CONFLICT, "replaces"):
        world.register_key(team, OTHER, replaces=public(PRIVATE))


def test_nobody_registers_a_key_that_is_not_theirs(world: World, team: Team) -> None:
    domain = team.platform.domain
    for proof in (
        registration(PRIVATE, domain),
        registration(OTHER, "b.example"),
        registration(OTHER, domain, public(PRIVATE)),
    ):
        with refused(world, INVALID, "signature"):
            world.register_key(team, OTHER, signature=proof["signature"])


def test_a_key_that_anyone_can_sign_with_is_refused(world: World) -> None:
    team = world.team()
    weak = bytes([1]) + bytes(31)
    with refused(world, BAD, "key"):
        world.register_key(team, OTHER, key=text(weak), signature=text(weak + bytes(32)))


@pytest.mark.parametrize("name", ["key", "signature", "replaces"])
@pytest.mark.parametrize("wrong", ["", "AAAA", "!" * 44, "A" * 44, "é", public(OTHER) + "\n"])
def test_what_is_no_key_is_refused(world: World, team: Team, name: str, wrong: str) -> None:
    changes: Fields = {name: wrong}
    with refused(world, BAD, name):
        world.register_key(team, OTHER, **changes)


def test_an_entry_holds_what_the_platform_signed(world: World, team: Team) -> None:
    at = NOW - MINUTE / 2
    body, data = signed(given(explanation="Words"), team.platform.domain, PRIVATE, at)
    sanction_id = issued(world, team.issuer, body).sanction_id
    with world.database.reading() as session:
        entry = session.get_one(LogEntry, session.get_one(Sanction, sanction_id).first_entry)
        disclosure = session.get_one(Disclosure, sanction_id)
    leaf: Any = parse_canonical(entry.data.encode())
    assert canonical(leaf["decision"]) == data
    assert check_decision(leaf["signature"], data) == b64decode(public(PRIVATE))
    assert world.sanction(sanction_id).issued_at == at
    assert disclosure.seed == b64decode(body["signature"]["seed"])
    told = b64decode(leaf["decision"]["commitments"]["explanation"])
    opening(disclosure.seed, "explanation", "Words").check(told)


def test_without_a_signature_the_node_vouches(world: World, team: Team) -> None:
    issued(world, team.issuer, given())
    assert leaves(world)[-1]["signature"] is None


def test_the_client_draws_up_what_the_node_logs(world: World, team: Team) -> None:
    earlier = issued(world, team.issuer, given(subject="acct:bob@elsewhere.example")).sanction_id
    page = {"subject": "https://elsewhere.example/1", "subjectKind": "CONTENT"}
    server = {"subject": "https://elsewhere.example", "subjectKind": "SERVER"}
    start = print_instant(NOW + HOUR)
    for changes in (
        {"audience": "OWN", "effectiveAt": start, "facts": "Facts", "caseReference": "c"},
        {"subject": "acct:bob@elsewhere.example", "supersedes": earlier},
        {"measure": "ACCOUNT_TERMINATED", "permanentBasis": "BOT", "expiresAt": None},
        {"measure": "WARNING", "expiresAt": None},
        {"aliases": ["did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", "acct:carol@elsewhere.example"]},
        {"measure": "WARNING", "expiresAt": None, "effectiveAt": start},
        {"policyReference": {"rule": "1"}, "contentLanguage": "de", "territorialScope": ["DE"]},
        {**server, "measure": "SERVER_SUSPENDED", "isAutomatedDetection": True},
        {
            **page,
            "measure": "CONTENT_OTHER",
            "expiresAt": None,
            "otherMeasure": "Blurred",
            "contentUri": "https://elsewhere.example/1",
            "contentType": ["IMAGE", "TEXT"],
            "contentDate": print_instant(NOW - DAY),
            "keywords": ["OTHER"],
        },
    ):
        drawn_up = {k: v for k, v in given(**changes).items() if v is not None}
        body, data = signed(drawn_up, team.platform.domain, PRIVATE, NOW)
        issued(world, team.issuer, body)
        assert canonical(leaves(world)[-1]["decision"]) == data


def test_a_record_of_an_outside_decision_is_signed_with_its_conflicts(
    world: World, team: Team
) -> None:
    body = given()
    del body["expiresAt"]
    at = print_instant(NOW)
    drawn_up = json.loads(decision(body, team.platform.domain, bytes(32), at))
    conflicts = ["OUTSIDE_DECISION", "END_REQUIRED"]
    drawn_up["statement"]["policyConflicts"] = conflicts
    value = _sign(PRIVATE, canonical(drawn_up))
    body["signature"] = _signature(PRIVATE, value, seed="A" * 43 + "=", issuedAt=at)
    sanction_id = issued(world, team.issuer, body, is_outside=True).sanction_id
    assert world.sanction(sanction_id).policy_conflicts == conflicts
    assert leaves(world)[-1]["signature"]["value"] == value


def _sign(private: Ed25519PrivateKey, data: bytes) -> str:
    return text(private.sign(b"comity/v1/decision\0" + data))


def _signature(private: Ed25519PrivateKey, value: str, **more: str) -> Fields:
    return {"key": public(private), "value": value, **more}


@pytest.mark.parametrize(
    "private", [key_of("unknown"), key_of("another platform's"), key_of("replaced"), key_of("gone")]
)
def test_only_an_own_key_in_force_signs(
    world: World, team: Team, private: Ed25519PrivateKey
) -> None:
    world.register_key(world.team(), key_of("another platform's"))
    for old in ("replaced", "gone"):
        world.register_key(team, key_of(old))
    world.register_key(team, OTHER, replaces=public(key_of("replaced")))
    world.retire_key(team.admin, public(key_of("gone")))
    body, _ = signed(given(), team.platform.domain, private, NOW)
    with refused(world, INVALID, "signature", "key"):
        issued(world, team.issuer, body)


CHANGED: dict[str, Any] = {
    "issuerReference": "another",
    "subject": "acct:somebody@elsewhere.example",
    "measure": "SERVICE_SUSPENDED",
    "ground": "ILLEGAL_CONTENT",
    "groundReference": "Terms 5",
    "category": "CYBER_VIOLENCE",
    "keywords": ["OTHER"],
    "conductFrom": "2019-01-01T00:00:00Z",
    "conductTo": "2020-06-01T00:00:00Z",
    "expiresAt": "2026-03-02T00:00:00Z",
    "effectiveAt": "2026-03-01T13:00:00Z",
    "reason": "Another",
    "explanation": "Another",
    "facts": "Another",
    "caseReference": "another",
    "contentUri": "https://elsewhere.example/2",
    "policyReference": {"rule": "2"},
    "isAutomatedDetection": True,
    "automation": "PARTIALLY",
    "source": "NOTICE",
    "audience": "OWN",
    "contentType": ["IMAGE"],
    "contentDate": "2026-01-01T00:00:00Z",
    "contentLanguage": "de",
    "territorialScope": ["DE"],
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_signature_is_of_every_field(world: World, team: Team, name: str) -> None:
    body, _ = signed(given(), team.platform.domain, PRIVATE, NOW)
    with refused(world, INVALID, "signature", "value"):
        issued(world, team.issuer, body | {name: CHANGED[name]})


def test_a_signature_is_of_the_seed_the_instant_and_the_platform(world: World, team: Team) -> None:
    body, _ = signed(given(), team.platform.domain, PRIVATE, NOW)
    moved = print_instant(NOW + MICRO)
    for changes in ({"seed": public(OTHER)}, {"issuedAt": moved}, {"key": public(OTHER)}):
        if "key" in changes:
            world.register_key(team, OTHER)
        with refused(world, INVALID, "signature", "value"):
            issued(world, team.issuer, body | {"signature": body["signature"] | changes})
    elsewhere, _ = signed(given(), "b.example", PRIVATE, NOW)
    with refused(world, INVALID, "signature", "value"):
        issued(world, team.issuer, elsewhere)


def test_another_case_is_not_superseded_under_the_same_signature(world: World, team: Team) -> None:
    about = subject()
    body, _ = signed(given(subject=about), team.platform.domain, PRIVATE, NOW)
    earlier = world.issue(team.issuer, subject=about)
    with refused(world, INVALID, "signature", "value"):
        issued(world, team.issuer, body | {"supersedes": earlier})


def test_a_refusal_tells_the_decision_to_be_signed_by_its_hash(world: World, team: Team) -> None:
    body, data = signed(given(), team.platform.domain, PRIVATE, NOW)
    body["signature"]["value"] = _sign(PRIVATE, data + b" ")
    with pytest.raises(Refused, match=sha256(data).hexdigest()):
        issued(world, team.issuer, body)


@pytest.mark.parametrize("away", [-MINUTE, MINUTE])
def test_a_decision_is_signed_within_a_minute(world: World, team: Team, away: Any) -> None:
    late = away + (MICRO if away > MICRO else -MICRO)
    body, _ = signed(given(), team.platform.domain, PRIVATE, NOW + late)
    with refused(world, BAD, "signature", "issuedAt"):
        issued(world, team.issuer, body)
    body, _ = signed(given(), team.platform.domain, PRIVATE, NOW + away)
    assert issued(world, team.issuer, body).is_new


@pytest.mark.parametrize(
    "wrong",
    [
        *({"key": key} for key in ("", "AAAA", "!" * 44, "A" * 44, "A" * 88)),
        *({"value": value} for value in ("", "AAAA", "!" * 88, "A" * 44, None)),
        *({"seed": seed} for seed in ("", "AAAA", "!" * 44, "A" * 44, None)),
        {"issuedAt": "2026-03-01T12:00:00"},
    ],
)
def test_a_malformed_signature_is_refused_by_its_field(
    world: World, team: Team, wrong: dict[str, Any]
) -> None:
    body, _ = signed(given(), team.platform.domain, PRIVATE, NOW)
    body["signature"] |= wrong
    with refused(world, BAD, "signature", *wrong):
        issued(world, team.issuer, body)


def test_a_bad_signature_refuses_no_other_decision(world: World, team: Team) -> None:
    good, bad, plain = given(), given(), given()
    domain = team.platform.domain
    bodies = [signed(good, domain, PRIVATE, NOW)[0], signed(bad, domain, OTHER, NOW)[0], plain]
    requests = [Request(requesting.draft(body)) for body in bodies]
    answers = world.do(issuing.issue, KEYS, team.issuer, requests, now=NOW)
    kinds = [INVALID if isinstance(answer, Refused) else None for answer in answers]
    assert kinds == [None, INVALID, None]
    logged = [leaf["signature"] for leaf in leaves(world)[-2:]]
    assert [bool(signature) for signature in logged] == [True, False]


def test_a_retry_is_answered_as_before_whatever_became_of_the_key(world: World, team: Team) -> None:
    body, _ = signed(given(), team.platform.domain, PRIVATE, NOW)
    first = issued(world, team.issuer, body)
    world.retire_key(team.admin, public(PRIVATE), NOW + DAY)
    before = world.snapshot()
    again = issued(world, team.issuer, body, NOW + DAY)
    assert (again.sanction_id, again.is_new) == (first.sanction_id, False)
    assert world.snapshot() == before
    for other in (
        {**body, "signature": None},
        signed(body, team.platform.domain, PRIVATE, NOW)[0],
    ):
        with refused(world, RefusalCode.REFERENCE_REUSED, "issuerReference"):
            issued(world, team.issuer, other, NOW + DAY)


def test_what_is_superseded_ends_now_whatever_the_signature_says(world: World, team: Team) -> None:
    about = subject()
    for away in (MINUTE, -MINUTE):
        earlier = world.issue(team.issuer, subject=about)
        body = given(subject=about, supersedes=earlier)
        issued(world, team.issuer, signed(body, team.platform.domain, PRIVATE, NOW + away)[0])
        assert world.sanction(earlier).superseded_at == NOW


def test_erasure_leaves_nothing_of_a_platforms_seed(sqlite_url: str) -> None:
    with World(sqlite_url) as world:
        team = world.team()
        world.register_key(team, PRIVATE)
        body, _ = signed(given(), team.platform.domain, PRIVATE, NOW)
        sanction_id = issued(world, team.issuer, body).sanction_id
        seed = body["signature"]["seed"]
        seeds = [seed.encode(), b64decode(seed), b64decode(seed).hex().encode()]
        assert any(one in world.stored() for one in seeds)
        world.erase(team.admin, body["subject"])
        left = world.stored()
    assert not any(one in left for one in seeds)
    assert sanction_id.encode() in left
