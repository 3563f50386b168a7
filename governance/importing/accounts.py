"""Restrictions of accounts, as other systems word them: until a date, seldom with more than a line
of why."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from governance.drafts import SanctionDraft
from governance.errors import InvalidInput
from governance.fields import validated
from governance.hosts import BadUri, canonical_domain
from governance.identifiers import SubjectKind
from governance.importing.runs import NOT_STATED
from governance.importing.servers import classified
from governance.membership import Actor
from governance.requesting import Dating, Request
from governance.sanctions import Disclosure, Sanction
from governance.words import Automation, Ground, Measure, Source

# The file's column behind a field of the draft, where an importer has no better name.
COLUMNS = {"conduct_from": "at", "conduct_to": "at"}


def domain_of(text: str) -> str:
    """A platform's canonical domain; InvalidInput says what isn't right."""
    try:
        return canonical_domain(text)
    except BadUri as error:
        raise InvalidInput(str(error), path=["platform"]) from None


def imported(session: Session, actor: Actor, references: Iterable[str]) -> dict[str, str]:
    """Ids of the platform's own sanctions by their references, where there are any."""
    query = (
        sa.select(col(Disclosure.issuer_reference), col(Sanction.id))
        .join(Sanction, col(Sanction.id) == col(Disclosure.sanction_id))
        .where(
            col(Sanction.platform_id) == actor.platform_id,
            col(Disclosure.issuer_reference).in_(list(references)),
        )
    )
    return dict(session.execute(query).all())


def account_request(
    uri: str,
    measure: Measure,
    why: str | None,
    *,
    reference: str,
    decided_at: datetime,
    until: datetime | None,
    supersedes: str | None = None,
) -> Request:
    """The decision with its own dates. When the conduct was isn't told, so the date of the
    decision stands for it. Without an end it is a record of an outside decision."""
    text = (why or "").strip()[:5_000]
    category, keywords = classified(text)
    draft = validated(
        SanctionDraft,
        {
            "measure": measure,
            "ground": Ground.INCOMPATIBLE_CONTENT,
            "ground_reference": NOT_STATED,
            "category": category,
            "keywords": keywords,
            "conduct_from": decided_at,
            "conduct_to": decided_at,
            "expires_at": until,
            "is_automated_detection": False,
            "automation": Automation.NOT_AUTOMATED,
            "source": Source.OWN_INITIATIVE,
            "reason": text or NOT_STATED,
            "facts": text or None,
            "issuer_reference": reference,
            "subject": uri,
            "supersedes": supersedes,
            "subject_kind": SubjectKind.ACCOUNT,
        },
    )
    return Request(
        draft, is_outside=until is None, dating=Dating(decided_at), record_conflicts=True
    )
