"""Every rule of the policy, on both sides of its boundary."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from governance.identifiers import SubjectKind
from governance.rules import policy
from governance.rules.policy import Decision, Earlier
from governance.words import Automation, Measure, MemberKind, PermanentBasis, PolicyConflict
from tests.builders import DAY, MICRO, NOW

TIME_OUT = Decision(
    measure=Measure.ACCOUNT_SUSPENDED,
    category="VIOLENCE",
    kind=SubjectKind.ACCOUNT,
    basis=None,
    effective_at=NOW,
    expires_at=NOW + 7 * DAY,
    conduct_from=NOW - DAY,
    conduct_to=NOW - DAY,
    automation=Automation.NOT_AUTOMATED,
    decided_by=MemberKind.PERSON,
    now=NOW,
)
BAN = replace(
    TIME_OUT,
    measure=Measure.ACCOUNT_TERMINATED,
    basis=PermanentBasis.SPAM,
    expires_at=None,
)
EARLIER = Earlier(
    id="san_earlier",
    measure=Measure.ACCOUNT_SUSPENDED,
    category="VIOLENCE",
    conduct=(NOW - 2 * DAY, NOW - DAY),
    span=(NOW - 20 * DAY, NOW - 10 * DAY),
    counts=True,
    stands=True,
)
OFFERED = sorted(set(Measure) - policy.OUTSIDE_MEASURES - {Measure.ACCOUNT_TERMINATED})
ENDING = [m for m in OFFERED if m not in policy.CONTENT_MEASURES]  # against accounts and servers


def codes(decision: Decision, *earlier: Earlier) -> list[PolicyConflict]:
    return [conflict.code for conflict in policy.conflicts(decision, earlier)]


def against_its_kind(measure: Measure) -> Decision:
    return replace(TIME_OUT, measure=measure, kind=min(policy.kinds_of(measure)))


def test_a_time_out_with_an_end_conforms() -> None:
    assert codes(TIME_OUT) == []


def test_the_numbers_are_those_the_networks_agreed_on() -> None:
    assert timedelta(days=180) == policy.LONGEST_SUSPENSION == policy.LONGEST_TOTAL
    assert timedelta(days=360) == policy.TOTAL_WINDOW
    assert [step.days for step in policy.LADDER] == [1, 7, 30, 90]
    assert (policy.LADDER_WINDOW.days, policy.APPEAL_WINDOW.days) == (365, 183)
    assert (policy.APPEAL_DUE.days, policy.LONGEST_PAUSE.days, policy.APPROVAL_LAPSE.days) == (
        14,
        14,
        7,
    )
    assert timedelta(hours=72) == policy.REMEDY_DUE


@pytest.mark.parametrize("measure", ENDING)
def test_nothing_lasts_longer_than_180_days(measure: Measure) -> None:
    longest = replace(against_its_kind(measure), expires_at=NOW + 180 * DAY)
    if measure is Measure.WARNING:
        longest = replace(longest, kind=SubjectKind.ACCOUNT)
    assert codes(longest) == []
    assert PolicyConflict.TOO_LONG in codes(replace(longest, expires_at=NOW + 180 * DAY + MICRO))


@pytest.mark.parametrize("measure", [m for m in ENDING if m is not Measure.WARNING])
def test_an_end_is_required_against_accounts_and_servers(measure: Measure) -> None:
    endless = replace(against_its_kind(measure), expires_at=None)
    assert codes(endless) == [PolicyConflict.END_REQUIRED]


@pytest.mark.parametrize("kind", SubjectKind)
def test_a_warning_needs_no_end_and_expires_as_it_starts(kind: SubjectKind) -> None:
    assert codes(replace(TIME_OUT, measure=Measure.WARNING, kind=kind, expires_at=None)) == []
    assert policy.expiry(Measure.WARNING, NOW, None) == NOW
    assert policy.expiry(Measure.WARNING, NOW, NOW + DAY) == NOW + DAY


@pytest.mark.parametrize("measure", sorted(policy.CONTENT_MEASURES))
def test_a_restriction_of_one_piece_of_content_may_stay_open_ended(measure: Measure) -> None:
    assert codes(replace(against_its_kind(measure), expires_at=None)) == []


@pytest.mark.parametrize("basis", PermanentBasis)
def test_permanent_only_for_spam_bot_and_fake(basis: PermanentBasis) -> None:
    assert {"SPAM", "BOT", "FAKE_ACCOUNT"} == set(policy.PERMANENT_BASES)
    assert codes(replace(BAN, basis=basis)) == []
    assert codes(replace(BAN, basis=None)) == [PolicyConflict.PERMANENCE_NOT_ALLOWED]


@pytest.mark.parametrize("end", [NOW, NOW + DAY, datetime(9999, 12, 31, tzinfo=UTC)])
def test_a_termination_has_no_end(end: datetime) -> None:
    assert codes(replace(BAN, expires_at=end))[0] is PolicyConflict.PERMANENCE_NOT_ALLOWED


@pytest.mark.parametrize("measure", OFFERED)
def test_a_permanent_basis_belongs_to_terminations_alone(measure: Measure) -> None:
    based = replace(against_its_kind(measure), basis=PermanentBasis.BOT)
    assert codes(based) == [PolicyConflict.BASIS_NOT_ALLOWED]


@pytest.mark.parametrize("measure", sorted(policy.OUTSIDE_MEASURES))
def test_other_permanent_measures_are_not_offered(measure: Measure) -> None:
    assert PolicyConflict.MEASURE_NOT_OFFERED in codes(against_its_kind(measure))


def test_a_start_may_lie_sixty_seconds_back_and_no_further() -> None:
    back = replace(TIME_OUT, effective_at=NOW - timedelta(seconds=60))
    assert codes(back) == []
    further = replace(back, effective_at=back.effective_at - MICRO)
    assert codes(further) == [PolicyConflict.BACKDATED]
    assert codes(replace(further, keeps_dates=True)) == []


def test_account_measures_say_when_the_conduct_was() -> None:
    silent = replace(TIME_OUT, conduct_from=None, conduct_to=None)
    for measure in policy.ACCOUNT_MEASURES - policy.OUTSIDE_MEASURES - {Measure.ACCOUNT_TERMINATED}:
        assert codes(replace(silent, measure=measure)) == [PolicyConflict.CONDUCT_REQUIRED]
    server = replace(silent, measure=Measure.SERVER_SUSPENDED, kind=SubjectKind.SERVER)
    content = replace(silent, measure=Measure.CONTENT_REMOVED, kind=SubjectKind.CONTENT)
    warning = replace(silent, measure=Measure.WARNING)
    assert [codes(server), codes(content), codes(warning)] == [[], [], []]
    assert codes(replace(silent, conduct_from=NOW)) == []  # one instant is enough


def test_a_service_marks_its_decisions_as_automated() -> None:
    service = replace(TIME_OUT, decided_by=MemberKind.SERVICE)
    assert codes(service) == [PolicyConflict.AUTOMATION_NOT_MARKED]
    assert codes(replace(service, automation=Automation.FULLY)) == []
    assert codes(replace(service, automation=Automation.PARTIALLY)) == []


def test_the_same_conduct_is_not_sanctioned_twice() -> None:
    first, last = EARLIER.conduct
    for start, end in [(first, last), (last, NOW), (NOW - 3 * DAY, first), (first, first)]:
        again = replace(TIME_OUT, conduct_from=start, conduct_to=end)
        assert codes(again, EARLIER) == [PolicyConflict.DOUBLE_JEOPARDY]
    for start, end in [(last + MICRO, NOW), (NOW - 3 * DAY, first - MICRO)]:
        assert codes(replace(TIME_OUT, conduct_from=start, conduct_to=end), EARLIER) == []


def test_double_jeopardy_needs_the_same_measure_and_category_and_a_standing_decision() -> None:
    same = replace(TIME_OUT, conduct_from=NOW - DAY, conduct_to=NOW - DAY)
    assert codes(same, EARLIER) == [PolicyConflict.DOUBLE_JEOPARDY]
    assert codes(replace(same, category="SCAMS_AND_FRAUD"), EARLIER) == []
    assert codes(replace(same, measure=Measure.SERVICE_RESTRICTED), EARLIER) == []
    assert codes(same, replace(EARLIER, stands=False)) == []


def test_where_the_conduct_is_missing_the_instant_of_issue_counts() -> None:
    removal = replace(
        TIME_OUT,
        measure=Measure.CONTENT_REMOVED,
        kind=SubjectKind.CONTENT,
        conduct_from=None,
        conduct_to=None,
        expires_at=None,
    )
    then = replace(EARLIER, measure=Measure.CONTENT_REMOVED, conduct=(NOW, NOW))
    assert codes(removal, then) == [PolicyConflict.DOUBLE_JEOPARDY]
    assert codes(replace(removal, now=NOW + MICRO), then) == []


def test_a_measure_is_taken_against_what_its_name_says() -> None:
    for measure in set(Measure) - {Measure.WARNING}:
        named = {kind for kind in SubjectKind if measure.startswith(kind)}
        assert policy.kinds_of(measure) == (named or {SubjectKind.ACCOUNT})
    assert policy.kinds_of(Measure.WARNING) == set(SubjectKind)
