"""What a decision holds, by its type: the fields of version 1, as `docs/log.md` tells them.

Whatever is null, empty or false is left out. A question mark is after the names of fields that may
be; all others are in every decision of their type.
"""

from collections.abc import Mapping
from typing import Any

from governance.identifiers import SubjectKind
from governance.log.errors import Malformed
from governance.log.kinds import (
    AT,
    COUNT,
    DOMAIN,
    HASH,
    LANGUAGE,
    NULL,
    SIGNATURE,
    TEXT,
    TRUE,
    Fields,
    Given,
    Many,
    Only,
    code,
    fields,
    ident,
)
from governance.log.leaves import BEGINS, VERSION
from governance.vocabulary import TERRITORIES, Category, ContentType, Keyword
from governance.words import (
    AppealState,
    Audience,
    Author,
    Automation,
    Ground,
    InadmissibleCode,
    Measure,
    NoticeOutcome,
    Outcome,
    PermanentBasis,
    PolicyConflict,
    Precision,
    ReceiptState,
    Role,
    Source,
    VoidCode,
)

CASE = ident("san")

STATEMENT = fields(
    {
        "measure": code(Measure),
        "ground": code(Ground),
        "category": code(Category),
        "keywords?": Many(code(Keyword)),
        "permanentBasis?": code(PermanentBasis),
        "expiresAt?": AT,
        "conductFrom?": AT,
        "conductTo?": AT,
        "isAutomatedDetection?": TRUE,
        "automation": code(Automation),
        "source": code(Source),
        "contentType?": Many(code(ContentType)),
        "contentDate?": AT,
        "contentLanguage?": LANGUAGE,
        "territorialScope?": Many(code(TERRITORIES)),
        "audience": code(Audience),
        "subjectKind": code(SubjectKind),
        "effectiveAt": AT,
        "timePrecision": code(Precision),
        "policyConflicts?": Many(code(PolicyConflict)),
    }
)
COMMITTED = fields(
    {
        "subject": HASH,
        "aliases?": HASH,
        "policyReference?": HASH,
        "ownGrounds?": HASH,
        "groundReference?": HASH,
        "explanation?": HASH,
        "reason?": HASH,
        "facts?": HASH,
        "otherMeasure?": HASH,
        "issuerReference?": HASH,
        "caseReference?": HASH,
        "contentUri?": HASH,
    }
)
APPEAL = fields(
    {
        "state": code(AppealState),
        "filedBy": code(Author),
        "filedAt": AT,
        "askedAt?": AT,
        "dueAt": AT,
        "lapsesAt?": AT,
        "decidedAt?": AT,
        "outcome?": code(Outcome),
        "inadmissibleCode?": code(InadmissibleCode),
        "outsideOutcome?": code(Outcome),
        "implementedAt?": AT,
    }
)
RECEIPT = fields(
    {
        "state": code(ReceiptState),
        "at": AT,
        "dueAt?": AT,
        "adoptionId?": CASE,
        "replacementId?": CASE,
    }
)
# What later events set of a sanction.
CHANGES: Mapping[str, Fields] = {
    "sanction.approved": fields({"approvedAt": AT}),
    "sanction.shortened": fields({"expiresAt?": AT, "reducedAfterEnd?": TRUE}),
    "sanction.lifted": fields({"liftedAt": AT}),
    "sanction.overturned": fields({"overturnedAt": AT}),
    "sanction.voided": fields({"voidedAt": AT, "voidCode?": code(VoidCode)}),  # as its source's
    "sanction.superseded": fields({"supersededAt": AT}),
    "sanction.source_ended": fields({"sourceEndedAt": AT}),
    "sanction.redacted": fields({"redactedAt": AT}),
    "notice.recorded": fields({"notifiedAt?": AT}),
}

_HEAD: Given = {"version": Only(VERSION, str(VERSION)), "type": TEXT, "platform": DOMAIN, "at": AT}
_BEGUN: Given = {
    **{"statement": STATEMENT, "commitments": COMMITTED},
    **{"supersedes?": CASE, "derivedFrom?": CASE},
}
_SOURCE: Given = {"source?": CASE, "sourceEntry?": COUNT}  # of a copy that ends with its source
_APPEAL: Given = {"case": CASE, "appeal": ident("apl"), "changed": APPEAL}
_RECEIPT: Given = {"case": CASE, "changed": RECEIPT}
_MEMBER: Given = {"roles": Many(code(Role))}
_TREE: Given = {"origin": TEXT, "size": COUNT, "rootHash": HASH}
_NEXT_KEY: Given = {"verifier": TEXT, "handover?": SIGNATURE, "isKeyLost?": TRUE}
_MORE: Mapping[str, Given] = {
    "sanction.shortened": _SOURCE,
    "sanction.overturned": _SOURCE,
    "sanction.voided": _SOURCE,
    "sanction.source_ended": _SOURCE,
    "sanction.redacted": {"scope": code(["ALL", "PRIVATE", "LOST"])},
    "notice.recorded": {"outcome": code(NoticeOutcome)},
}


def _changing(kind: str, changed: Fields) -> Fields:
    name = "changed" if changed.needed else "changed?"
    return fields({**_HEAD, "case": CASE, name: changed, **_MORE.get(kind, {})})


DECISIONS: Mapping[str, Fields] = {
    BEGINS: fields(_HEAD | _BEGUN),
    **{kind: _changing(kind, changed) for kind, changed in CHANGES.items()},
    "appeal.filed": fields(_HEAD | _APPEAL | {"origin?": CASE}),
    "appeal.moved": fields(_HEAD | _APPEAL),
    "appeal.voted": fields(_HEAD | _APPEAL),
    "appeal.decided": fields(_HEAD | _APPEAL),
    "reviewer.invited": fields(_HEAD | _APPEAL | {"guest": DOMAIN}),
    "receipt.recorded": fields(_HEAD | _RECEIPT),
    "receipt.due": fields(_HEAD | _RECEIPT),
    "platform.added": fields(_HEAD | {"id": ident("plt")}),
    "member.added": fields(_HEAD | _MEMBER),
    "member.changed": fields(_HEAD | _MEMBER),
    "key.registered": fields(_HEAD | {"key": HASH, "proof": SIGNATURE, "replaces?": HASH}),
    "key.retired": fields(_HEAD | {"key": HASH}),
    "log.key_rotated": fields(_HEAD | {"platform": NULL, "verifier": TEXT, "handover": SIGNATURE}),
    "log.begun": fields(_HEAD | {"platform": NULL} | _TREE | _NEXT_KEY | {"checkpoint?": TEXT}),
    "peer.applied": fields(_HEAD | {"platform": NULL} | _TREE | {"position": COUNT}),
}


def check_form(decision: Mapping[str, Any]) -> None:
    """Malformed unless a decision holds what its type declares; it names the first field that
    isn't as it should be."""
    form = DECISIONS.get(decision["type"])
    if form is None:
        raise Malformed(f"the decision's type isn't one of version {VERSION}")
    form.check_all(decision)
