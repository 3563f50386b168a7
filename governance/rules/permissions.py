"""The permission matrix: who may do what with whose record, and who reads what.

Both tables are the rule and not a copy of it. A use case begins with
`actor.require(Operation.…)`, which reads `OPERATIONS`; tests ask every cell of both over HTTP.
Which rows a caller is ENTITLED to, by audience, host and time, is said in `rules.disclosure`.
`docs/permissions.md` is printed from here by `comity permissions`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from governance.words import Role


class Circle(StrEnum):
    """Where a caller stands to a record. Platforms are meant by their members' roles."""

    OWN = "issuing platform"
    HOST = "account's host"  # the platform of this node where the account lives
    GUEST = "invited platform"  # to review the case
    PARTNER = "any other platform"
    HOLDER = "appeal secret"  # whoever holds it, without a credential
    PUBLIC = "everyone else"  # without a credential; and researchers, of whatever platform


class Operation(StrEnum):
    """What can be done, by the names of its mutations; a step of `moveAppeal` by its own."""

    ISSUE = "issueSanction, issueSanctions, recordOutsideDecision"
    PREVIEW = "previewSanction"
    APPROVE = "approveSanction"
    SHORTEN = "shortenSanction"
    LIFT = "liftSanction"
    VOID = "voidSanction"
    OVERTURN = "overturnSanction"
    FILE = "fileAppeal"
    ADMIT = "moveAppeal ADMIT"
    REFUSE = "moveAppeal REFUSE"
    START_REVIEW = "moveAppeal START_REVIEW"
    ASK = "moveAppeal ASK"
    ANSWER = "moveAppeal ANSWER"
    WITHDRAW = "moveAppeal WITHDRAW"
    ESCALATE = "moveAppeal ESCALATE"
    RECORD_FINAL = "moveAppeal RECORD_FINAL"
    INVITE = "inviteReviewer"
    DECIDE = "decideAppeal"
    RECORD_NOTICE = "recordNotice"
    ADOPT = "adoptSanction"
    ANSWER_SANCTION = "answerSanction"
    REMEDY = "recordRemedy"
    ERASE = "eraseSubject"
    REGISTER_KEY = "registerKey"
    RETIRE_KEY = "retireKey"
    FOLLOW = "followNode"
    SELECT = "exportSelection"
    CANCEL_SELECTION = "cancelSelection"


@dataclass(frozen=True, slots=True)
class Permission:
    """The roles of which one is needed, and where the member has to stand to the record."""

    roles: tuple[Role, ...]
    circles: frozenset[Circle]
    persons_only: bool = False  # never a service's own word


OWN = frozenset({Circle.OWN})
OR_HOST = OWN | {Circle.HOST}  # the host, or the issuing platform where it may see no host
OR_GUEST = OWN | {Circle.GUEST}
OTHERS = frozenset({Circle.HOST, Circle.GUEST, Circle.PARTNER})  # if entitled to the subject
OR_HOLDER = OWN | {Circle.HOLDER}  # each in what it filed itself

_ISSUER = (Role.ISSUER,)
_REVIEWER = (Role.REVIEWER,)
_DECIDERS = (Role.ISSUER, Role.REVIEWER)
_RESEARCHER = (Role.RESEARCHER,)
_STAFF = (Role.ISSUER, Role.REVIEWER, Role.ADMIN)

