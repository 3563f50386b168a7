"""Issuing one sanction: who may, what is refused, what is then on record."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic.alias_generators import to_camel
from sqlmodel import select

from governance import issuing, requesting
from governance.errors import Forbidden, InvalidInput, RefusalCode, Refused
from governance.identifiers import SubjectKind, lookup_key
from governance.requesting import Request
from governance.rules.status import effect
from governance.sanctions import Disclosure, Part, SubjectKey
from governance.vocabulary import Category, Keyword
from governance.words import (
    Automation,
    Effect,
    EndReason,
    Measure,
    PermanentBasis,
    PolicyConflict,
    Validity,
)
from tests.builders import DAY, KEYS, MICRO, NOW, TERMINATION, Team, World, draft, refused, subject

YEAR_9999 = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize("name", ["reviewer", "admin", "reader", "researcher"])
def test_only_issuers_issue(world: World, team: Team, name: str) -> None:
    with refused(world, RefusalCode.FORBIDDEN):
        world.issue(getattr(team, name))


def test_another_platforms_sanction_cannot_be_superseded(world: World, team: Team) -> None:
    about = subject()
    theirs = world.issue(team.issuer, subject=about)
    other = world.team()
    for sanction_id in (theirs, "san_unknown"):
        with refused(world, RefusalCode.INVALID_INPUT, "supersedes"):
            world.issue(other.issuer, subject=about, supersedes=sanction_id)


def test_a_service_issues_only_what_it_marks(world: World, team: Team) -> None:
    with refused(world, RefusalCode.AUTOMATION_NOT_MARKED, "automation"):
        world.issue(team.bot)
    world.issue(team.bot, automation=Automation.FULLY)


def test_a_sanction_is_on_record_with_its_disclosures_and_its_issuer(
    world: World, team: Team
) -> None:
    host = world.team("a.example")
    issued = world.issued(
        team.issuer,
        subject="acct:@Alice@A.EXAMPLE.",
        aliases=["did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"],
        policy_reference={"rule": "No threats", "version": "3"},
    )
    row = world.sanction(issued.sanction_id)
    assert (row.platform_id, row.subject_kind) == (team.platform.id, SubjectKind.ACCOUNT)
    assert (row.issued_at, row.effective_at, row.starts_at, row.ends_at) == (
        NOW,
        NOW,
        NOW,
        NOW + 7 * DAY,
    )
    assert (row.validity, row.end_reason) == (Validity.STANDING, EndReason.EXPIRED)
    assert (row.is_binding, row.policy_conflicts, row.reduced_after_end) == (True, [], False)
    with world.database.reading() as session:
        disclosure = session.get_one(Disclosure, issued.sanction_id)
        keys = set(session.exec(select(SubjectKey.key)))
        assert session.exec(select(Part)).all() == []
    assert disclosure.subject == "acct:alice@a.example"
    assert disclosure.host_id == host.platform.id
    assert disclosure.policy_reference == {"rule": "No threats", "version": "3", "url": None}
    assert len(disclosure.seed) == 32
    assert row.issued_by == team.issuer.member_id
    assert keys == {
        lookup_key(KEYS.derived("lookup"), SubjectKind.ACCOUNT, uri)
        for uri in ("acct:alice@a.example", "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")
    }


def test_a_termination_waits_for_its_approval(world: World, team: Team) -> None:
    row = world.sanction(world.terminate(team.issuer))
    assert (row.starts_at, row.ends_at, row.end_reason) == (
        None,
        NOW + 7 * DAY,
        EndReason.NOT_APPROVED,
    )
    assert effect((row.starts_at, row.ends_at), NOW) is Effect.PENDING


REFUSALS: list[tuple[dict[str, Any], RefusalCode, str]] = [
    ({"expires_at": None}, RefusalCode.END_REQUIRED, "expiresAt"),
    ({"expires_at": NOW}, RefusalCode.END_BEFORE_START, "expiresAt"),
    ({"expires_at": NOW - DAY}, RefusalCode.END_BEFORE_START, "expiresAt"),
    ({"expires_at": NOW + 180 * DAY + MICRO}, RefusalCode.TOO_LONG, "expiresAt"),
    ({"expires_at": YEAR_9999}, RefusalCode.TOO_LONG, "expiresAt"),
    ({"permanent_basis": PermanentBasis.SPAM}, RefusalCode.BASIS_NOT_ALLOWED, "permanentBasis"),
    (
        TERMINATION | {"permanent_basis": None},
        RefusalCode.PERMANENCE_NOT_ALLOWED,
        "permanentBasis",
    ),
    (TERMINATION | {"expires_at": YEAR_9999}, RefusalCode.PERMANENCE_NOT_ALLOWED, "expiresAt"),
    ({"measure": Measure.SERVICE_TERMINATED}, RefusalCode.MEASURE_NOT_OFFERED, "measure"),
    ({"measure": Measure.MONETIZATION_TERMINATED}, RefusalCode.MEASURE_NOT_OFFERED, "measure"),
    ({"effective_at": NOW - DAY}, RefusalCode.BACKDATED, "effectiveAt"),
    ({"conduct_from": None, "conduct_to": None}, RefusalCode.CONDUCT_REQUIRED, "conductFrom"),
    ({"measure": Measure.MONETIZATION_OTHER}, RefusalCode.INVALID_INPUT, "otherMeasure"),
    ({"subject": "https://spam.example"}, RefusalCode.INVALID_INPUT, "subject"),
    ({"subject": "alice"}, RefusalCode.INVALID_INPUT, "subject"),
    ({"aliases": ["nonsense"]}, RefusalCode.INVALID_INPUT, "aliases"),
    ({"aliases": ["https://spam.example"]}, RefusalCode.INVALID_INPUT, "aliases"),
    ({"content_uri": "ftp://x"}, RefusalCode.INVALID_INPUT, "contentUri"),
    ({"subject_kind": SubjectKind.CONTENT}, RefusalCode.INVALID_INPUT, "subjectKind"),
    (
        {"measure": Measure.WARNING, "subject": "https://a.example/@alice"},
        RefusalCode.INVALID_INPUT,
        "subjectKind",
    ),
    (
        {"measure": Measure.WARNING, "expires_at": NOW - MICRO},
        RefusalCode.END_BEFORE_START,
        "expiresAt",
    ),
    ({"measure": Measure.WARNING, "expires_at": YEAR_9999}, RefusalCode.TOO_LONG, "expiresAt"),
]


@pytest.mark.parametrize(("changes", "code", "field"), REFUSALS)
def test_what_the_policy_refuses_leaves_no_trace(
    world: World, team: Team, changes: dict[str, Any], code: RefusalCode, field: str
) -> None:
    path = (field, 0) if field == "aliases" else (field,)
    with refused(world, code, *path):
        world.issue(team.issuer, **changes)


def test_a_refusal_names_the_field(world: World, team: Team) -> None:
    with refused(world, RefusalCode.TOO_LONG, "expiresAt"):
        world.issue(team.issuer, expires_at=NOW + 181 * DAY)
    with refused(world, RefusalCode.INVALID_INPUT, "aliases", 1):
        world.issue(team.issuer, aliases=["acct:a@b.example", "nonsense"])


BAD_SHAPES: list[tuple[dict[str, Any], str]] = [
    ({"expires_at": "2026-03-05T12:00:00"}, "expiresAt"),
    ({"expires_at": "2026-03-05"}, "expiresAt"),
    ({"expires_at": datetime(2026, 3, 5)}, "expiresAt"),  # noqa: DTZ001
    ({"expires_at": 0}, "expiresAt"),
    ({"expires_at": "2026-02-30T12:00:00Z"}, "expiresAt"),
    ({"expires_at": "10000-01-01T00:00:00Z"}, "expiresAt"),
    ({"category": "MISCHIEF"}, "category"),
    ({"keywords": ["PHISHING"]}, "keywords"),
    ({"keywords": ["NOPE"]}, "keywords"),
    ({"territorial_scope": ["DE", "US"]}, "territorialScope"),
    ({"content_language": "not a tag"}, "contentLanguage"),
    ({"reason": "  "}, "reason"),
    ({"reason": "x" * 5_001}, "reason"),
    ({"issuer_reference": None}, "issuerReference"),
    ({"other_measure": "a description"}, "otherMeasure"),
    ({"conduct_to": datetime(2019, 1, 1, tzinfo=UTC)}, "conductTo"),
    ({"aliases": ["acct:a@b.example"] * 6}, "aliases"),
    ({"unknown": 1}, "unknown"),
]


@pytest.mark.parametrize(("changes", "field"), BAD_SHAPES)
def test_bad_shapes_are_refused_by_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        requesting.draft({to_camel(name): value for name, value in draft(**changes).items()})
    assert refusal.value.path[0] == field


def test_keywords_are_those_of_the_category_once_each() -> None:
    keywords = ["PHISHING", "STALKING", "PHISHING"]
    made = requesting.draft(draft(category=Category.SCAMS_AND_FRAUD, keywords=keywords))
    assert made.keywords == [Keyword.PHISHING, Keyword.STALKING]


def test_offsets_are_taken_as_the_same_instant() -> None:
    made = requesting.draft(draft(expires_at="2026-03-08T14:00:00+02:00"))
    assert made.expires_at == NOW + 7 * DAY


def test_an_outside_decision_is_a_record_that_never_binds(world: World, team: Team) -> None:
    about = subject()
    court = requesting.draft(draft(subject=about, permanent_basis=None, **_endless()))
    answer = world.do(
        issuing.issue_one, KEYS, team.issuer, Request(court, is_outside=True), now=NOW
    )
    row = world.sanction(answer.sanction_id)
    assert not answer.is_binding
    assert not row.is_binding
    assert row.policy_conflicts == [
        PolicyConflict.OUTSIDE_DECISION,
        PolicyConflict.PERMANENCE_NOT_ALLOWED,
    ]
    # It is no reason to refuse a decision under the policy.
    world.issue(
        team.issuer, subject=about, conduct_from=court.conduct_from, conduct_to=court.conduct_to
    )
    world.issue(team.issuer, subject=about, expires_at=NOW + 173 * DAY, effective_at=NOW + MICRO)


def test_even_a_conforming_outside_decision_does_not_bind(world: World, team: Team) -> None:
    request = Request(requesting.draft(draft()), is_outside=True)
    answer = world.do(issuing.issue_one, KEYS, team.issuer, request, now=NOW)
    assert world.sanction(answer.sanction_id).policy_conflicts == [PolicyConflict.OUTSIDE_DECISION]


def test_only_issuers_record_outside_decisions(world: World, team: Team) -> None:
    request = Request(requesting.draft(draft()), is_outside=True)
    before = world.snapshot()
    with pytest.raises(Forbidden):
        world.do(issuing.issue_one, KEYS, team.reviewer, request, now=NOW)
    assert world.snapshot() == before


def _endless() -> dict[str, Any]:
    return {"measure": Measure.ACCOUNT_TERMINATED, "expires_at": None}


@pytest.mark.parametrize("field", ["conduct_from", "conduct_to"])
def test_conduct_has_happened(world: World, team: Team, field: str) -> None:
    conduct: dict[str, Any] = {
        "conduct_from": NOW,
        "conduct_to": None,
        field: NOW + timedelta(seconds=60) + MICRO,
    }
    name = "conductTo" if field == "conduct_to" else "conductFrom"
    with refused(world, RefusalCode.INVALID_INPUT, name):
        world.issue(team.issuer, **conduct)
    world.record(team.issuer, **conduct)  # whose dates are not ours


def test_an_alias_tells_the_host_too(world: World, team: Team) -> None:
    host = world.team("alias.example")
    aliases = ["https://alias.example/@alice"]
    sanction_id = world.issue(team.issuer, subject=subject(), aliases=aliases)
    with world.database.reading() as session:
        assert session.get_one(Disclosure, sanction_id).host_id == host.platform.id


def test_a_rule_is_published_on_a_page() -> None:
    for url in ("javascript:alert(1)", "acct:a@b.example", "urn:uuid:" + "0" * 8):
        with pytest.raises(Refused) as caught:
            requesting.draft(draft(policy_reference={"rule": "1", "url": url}))
        assert caught.value.path[-1] == "url"
    requesting.draft(draft(policy_reference={"rule": "1", "url": "https://a.example/rules"}))
