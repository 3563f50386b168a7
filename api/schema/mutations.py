"""Everything that can be changed: verb and noun, one input, the success or a refusal."""

import logging
from typing import Annotated, Any

import strawberry
import strawberry.pydantic

from api.observing import logs
from api.research.filters import wanted
from api.schema import inputs
from api.schema.changes import Act, Changed, change
from api.schema.nodes import Refusal
from api.schema.payloads import (
    AppealChanged,
    IssueSanctionResult,
    KeyChanged,
    NodeFollowed,
    NoticeRecorded,
    ReceiptRecorded,
    SanctionChanged,
    SanctionIssued,
    SanctionsIssued,
    SelectionChanged,
    SubjectErased,
)
from governance import (
    adopting,
    appealing,
    changing,
    deciding,
    erasing,
    following,
    issuing,
    notices,
    remedying,
    requesting,
    selections,
    signing,
)
from governance.appellants import Moved
from governance.fields import Shape
from governance.sanctions import Sanction
from governance.words import NoticeOutcome


def _or_refusal(payload: type, name: str, description: str) -> Any:
    """What a mutation answers: its payload, or why nothing was changed."""
    return Annotated[payload | Refusal, strawberry.union(name, description=description)]


SanctionChangeResult = _or_refusal(
    SanctionChanged, "SanctionChangeResult", "The sanction changed, or why not"
)
AppealChangeResult = _or_refusal(
    AppealChanged, "AppealChangeResult", "The appeal changed, or why not"
)
RecordNoticeResult = _or_refusal(
    NoticeRecorded, "RecordNoticeResult", "The notice recorded, or why not"
)
AdoptSanctionResult = _or_refusal(SanctionIssued, "AdoptSanctionResult", "The adoption, or why not")
ReceiptResult = _or_refusal(ReceiptRecorded, "ReceiptResult", "The receipt recorded, or why not")
EraseSubjectResult = _or_refusal(
    SubjectErased, "EraseSubjectResult", "What was erased, or why nothing was"
)
FollowNodeResult = _or_refusal(NodeFollowed, "FollowNodeResult", "The node followed, or why not")
SelectionResult = _or_refusal(SelectionChanged, "SelectionResult", "The selection, or why not")
KeyChangeResult = _or_refusal(KeyChanged, "KeyChangeResult", "The key changed, or why not")


def issued(answer: issuing.Issued) -> Changed:
    return Changed(answer.sanction_id, answer.appeal_secret)


def _sanction(sanction: Sanction) -> Changed:
    return Changed(sanction.id)


def _appeal(moved: Moved) -> Changed:
    return Changed(moved.appeal_id, moved.appeal_secret)


def _contacted(*asked: Any) -> Any:
    from api.reaching import contacted  # and a client of HTTP, which few nodes need

    return contacted(*asked)


