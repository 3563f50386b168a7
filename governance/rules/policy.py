"""Policy v1: what the networks agreed. Numbers as named constants, rules as small functions.

A conflict stops a binding sanction and marks a record of an outside decision.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from governance.identifiers import SubjectKind
from governance.rules.status import Span
from governance.words import Automation, Measure, MemberKind, PermanentBasis, PolicyConflict

POLICY_VERSION = 1
_MICROSECOND = timedelta(microseconds=1)

PERMANENT_BASES = tuple(PermanentBasis)
LONGEST_SUSPENSION = timedelta(days=180)
LONGEST_TOTAL = timedelta(days=180)
TOTAL_WINDOW = timedelta(days=360)
LADDER = tuple(timedelta(days=days) for days in (1, 7, 30, 90))
LADDER_WINDOW = timedelta(days=365)
APPEAL_WINDOW = timedelta(days=183)
APPEAL_DUE = timedelta(days=14)
LONGEST_PAUSE = timedelta(days=14)
REMEDY_DUE = timedelta(hours=72)
APPROVAL_LAPSE = timedelta(days=7)
CLOCK_TOLERANCE = timedelta(seconds=60)
PARTNER_RETENTION = timedelta(days=30)
ERASED_AFTER = timedelta(days=365)  # private disclosures, counted from the end

_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)

SUSPENSIONS = frozenset(
    {Measure.ACCOUNT_SUSPENDED, Measure.ACCOUNT_TERMINATED, Measure.SERVER_SUSPENDED}
)
OUTSIDE_MEASURES = frozenset({Measure.SERVICE_TERMINATED, Measure.MONETIZATION_TERMINATED})
SERVER_MEASURES = frozenset({Measure.SERVER_LIMITED, Measure.SERVER_SUSPENDED})
CONTENT_MEASURES = frozenset(m for m in Measure if m.startswith("CONTENT_"))
# A description says what they are.
OTHER_MEASURES = frozenset({Measure.CONTENT_OTHER, Measure.MONETIZATION_OTHER})
ACCOUNT_MEASURES = frozenset(Measure) - SERVER_MEASURES - CONTENT_MEASURES - {Measure.WARNING}


@dataclass(slots=True, kw_only=True)  # frozen ones take four times as long to make
class Decision:
    """What the rules need to know of a decision about to be made."""

    measure: Measure
    category: str
    kind: SubjectKind
    basis: PermanentBasis | None
    effective_at: datetime
    expires_at: datetime | None
    conduct_from: datetime | None
    conduct_to: datetime | None
    automation: Automation
    decided_by: MemberKind
    now: datetime
    keeps_dates: bool = False


@dataclass(slots=True, kw_only=True)
class Earlier:
    """What the rules need to know of the platform's earlier binding sanctions of the subject."""

    id: str
    measure: Measure
    category: str
    conduct: tuple[datetime, datetime]
    span: Span
    counts: bool  # false once overturned or voided
    stands: bool  # false once overturned, voided or superseded


@dataclass(frozen=True, slots=True)
class Conflict:
    code: PolicyConflict
    field: str
    message: str


def kinds_of(measure: Measure) -> frozenset[SubjectKind]:
    """The kinds of subject that a measure can be taken against."""
    return _KINDS[measure]


def _kinds(measure: Measure) -> frozenset[SubjectKind]:
    if measure is Measure.WARNING:
        return frozenset(SubjectKind)
    if measure in SERVER_MEASURES:
        return frozenset({SubjectKind.SERVER})
    return frozenset({SubjectKind.CONTENT if measure in CONTENT_MEASURES else SubjectKind.ACCOUNT})


_KINDS = {measure: _kinds(measure) for measure in Measure}


def expiry(
    measure: Measure, effective_at: datetime, expires_at: datetime | None
) -> datetime | None:
    """A warning restricts nothing: without an end of its own it expires as it starts."""
    return effective_at if measure is Measure.WARNING and expires_at is None else expires_at


def conduct(
    conduct_from: datetime | None, conduct_to: datetime | None, issued_at: datetime
) -> tuple[datetime, datetime]:
    """The time of the conduct, both ends included; the instant of issue where it is missing."""
    start = conduct_from or conduct_to or issued_at
    return start, conduct_to or start


def conflicts(new: Decision, earlier: Iterable[Earlier]) -> Iterator[Conflict]:
    """Every rule that the decision conflicts with, the plainest first."""
    yield from _measure_and_basis(new)
    yield from _duration(new)
    yield from _dates(new)
    yield from _repetition(new, list(earlier))


def _measure_and_basis(new: Decision) -> Iterator[Conflict]:
    if new.measure in OUTSIDE_MEASURES:
        yield Conflict(
            PolicyConflict.MEASURE_NOT_OFFERED,
            "measure",
            f"expected a measure with an end, got {new.measure}; "
            "recordOutsideDecision takes it as a record that does not bind",
        )
    if new.measure is Measure.ACCOUNT_TERMINATED:
        if new.basis is None:
            yield Conflict(
                PolicyConflict.PERMANENCE_NOT_ALLOWED,
                "permanentBasis",
                "a permanent ban needs a basis, one of "
                + ", ".join(PERMANENT_BASES)
                + "; for anything else use ACCOUNT_SUSPENDED with an end",
            )
    elif new.basis is not None:
        yield Conflict(
            PolicyConflict.BASIS_NOT_ALLOWED,
            "permanentBasis",
            f"expected none with {new.measure}; it belongs to ACCOUNT_TERMINATED alone",
        )
    if new.decided_by is MemberKind.SERVICE and new.automation is Automation.NOT_AUTOMATED:
        yield Conflict(
            PolicyConflict.AUTOMATION_NOT_MARKED,
            "automation",
            "expected FULLY or PARTIALLY from a service, got NOT_AUTOMATED",
        )


