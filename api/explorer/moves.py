"""What staff can do with an appeal now, and what each move will do."""

from collections.abc import Mapping
from dataclasses import dataclass

from api.explorer.telling import span
from governance.rules.lifecycle import APPEAL_STEPS, DECIDABLE, OPEN
from governance.rules.policy import APPEAL_DUE, LONGEST_PAUSE
from governance.words import AppealMove, AppealState, Author

_PAUSE, _DUE = span(LONGEST_PAUSE.total_seconds()), span(APPEAL_DUE.total_seconds())


@dataclass(frozen=True, slots=True)
class Move:
    """A move as a button: its name, its title, what it will do, what it takes."""

    name: str
    title: str
    consequence: str
    takes: frozenset[str] = frozenset()  # fields of the form, beside the message
    needs_message: bool = False
    for_person: bool = False  # the person's own step, which the platform takes for its user

    @property
    def message(self) -> str:
        """What the message is."""
        if self.name == DECIDE.name:
            return "Your statement"
        if self.needs_message:
            return "The person’s answer" if self.for_person else "Your question"
        who = "from" if self.for_person else "to"
        return f"Message {who} the person, if there is one"


_TITLES: Mapping[AppealMove, tuple[str, str]] = {
    AppealMove.ADMIT: (
        "Admit it",
        f"It goes to a reviewer. The answer stays due {_DUE} after it was filed.",
    ),
    AppealMove.REFUSE: (
        "Refuse it as inadmissible",
        "It is answered without a review; the person may take it to an outside body.",
    ),
    AppealMove.START_REVIEW: (
        "Start the review",
        "You take it up. Whoever decided the sanction, or reviewed it before, can’t.",
    ),
    AppealMove.ASK: (
        "Ask the person",
        f"The clock stops until the person answers, for {_PAUSE} at most and only once.",
    ),
    AppealMove.ANSWER: (
        "Answer for the person",
        "The answer goes to the reviewer, and the clock runs again.",
    ),
    AppealMove.WITHDRAW: (
        "Withdraw it for the person",
        "The appeal ends and the sanction stays as it is. It can’t be taken back.",
    ),
    AppealMove.ESCALATE: (
        "Escalate it for the person",
        "The case goes to an outside body, whose outcome you record later.",
    ),
    AppealMove.RECORD_FINAL: (
        "Record the outside body’s outcome",
        "It is published with the appeal, and closes it. Overturned: the sanction stops counting, "
        "and every copy has to be corrected. Reduced: what is in force you shorten yourself.",
    ),
}
_TAKES = {
    AppealMove.REFUSE: frozenset({"code"}),
    AppealMove.RECORD_FINAL: frozenset({"outcome", "implementedAt"}),
}
DECIDE = Move(
    "DECIDE",
    "Decide it",
    "Upheld: the sanction stays. Reduced: it ends at the new end. Overturned: it ends now, stops "
    "counting, and every platform that took it over has to correct its copy. The person reads "
    "your statement. A termination takes a second reviewer; where the two differ, the milder "
    "outcome stands.",
    frozenset({"outcome", "newExpiresAt"}),
    needs_message=True,
)
INVITE = Move(
    "INVITE",
    "Invite another platform’s reviewers",
    "They may read and decide this one case. That they were invited is logged.",
    frozenset({"platform"}),
)


def moves_of(state: AppealState) -> list[Move]:
    """The moves that an appeal in this state allows; whether a member may is the API's to say."""
    found = [
        Move(
            move,
            *_TITLES[move],
            takes=_TAKES.get(move, frozenset()),
            needs_message=move in (AppealMove.ASK, AppealMove.ANSWER),
            for_person=step.by is Author.APPELLANT,
        )
        for move, step in APPEAL_STEPS.items()
        if state in step.origins
    ]
    found = [DECIDE, *found] if state in DECIDABLE else found
    found += [INVITE] if state in OPEN else []
    return sorted(found, key=lambda move: move.for_person)
