"""Delivering to receivers: what an answer means, and how long to wait after a bad one."""

from datetime import timedelta
from enum import StrEnum

FIRST_PAUSE = timedelta(seconds=5)  # after one failure, and twice as long after each more
LONGEST_PAUSE = timedelta(hours=1)
MOST_ATTEMPTS = 12  # answers without success before an event becomes a dead letter


class Verdict(StrEnum):
    """What a receiver's answer means for an event."""

    TAKEN = "TAKEN"
    AGAIN = "AGAIN"  # may succeed later; given up after `MOST_ATTEMPTS`
    LATER = "LATER"  # nothing is wrong with the event: never given up
    REFUSED = "REFUSED"  # the very event is refused, and would be again
    GONE = "GONE"  # the receiver wants no more


def of_webhook(status: int) -> Verdict:
    """Standard Webhooks, "Operational considerations": 2xx is success, 410 asks for no more."""
    if 200 <= status < 300:
        return Verdict.TAKEN
    return Verdict.GONE if status == 410 else _of_failure(status)


def of_token(status: int, error: str) -> Verdict:
    """RFC 8935 sections 2.2 to 2.4: `error` is the code that a 400 names."""
    if 200 <= status < 300:
        return Verdict.TAKEN
    if status == 400:
        # All other codes are about keys and access, which both sides can put right.
        return Verdict.REFUSED if error == "invalid_request" else Verdict.LATER
    return _of_failure(status)


def _of_failure(status: int) -> Verdict:
    return Verdict.LATER if status in (401, 403, 408, 429, 503) else Verdict.AGAIN


def is_given_up(verdict: Verdict, attempts: int) -> bool:
    """Whether an event becomes a dead letter after so many attempts in a row."""
    return verdict is Verdict.REFUSED or (verdict is Verdict.AGAIN and attempts >= MOST_ATTEMPTS)


def pause_after(attempts: int, jitter: float) -> timedelta:
    """How long to wait after so many failures in a row; `jitter`, from 0 to 1, spreads it from
    half the time to all of it."""
    doubled = int(2 ** min(attempts - 1, 20))  # it stays small
    return min(FIRST_PAUSE * doubled, LONGEST_PAUSE) * (0.5 + jitter / 2)