def _duration(new: Decision) -> Iterator[Conflict]:
    if new.measure is Measure.ACCOUNT_TERMINATED:
        if new.expires_at is not None:
            yield Conflict(
                PolicyConflict.PERMANENCE_NOT_ALLOWED,
                "expiresAt",
                "expected none with ACCOUNT_TERMINATED; a ban with an end is ACCOUNT_SUSPENDED",
            )
        return
    if new.kind is SubjectKind.CONTENT:
        return
    if expiry(new.measure, new.effective_at, new.expires_at) is None:
        yield Conflict(
            PolicyConflict.END_REQUIRED,
            "expiresAt",
            f"expected an end at most {LONGEST_SUSPENSION.days} days after the start, got none",
        )
    elif new.expires_at and new.expires_at - new.effective_at > LONGEST_SUSPENSION:
        yield Conflict(
            PolicyConflict.TOO_LONG,
            "expiresAt",
            f"expected an end at most {LONGEST_SUSPENSION.days} days after the start",
        )


def _dates(new: Decision) -> Iterator[Conflict]:
    if not new.keeps_dates and new.effective_at < new.now - CLOCK_TOLERANCE:
        yield Conflict(
            PolicyConflict.BACKDATED,
            "effectiveAt",
            "expected a start not before now; leave it out to begin at once",
        )
    if new.measure in ACCOUNT_MEASURES and new.conduct_from is None and new.conduct_to is None:
        yield Conflict(
            PolicyConflict.CONDUCT_REQUIRED,
            "conductFrom",
            "expected when the conduct was: conductFrom and conductTo, which may be one instant",
        )


def _repetition(new: Decision, earlier: Sequence[Earlier]) -> Iterator[Conflict]:
    start, end = conduct(new.conduct_from, new.conduct_to, new.now)
    for other in earlier:
        if (
            other.stands
            and other.measure is new.measure
            and other.category == new.category
            and other.conduct[0] <= end
            and start <= other.conduct[1]
        ):
            yield Conflict(
                PolicyConflict.DOUBLE_JEOPARDY,
                "conductFrom",
                f"{other.id} already sanctions this conduct with {new.measure} "
                f"in {new.category}; name it in supersedes to replace it",
            )
            break
    if new.measure in SUSPENSIONS and new.expires_at is not None:
        served = [o.span for o in earlier if o.counts and o.measure in SUSPENSIONS]
        if exceeds_total((new.effective_at, new.expires_at), served):
            yield Conflict(
                PolicyConflict.TOTAL_TOO_LONG,
                "expiresAt",
                f"expected suspensions of this subject to total at most {LONGEST_TOTAL.days} "
                f"days in any {TOTAL_WINDOW.days}",
            )


def exceeds_total(new: Span, others: Collection[Span]) -> bool:
    """Whether the union of the spans is over the cap in a window with time of the new one.
    Ends are exclusive.

    A span without an end is a termination, which has its own rule and isn't counted.
    """
    new_start, new_end = new
    if new_start is None or new_end is None or new_start >= new_end:
        return False
    if not others:
        return new_end - new_start > LONGEST_TOTAL  # which is within one window
    first = _plus(new_start, -TOTAL_WINDOW)
    union = merged([new, *others])
    # A sliding window's maximum is reached where it starts with a span or ends with one.
    starts = [first, new_end, *(start for start, _ in union)]
    starts += [_plus(end, -TOTAL_WINDOW) for _, end in union]
    begins = [start for start, _ in union]
    sums = list(accumulate((end - start for start, end in union), initial=timedelta()))

    def before(instant: datetime) -> timedelta:
        """The time of the union before an instant."""
        if not (place := bisect_right(begins, instant)):
            return timedelta()
        return sums[place] - max(union[place - 1][1] - instant, timedelta())

    return any(
        before(_plus(start, TOTAL_WINDOW)) - before(start) > LONGEST_TOTAL
        for start in starts
        if first <= start <= new_end
    )


def latest_end(span: tuple[datetime, datetime], others: Collection[Span]) -> datetime:
    """The latest end, at most the span's own, that keeps within the cap; its start if none does."""
    start, end = span
    if not exceeds_total(span, others):
        return end
    low, high = 0, (end - start) // _MICROSECOND  # none is within the cap, all of it isn't
    while high - low > 1:
        middle = (low + high) // 2
        fits = not exceeds_total((start, start + middle * _MICROSECOND), others)
        low, high = (middle, high) if fits else (low, middle)
    return start + low * _MICROSECOND


def merged(spans: Iterable[Span]) -> list[tuple[datetime, datetime]]:
    """The union of the spans, in order, empty and endless ones left out."""
    union: list[tuple[datetime, datetime]] = []
    for start, end in sorted((s, e) for s, e in spans if s is not None and e is not None and s < e):
        if union and start <= union[-1][1]:
            union[-1] = union[-1][0], max(union[-1][1], end)
        else:
            union.append((start, end))
    return union


def _plus(instant: datetime, delta: timedelta) -> datetime:
    """The sum, or the first or last instant there is."""
    try:
        return instant + delta
    except OverflowError:
        return _LAST if delta > timedelta() else _FIRST
