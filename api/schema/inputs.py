"""Inputs of mutations: each inherits the fields of its draft."""

import strawberry.pydantic
from pydantic import Field

import api.schema.enums  # noqa: F401  registers the enums
from api.schema.filters import SanctionFilter
from governance import (
    adoptions,
    appeals,
    changing,
    drafts,
    erasing,
    notices,
    peers,
    selections,
    signing,
)
from governance.fields import Draft


@strawberry.pydantic.input(
    name="PolicyReferenceInput", description="The published rule it rests on"
)
class PolicyReferenceInput(drafts.PolicyReference):
    pass


@strawberry.pydantic.input(description="A platform's own signature of its decision")
class SanctionSignatureInput(drafts.SanctionSignature):
    pass


@strawberry.pydantic.input(description="A decision as a moderator enters it")
class IssueSanctionInput(drafts.SanctionDraft):
    signature: SanctionSignatureInput | None = Field(
        default=None, description="The platform's own signature; else the node vouches"
    )
    policy_reference: PolicyReferenceInput | None = Field(
        default=None, description="The published rule it rests on"
    )


@strawberry.pydantic.input(description="Up to 1,000 decisions; one refused refuses no other")
class IssueSanctionsInput(Draft):
    sanctions: list[IssueSanctionInput] = Field(description="The decisions, in order")


@strawberry.pydantic.input(description="A second member's approval of a termination")
class ApproveSanctionInput(changing.ApprovalDraft):
    pass


@strawberry.pydantic.input(description="An earlier end for a sanction")
class ShortenSanctionInput(changing.ShorteningDraft):
    pass


@strawberry.pydantic.input(description="An end at once, by clemency")
class LiftSanctionInput(changing.LiftingDraft):
    pass


@strawberry.pydantic.input(description="A clerical mistake to be undone")
class VoidSanctionInput(changing.VoidingDraft):
    pass


@strawberry.pydantic.input(description="A decision that the platform finds wrong itself")
class OverturnSanctionInput(changing.OverturningDraft):
    pass


@strawberry.pydantic.input(description="An appeal as it is filed")
class FileAppealInput(appeals.FilingDraft):
    pass


@strawberry.pydantic.input(description="A step in an appeal")
class MoveAppealInput(appeals.MoveDraft):
    pass


@strawberry.pydantic.input(description="Reviewers of another platform for one case")
class InviteReviewerInput(appeals.InvitationDraft):
    pass


@strawberry.pydantic.input(description="A reviewer's decision on an appeal")
class DecideAppealInput(appeals.DecisionDraft):
    pass


@strawberry.pydantic.input(description="What became of telling the person")
class RecordNoticeInput(notices.NoticeDraft):
    pass


@strawberry.pydantic.input(description="Another platform's sanction to take over")
class AdoptSanctionInput(adoptions.AdoptionDraft):
    signature: SanctionSignatureInput | None = Field(
        default=None, description="The platform's own signature; else the node vouches"
    )


@strawberry.pydantic.input(description="An answer to another platform's sanction")
class AnswerSanctionInput(adoptions.AnswerDraft):
    pass


@strawberry.pydantic.input(description="What became of a copy of a corrected sanction")
class RecordRemedyInput(adoptions.RemedyDraft):
    pass


@strawberry.pydantic.input(description="A subject to erase from the own records")
class EraseSubjectInput(erasing.ErasureDraft):
    pass


@strawberry.pydantic.input(description="A key to sign decisions with from now on")
class RegisterKeyInput(signing.RegistrationDraft):
    pass


@strawberry.pydantic.input(description="A node to follow from now on")
class FollowNodeInput(peers.FollowingDraft):
    pass


@strawberry.pydantic.input(description="A key to sign no more decisions with")
class RetireKeyInput(signing.RetirementDraft):
    pass


@strawberry.pydantic.input(description="Which sanctions a project wants, in which forms")
class ExportSelectionInput(selections.SelectionDraft):
    filter: SanctionFilter | None = Field(
        default=None, description="Which sanctions; all if left out"
    )


@strawberry.pydantic.input(description="A selection that isn't wanted any more")
class CancelSelectionInput(selections.CancellationDraft):
    pass