OPERATIONS: Mapping[Operation, Permission] = {
    Operation.ISSUE: Permission(_ISSUER, OWN),
    Operation.PREVIEW: Permission(_ISSUER, OWN),
    Operation.APPROVE: Permission(_DECIDERS, OWN, persons_only=True),
    Operation.SHORTEN: Permission(_ISSUER, OWN),
    Operation.LIFT: Permission(_ISSUER, OWN),
    Operation.VOID: Permission(_ISSUER, OWN),
    Operation.OVERTURN: Permission(_DECIDERS, OWN),
    Operation.FILE: Permission(_STAFF, OR_HOLDER),
    # Letting an appeal through, or noting an outside outcome, decides nothing.
    Operation.ADMIT: Permission(_REVIEWER, OWN),
    Operation.REFUSE: Permission(_REVIEWER, OR_GUEST, persons_only=True),
    Operation.START_REVIEW: Permission(_REVIEWER, OR_GUEST, persons_only=True),
    Operation.ASK: Permission(_REVIEWER, OR_GUEST, persons_only=True),
    Operation.ANSWER: Permission(_STAFF, OR_HOLDER),
    Operation.WITHDRAW: Permission(_STAFF, OR_HOLDER),
    Operation.ESCALATE: Permission(_STAFF, OR_HOLDER),
    Operation.RECORD_FINAL: Permission(_REVIEWER, OWN),
    Operation.INVITE: Permission((Role.REVIEWER, Role.ADMIN), OWN),
    Operation.DECIDE: Permission(_REVIEWER, OR_GUEST, persons_only=True),
    Operation.RECORD_NOTICE: Permission(_STAFF, OR_HOST),
    Operation.ADOPT: Permission(_ISSUER, OTHERS),
    Operation.ANSWER_SANCTION: Permission(_DECIDERS, OTHERS),
    Operation.REMEDY: Permission(_DECIDERS, OWN),  # of the copy
    Operation.ERASE: Permission((Role.ADMIN,), OWN),
    Operation.REGISTER_KEY: Permission((Role.ADMIN,), OWN),
    Operation.RETIRE_KEY: Permission((Role.ADMIN,), OWN),
    Operation.FOLLOW: Permission((Role.ADMIN,), OWN),  # for the whole node, which can only learn
    Operation.SELECT: Permission(_RESEARCHER, OWN),  # a project is a member: each has its own
    Operation.CANCEL_SELECTION: Permission(_RESEARCHER, OWN),
}


class Reading(StrEnum):
    """What can be read."""

    STATEMENT = "statements of sanctions and appeals, and the feed of what happened to them"
    PUBLIC_TEXTS = "explanation, groundReference, policyReference"
    SERVER = "subject and suspension status: SERVER"
    SUBJECT = "subject and suspension status: ACCOUNT, CONTENT"
    PRIVATE_TEXTS = "reason, facts, ownGrounds, otherMeasure, contentUri"
    RECEIPTS = "derivedFrom, adoptions, receipts: platform, state, times"
    RECEIPT_REASON = "reason of a receipt, beside the platform that gave it"
    OWN_REFERENCES = "issuerReference, caseReference"
    MESSAGES = "messages of an appeal"
    NOTICE_EVENTS = "events NOTICE_DUE, NOTICE_RECORDED"
    NOTICE = "notice: the reason and the appeal secret to hand on"
    APPELLANT_VIEW = "appellantView: the sanction, its reason, its appeals and their messages"


class Reach(StrEnum):
    """How far one reads it; who isn't in the table doesn't."""

    YES = "yes"
    ENTITLED = "if entitled"  # `rules.disclosure.is_entitled`


EVERYONE = dict.fromkeys(Circle, Reach.YES)
ENTITLED = dict.fromkeys(
    (Circle.OWN, Circle.HOST, Circle.GUEST, Circle.PARTNER),
    Reach.ENTITLED,  # a guest to its case: nobody reviews what they can't read
)


def _only(*circles: Circle) -> Mapping[Circle, Reach]:
    return dict.fromkeys(circles, Reach.YES)


READS: Mapping[Reading, Mapping[Circle, Reach]] = {
    Reading.STATEMENT: EVERYONE,
    Reading.PUBLIC_TEXTS: EVERYONE,
    Reading.SERVER: EVERYONE,
    Reading.SUBJECT: ENTITLED,
    Reading.PRIVATE_TEXTS: ENTITLED,
    Reading.RECEIPTS: EVERYONE,
    Reading.RECEIPT_REASON: _only(Circle.OWN),
    Reading.OWN_REFERENCES: _only(Circle.OWN),
    Reading.MESSAGES: _only(Circle.OWN, Circle.GUEST, Circle.HOLDER),
    Reading.NOTICE_EVENTS: {Circle.OWN: Reach.YES, Circle.HOST: Reach.ENTITLED},
    Reading.NOTICE: {Circle.HOST: Reach.ENTITLED},
    Reading.APPELLANT_VIEW: _only(Circle.HOLDER),
}
