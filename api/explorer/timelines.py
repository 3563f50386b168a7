"""What happened to a sanction, and what will."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from api.explorer.asking import Data
from api.explorer.telling import label, meaning, meant, moment
from governance.rules.lifecycle import OPEN, SANCTION_MOVES
from governance.words import AppealState, EndReason, EventType, ReceiptState


class Step(NamedTuple):
    """One thing that happened, or will; `anchor` is where an appeal is linked to."""

    at: str
    what: str
    how: str = ""
    anchor: str = ""


def timeline(sanction: Data, events: Sequence[Data]) -> list[Step]:
    """Each step in the order of time, from the sanction as it is and from the feed."""
    appeals, others = [e for e in events if e["appeal"]], [e for e in events if not e["appeal"]]
    steps = [*_begun(sanction), *_appealed(sanction)]
    steps += [step for event in appeals for step in _moved(event)]
    steps += [*_ended(sanction), *_taken_over(sanction)]
    steps += [step for event in others for step in _told(sanction, event)]
    return sorted(steps, key=lambda step: step.at)


def _begun(sanction: Data) -> Iterator[Step]:
    yield Step(sanction["issuedAt"], "Issued")
    if sanction["effectiveAt"] > sanction["issuedAt"]:
        yield Step(sanction["effectiveAt"], "Begins")
    if sanction["approvedAt"]:
        yield Step(sanction["approvedAt"], "Approved", "by a second moderator")


def _ended(sanction: Data) -> Iterator[Step]:
    if sanction["endedAt"]:
        how = meaning(EndReason[sanction["endReason"]])
        if sanction["voidCode"]:
            how = f"{how}. {meant(sanction['voidCode'], 'VoidCode')}"
        yield Step(sanction["endedAt"], "Ended", how)
    elif sanction["expiresAt"]:
        yield Step(sanction["expiresAt"], "Ends")


def _appealed(sanction: Data) -> Iterator[Step]:
    for appeal in sanction["appeals"]["nodes"]:
        if appeal["filedAt"] < sanction["issuedAt"]:  # it went on against what took its place
            how = "against the decision that this one replaced"
            yield Step(appeal["filedAt"], "Appealed", how, appeal["id"])
        if appeal["isOverdue"]:
            yield Step(appeal["dueAt"], "An answer was due", "it is overdue")
        elif appeal["state"] in OPEN:
            yield Step(appeal["dueAt"], "An answer is due")


def _taken_over(sanction: Data) -> Iterator[Step]:
    for copy in sanction["adoptions"]["nodes"]:
        yield Step(copy["issuedAt"], f"{copy['platform']['name']} took it over")
    for receipt in sanction["receipts"]["nodes"]:
        name = receipt["platform"]["name"]
        if receipt["isOverdue"]:
            yield Step(receipt["dueAt"], f"{name}’s correction was due", "it is overdue")
        elif receipt["state"] == ReceiptState.DUE:
            yield Step(receipt["dueAt"], f"{name}’s correction is due")


def _told(sanction: Data, event: Data) -> Iterator[Step]:
    """What the feed alone knows: earlier ends, verdicts after the end, and each answer."""
    at, kind = event["occurredAt"], EventType[event["type"]]
    if kind is EventType.SANCTION_SHORTENED:
        is_ahead = event["expiresAt"] and event["expiresAt"] > at
        how = f"to end {moment(event['expiresAt'])}" if is_ahead else "it had ended by then"
        yield Step(at, "Shortened", how)
    elif kind in SANCTION_MOVES:
        reason = EndReason[SANCTION_MOVES[kind].validity]
        if sanction["endReason"] != reason:  # else that is how it ended
            yield Step(at, label(reason), meaning(reason))
    elif event["receiptState"] == ReceiptState.DUE:
        yield Step(at, f"{event['platform']['name']} was asked to correct its copy")
    elif event["receiptState"] != ReceiptState.ADOPTED:
        yield Step(at, event["platform"]["name"], meant(event["receiptState"], "ReceiptState"))


def _moved(event: Data) -> Iterator[Step]:
    """Where an appeal came to; what is the platform's own affair is left out."""
    at, state, appeal = event["occurredAt"], event["appealState"], event["appeal"]
    if state == AppealState.FILED:
        yield Step(at, "Appealed", anchor=appeal["id"])
    elif state == AppealState.INADMISSIBLE:
        why = meant(appeal["inadmissibleCode"], "InadmissibleCode")
        yield Step(at, "Appeal refused without a review", why)
    elif state == AppealState.AWAITING_APPELLANT:
        is_over = appeal["state"] == AppealState.LAPSED
        yield Step(at, "The person was asked", "no answer came in time" if is_over else "")
    elif state == AppealState.DECIDED:
        yield Step(at, "Appeal decided", meant(appeal["outcome"], "Outcome"))
    elif state == AppealState.WITHDRAWN:
        yield Step(at, "Appeal withdrawn", "taken back by the appellant")
    elif state == AppealState.ESCALATED:
        yield Step(at, "Appeal brought before an outside body")
    elif state == AppealState.FINAL:
        how = meant(appeal["outsideOutcome"], "Outcome")
        if appeal["implementedAt"]:
            how = f"{how}. Carried out {moment(appeal['implementedAt'])}"
        yield Step(at, "The outside body decided", how)
