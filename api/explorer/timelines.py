"""What happened to a sanction, and what will."""

from collections.abc import Iterator, Sequence

from api.explorer.asking import Data
from api.explorer.telling import label, meaning, moment
from governance.rules.lifecycle import OPEN, SANCTION_MOVES
from governance.words import EndReason, EventType, Outcome, ReceiptState

Step = tuple[str, str, str]  # when, what, and how


def timeline(sanction: Data, events: Sequence[Data]) -> list[Step]:
    """Each step in the order of time, from the sanction as it is and from the feed."""
    steps = [*_begun(sanction), *_appealed(sanction), *_ended(sanction), *_taken_over(sanction)]
    for event in events:
        steps += _told(sanction, event)
    return sorted(steps, key=lambda step: step[0])


def _begun(sanction: Data) -> Iterator[Step]:
    yield sanction["issuedAt"], "Issued", ""
    if sanction["effectiveAt"] > sanction["issuedAt"]:
        yield sanction["effectiveAt"], "Begins", ""
    if sanction["approvedAt"]:
        yield sanction["approvedAt"], "Approved", "by a second moderator"


def _ended(sanction: Data) -> Iterator[Step]:
    if sanction["endedAt"]:
        yield sanction["endedAt"], "Ended", meaning(EndReason[sanction["endReason"]])
    elif sanction["expiresAt"]:
        yield sanction["expiresAt"], "Ends", ""


def _appealed(sanction: Data) -> Iterator[Step]:
    for appeal in sanction["appeals"]["nodes"]:
        # An appeal goes on against what takes its decision's place.
        is_older = appeal["filedAt"] < sanction["issuedAt"]
        against = "against the decision that this one replaced" if is_older else ""
        yield appeal["filedAt"], "Appealed", against
        if appeal["outcome"]:
            yield appeal["decidedAt"], "Appeal decided", meaning(Outcome[appeal["outcome"]])
        elif appeal["isOverdue"]:
            yield appeal["dueAt"], "An answer was due", "it is overdue"
        elif appeal["state"] in OPEN:
            yield appeal["dueAt"], "An answer is due", ""


def _taken_over(sanction: Data) -> Iterator[Step]:
    for copy in sanction["adoptions"]["nodes"]:
        yield copy["issuedAt"], f"{copy['platform']['name']} took it over", ""
    for receipt in sanction["receipts"]["nodes"]:
        name = receipt["platform"]["name"]
        if receipt["isOverdue"]:
            yield receipt["dueAt"], f"{name}’s correction was due", "it is overdue"
        elif receipt["state"] == ReceiptState.DUE:
            yield receipt["dueAt"], f"{name}’s correction is due", ""


def _told(sanction: Data, event: Data) -> Iterator[Step]:
    """What the feed alone knows: earlier ends, verdicts after the end, and each answer."""
    at, kind = event["occurredAt"], EventType[event["type"]]
    if kind is EventType.SANCTION_SHORTENED:
        is_ahead = event["expiresAt"] and event["expiresAt"] > at
        how = f"to end {moment(event['expiresAt'])}" if is_ahead else "it had ended by then"
        yield at, "Shortened", how
    elif kind in SANCTION_MOVES:
        reason = EndReason[SANCTION_MOVES[kind].validity]
        if sanction["endReason"] != reason:  # else that is how it ended
            yield at, label(reason), meaning(reason)
    elif event["receiptState"] == ReceiptState.DUE:
        yield at, f"{event['platform']['name']} was asked to correct its copy", ""
    elif event["receiptState"] != ReceiptState.ADOPTED:
        yield at, event["platform"]["name"], meaning(ReceiptState[event["receiptState"]])
