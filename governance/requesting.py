"""What is asked for: drafts as they were given, and how the same body is known again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel

from governance.adoptions import AdoptionDraft
from governance.drafts import SanctionDraft
from governance.errors import Conflict, RefusalCode, Refused
from governance.fields import validated
from governance.membership import Actor
from governance.sanctions import Sanction
from governance.settings import Keys
from governance.subjects import Identified
from governance.words import Precision

_LEFT_OUT = {name: field.get_default() for name, field in SanctionDraft.model_fields.items()}
_PLAIN = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z


@dataclass(frozen=True, slots=True)
class Dating:
    """The dates of a decision that is imported with its own, rather than made now."""

    issued_at: datetime
    precision: Precision = Precision.INSTANT


@dataclass(frozen=True, slots=True)
class Adoption:
    """What a request takes over from another platform's sanction, beside its draft."""

    body: AdoptionDraft  # as it was given, so that a retry is known again
    about: Identified


class Request(NamedTuple):
    """A draft to be issued, or recorded as an outside decision."""

    draft: SanctionDraft
    is_outside: bool = False
    dating: Dating | None = None  # set by imports alone
    record_conflicts: bool = False  # imports: what conflicts becomes a record
    adoption: Adoption | None = None

    @property
    def stands_alone(self) -> bool:
        """Whether nothing that is stored has a say, but what is known of its subject."""
        return self.draft.supersedes is None and self.draft.signature is None


def draft(raw: Mapping[str, Any]) -> SanctionDraft:
    """The raw input as a draft; InvalidInput names the field."""
    return validated(SanctionDraft, raw)


def used_before(first: Sanction, fingerprint: str) -> None:
    """The same body under a used reference is a retry; anything else is refused."""
    if first.redacted_at is not None:
        raise Refused(
            "this reference was used and its record erased",
            path=["issuerReference"],
            code=RefusalCode.ERASED,
        )
    if first.fingerprint != fingerprint:
        raise Conflict(
            "this reference was used for another decision; expected the same body again",
            path=["issuerReference"],
            code=RefusalCode.REFERENCE_REUSED,
        )


def reference_key(keys: Keys, actor: Actor, draft: SanctionDraft | AdoptionDraft) -> str:
    return keys.tag("issuer-reference", actor.platform_id, draft.issuer_reference)


def fingerprint(keys: Keys, reference: str, request: Request) -> str:
    """A keyed hash of the body as it was given, so that the same body is known again."""
    if request.adoption is not None:
        return adoption_fingerprint(keys, reference, request.adoption.body)
    given = vars(request.draft)
    names = request.draft.model_fields_set
    given = {name: given[name] for name in names if given[name] != _LEFT_OUT[name]}
    body = orjson.dumps([request.is_outside, given], default=_dumped, option=_PLAIN)
    return keys.tag("fingerprint", reference, body.decode())


def _dumped(part: BaseModel) -> dict[str, Any]:
    return part.model_dump(mode="json", exclude_defaults=True)


def adoption_fingerprint(keys: Keys, reference: str, body: AdoptionDraft) -> str:
    """The same of an adoption, whatever has become of its source."""
    given = body.model_dump_json(exclude=None if body.signature else {"signature"})
    return keys.tag("fingerprint", reference, "adoption", given)
