"""Separation of duties: nobody answers for a decision and about it."""

from collections.abc import Iterable
from enum import StrEnum

from governance.errors import Forbidden, RefusalCode, Refused
from governance.words import Measure, MemberKind, Outcome


class DecidingPart(StrEnum):
    """How a member took part in a case; kept for good, whatever roles change later."""

    ISSUER = "ISSUER"
    APPROVER = "APPROVER"
    REVIEWER = "REVIEWER"


def person_only(kind: MemberKind) -> None:
    """Approvals and answers to appeals are never automation's alone."""
    if kind is not MemberKind.PERSON:
        raise Forbidden("expected a person; a service neither approves nor reviews")


def may_approve(member: str, issuers: Iterable[str]) -> None:
    """A termination takes a second member."""
    if member in issuers:
        raise Refused(
            "expected a second member; who issued a termination can't approve it",
            code=RefusalCode.DUTIES_NOT_SEPARATE,
        )


def may_review(member: str, deciders: Iterable[str]) -> None:
    """`deciders`: whoever issued, approved or reviewed the case before."""
    if member in deciders:
        raise Refused(
            "expected a reviewer who took no part in the decision or in an earlier review",
            code=RefusalCode.DUTIES_NOT_SEPARATE,
        )


def reviewers(measure: Measure) -> int:
    """How many decide an appeal: two against a termination."""
    return 2 if measure is Measure.ACCOUNT_TERMINATED else 1


MILDEST_FIRST = (Outcome.OVERTURNED, Outcome.REDUCED, Outcome.UPHELD)


def milder(votes: Iterable[Outcome]) -> Outcome:
    """Of differing votes the milder outcome stands."""
    return min(votes, key=MILDEST_FIRST.index)