@strawberry.pydantic.type(description="Everything that can be changed")
class Mutation(Shape):
    @change(
        IssueSanctionResult,
        inputs.IssueSanctionInput,
        SanctionIssued,
        "Issue a sanction; the same body again answers the same",
    )
    def issue_sanction(act: Act, draft: Any) -> Changed:
        request = requesting.Request(draft)
        return issued(issuing.issue_one(act.session, act.keys, act.actor, request, now=act.now))

    @change(
        IssueSanctionResult,
        inputs.IssueSanctionInput,
        SanctionIssued,
        "Record a decision this policy doesn't make; it never binds",
    )
    def record_outside_decision(act: Act, draft: Any) -> Changed:
        request = requesting.Request(draft, is_outside=True)
        return issued(issuing.issue_one(act.session, act.keys, act.actor, request, now=act.now))

    @change(
        SanctionsIssued,
        inputs.IssueSanctionsInput,
        SanctionIssued,
        "Issue up to 1,000 sanctions; one refused refuses no other",
    )
    def issue_sanctions(act: Act, requests: Any) -> list[Any]:
        given = act.session, act.keys, act.actor, requests
        return list(issuing.issue_prepared(*given, now=act.now))

    @change(
        SanctionChangeResult,
        inputs.ApproveSanctionInput,
        SanctionChanged,
        "Approve a pending termination, as a second member",
    )
    def approve_sanction(act: Act, draft: Any) -> Changed:
        return _sanction(changing.approve(act.session, act.actor, draft, now=act.now))

    @change(
        SanctionChangeResult,
        inputs.ShortenSanctionInput,
        SanctionChanged,
        "Move a sanction's end earlier",
    )
    def shorten_sanction(act: Act, draft: Any) -> Changed:
        return _sanction(changing.shorten(act.session, act.actor, draft, now=act.now))

    @change(
        SanctionChangeResult,
        inputs.LiftSanctionInput,
        SanctionChanged,
        "End a sanction now, by clemency",
    )
    def lift_sanction(act: Act, draft: Any) -> Changed:
        return _sanction(changing.lift(act.session, act.actor, draft, now=act.now))

    @change(
        SanctionChangeResult,
        inputs.VoidSanctionInput,
        SanctionChanged,
        "Undo a clerical mistake, before any appeal",
    )
    def void_sanction(act: Act, draft: Any) -> Changed:
        return _sanction(changing.void(act.session, act.actor, draft, now=act.now))

    @change(
        SanctionChangeResult,
        inputs.OverturnSanctionInput,
        SanctionChanged,
        "Correct a wrong decision of the own motion",
    )
    def overturn_sanction(act: Act, draft: Any) -> Changed:
        return _sanction(changing.overturn(act.session, act.actor, draft, now=act.now))

    @change(
        AppealChangeResult,
        inputs.FileAppealInput,
        AppealChanged,
        "File an appeal, with a credential or the appeal secret",
    )
    def file_appeal(act: Act, draft: Any) -> Changed:
        return _appeal(appealing.file(act.session, act.keys, act.someone, draft, now=act.now))

    @change(
        AppealChangeResult,
        inputs.MoveAppealInput,
        AppealChanged,
        "Take a step in an appeal, short of deciding it",
    )
    def move_appeal(act: Act, draft: Any) -> Changed:
        return _appeal(appealing.move(act.session, act.keys, act.someone, draft, now=act.now))

    @change(
        AppealChangeResult,
        inputs.InviteReviewerInput,
        AppealChanged,
        "Invite another platform's reviewers to one case",
    )
    def invite_reviewer(act: Act, draft: Any) -> Changed:
        return _appeal(appealing.invite(act.session, act.actor, draft, now=act.now))

    @change(
        AppealChangeResult,
        inputs.DecideAppealInput,
        AppealChanged,
        "Decide an appeal; a termination takes two reviewers",
    )
    def decide_appeal(act: Act, draft: Any) -> Changed:
        return _appeal(deciding.decide(act.session, act.keys, act.actor, draft, now=act.now))

    @change(
        RecordNoticeResult,
        inputs.RecordNoticeInput,
        NoticeRecorded,
        "Say whether the person was told, as the account's host",
    )
    def record_notice(act: Act, draft: Any) -> NoticeRecorded:
        notice = notices.record_notice(act.session, act.actor, draft, now=act.now)
        is_told = notice.outcome is NoticeOutcome.DELIVERED
        return NoticeRecorded(notified_at=notice.at if is_told else None, outcome=notice.outcome)

    @change(
        AdoptSanctionResult,
        inputs.AdoptSanctionInput,
        SanctionIssued,
        "Take another platform's sanction over, as an own one",
    )
    def adopt_sanction(act: Act, draft: Any) -> Changed:
        return issued(adopting.adopt(act.session, act.keys, act.actor, draft, now=act.now))

    @change(
        ReceiptResult,
        inputs.AnswerSanctionInput,
        ReceiptRecorded,
        "Note, decline or dispute another platform's sanction",
    )
    def answer_sanction(act: Act, draft: Any) -> Changed:
        return Changed(adopting.answer(act.session, act.actor, draft, now=act.now).id)

    @change(
        ReceiptResult,
        inputs.RecordRemedyInput,
        ReceiptRecorded,
        "Say what became of a copy whose source was corrected",
    )
    def record_remedy(act: Act, draft: Any) -> Changed:
        return Changed(remedying.remedy(act.session, act.actor, draft, now=act.now).id)

    @change(
        EraseSubjectResult,
        inputs.EraseSubjectInput,
        SubjectErased,
        "Erase a subject from the own platform's records",
    )
    def erase_subject(act: Act, draft: Any) -> SubjectErased:
        done = erasing.erase(act.session, act.keys, act.actor, draft, now=act.now)
        return SubjectErased(
            erased_count=done.erased_count,
            deferred_count=done.deferred_count,
            deferred_until=done.deferred_until,
        )

    @change(
        KeyChangeResult,
        inputs.RegisterKeyInput,
        KeyChanged,
        "Register a key that the own platform signs decisions with",
    )
    def register_key(act: Act, draft: Any) -> Changed:
        return Changed(signing.register(act.session, act.actor, draft, now=act.now).id)

    @change(
        KeyChangeResult,
        inputs.RetireKeyInput,
        KeyChanged,
        "Retire a key of the own platform without another",
    )
    def retire_key(act: Act, draft: Any) -> Changed:
        return Changed(signing.retire(act.session, act.actor, draft, now=act.now).id)

    @change(
        FollowNodeResult,
        inputs.FollowNodeInput,
        NodeFollowed,
        "Follow another node, whose decisions are known here from then on",
        prepare=_contacted,
    )
    def follow_node(act: Act, contact: Any) -> Changed:
        peer = following.begin(
            act.session, act.keys, contact.url, contact.verifiers, contact.token, now=act.now
        )
        return Changed(peer.origin)

    @change(
        SelectionResult,
        inputs.ExportSelectionInput,
        SelectionChanged,
        "Ask for everything that fits a filter, as a researchers' project",
    )
    def export_selection(act: Act, draft: Any) -> Changed:
        asked, formats = wanted(draft.filter, act.now), draft.formats
        made = selections.request(act.session, act.actor, asked, formats, now=act.now)
        logs.tell(logging.INFO, "selection", selection=made.id, state=made.state)
        return Changed(made.id)

    @change(
        SelectionResult,
        inputs.CancelSelectionInput,
        SelectionChanged,
        "Give up a selection of the own project; its files go",
    )
    def cancel_selection(act: Act, draft: Any) -> Changed:
        return Changed(selections.cancel(act.session, act.actor, draft).id)
