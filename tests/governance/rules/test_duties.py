"""Who may not answer for a decision, and who sees what is private."""

from dataclasses import replace
from itertools import product

import pytest

from governance.errors import Forbidden, RefusalCode, Refused
from governance.rules import duties
from governance.rules.disclosure import PUBLIC, ViewerKind, viewer
from governance.words import Measure, MemberKind, Outcome, Role

MILDEST_FIRST = (Outcome.OVERTURNED, Outcome.REDUCED, Outcome.UPHELD)


def test_nobody_approves_what_they_issued() -> None:
    duties.may_approve("second", ["first"])
    with pytest.raises(Refused) as refused:
        duties.may_approve("first", ["first", "second"])
    assert refused.value.code is RefusalCode.DUTIES_NOT_SEPARATE


def test_nobody_reviews_a_case_they_took_part_in() -> None:
    duties.may_review("third", {"first", "second"})
    with pytest.raises(Refused) as refused:
        duties.may_review("second", {"first", "second"})
    assert refused.value.code is RefusalCode.DUTIES_NOT_SEPARATE


def test_a_service_neither_approves_nor_reviews() -> None:
    duties.person_only(MemberKind.PERSON)
    with pytest.raises(Forbidden):
        duties.person_only(MemberKind.SERVICE)


@pytest.mark.parametrize("measure", Measure)
def test_two_decide_appeals_against_terminations_alone(measure: Measure) -> None:
    assert duties.reviewers(measure) == 1 + (measure is Measure.ACCOUNT_TERMINATED)


@pytest.mark.parametrize(("one", "other"), list(product(Outcome, Outcome)))
def test_of_two_votes_the_milder_stands(one: Outcome, other: Outcome) -> None:
    mildest = next(outcome for outcome in MILDEST_FIRST if outcome in (one, other))
    assert duties.milder([one, other]) is mildest


@pytest.mark.parametrize("role", Role)
def test_every_role_but_researcher_reads_for_its_platform(role: Role) -> None:
    seen = viewer("plt_a", frozenset({role}))
    if role is Role.RESEARCHER:
        assert seen == replace(PUBLIC, is_member=True)
    else:
        assert (seen.kind, seen.platform_id) == (ViewerKind.PARTNER, "plt_a")


def test_nobody_without_a_role_sees_more_than_the_public() -> None:
    assert viewer("plt_a", frozenset()) == replace(PUBLIC, is_member=True)
