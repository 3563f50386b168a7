"""What a node shows to those that follow it, and what they make of it: openings of commitments.

A record's seed never leaves; each field goes with its own key, which opens nothing else. Whoever
gets one checks it against the log before anything is kept.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel
from sqlmodel import Session, col, select

from governance.appeals import Invitation
from governance.decisions import COMMITTED
from governance.drafts import MOST_ALIASES, PolicyReference, SanctionTexts
from governance.errors import InvalidInput
from governance.fields import refuse_nul
from governance.hosts import BadUri
from governance.identifiers import SubjectKind, parse_subject
from governance.log.commitments import Opening, opening
from governance.log.errors import LogError, Malformed, Unproven
from governance.log.leaves import Leaf
from governance.log.notes import decode, encode
from governance.peers import followed_platforms
from governance.rules.disclosure import Case, Viewer, is_entitled, sees_subject
from governance.sanctions import Disclosure, Sanction

MOST_CASES = 256  # in one question
PUBLIC = ("explanation", "ground_reference", "policy_reference")
PRIVATE = ("reason", "facts", "other_measure", "content_uri", "own_grounds")
WHOM = ("subject", "aliases")
NAMES = {to_camel(name): name for name in (*WHOM, *PUBLIC, *PRIVATE)}
assert {*NAMES.values()} <= {*COMMITTED}

Disclosed = Mapping[str, Any]  # a case's checked values, by the names of `Disclosure`


def openings(
    session: Session, viewer: Viewer, cases: Iterable[str], *, now: datetime
) -> dict[str, list[dict[str, Any]]]:
    """Of this node's own cases, the fields that the viewer may read, each as field, value, key."""
    held = (
        select(Sanction, Disclosure)
        .join(Disclosure, col(Disclosure.sanction_id) == col(Sanction.id))
        .where(
            col(Sanction.id).in_(list(cases)),
            col(Sanction.platform_id).not_in(followed_platforms()),
        )
    )
    return {
        sanction.id: [_opening(disclosure, name) for name in _seen(session, viewer, *row, now)]
        for row in session.exec(held)
        for sanction, disclosure in [row]
        if disclosure.seed
    }


def case_of(session: Session, sanction: Sanction, disclosure: Disclosure) -> Case:
    """What decides who may see what a sanction discloses."""
    guests = select(Invitation.platform_id).where(Invitation.sanction_id == sanction.id)
    return Case(
        platform_id=sanction.platform_id,
        host_id=disclosure.host_id,
        kind=sanction.subject_kind,
        audience=sanction.audience,
        is_binding=sanction.is_binding,
        recorded_at=sanction.recorded_at,
        ends_at=sanction.ends_at,
        guest_ids=frozenset(session.exec(guests)),
    )


def _seen(
    session: Session, viewer: Viewer, sanction: Sanction, disclosure: Disclosure, now: datetime
) -> list[str]:
    case = case_of(session, sanction, disclosure)
    names = [*PUBLIC]
    if sees_subject(viewer, case, now):
        names += WHOM
    if is_entitled(viewer, case, now):
        names += PRIVATE
    return [name for name in names if getattr(disclosure, name)]


def _opening(disclosure: Disclosure, name: str) -> dict[str, Any]:
    value = getattr(disclosure, name)
    found = opening(disclosure.seed, to_camel(name), value)
    return {"field": found.name, "value": value, "key": encode(found.key)}


def checked(leaf: Leaf, told: object) -> Disclosed:
    """What a peer disclosed of the case that an entry begins; Unproven where a field isn't what
    the entry committed to, Malformed where it is nothing that could have been."""
    commitments = leaf.decision.get("commitments")
    if type(told) is not list or type(commitments) is not dict:
        raise Malformed("disclosures are a list of openings")
    found: dict[str, Any] = {}
    for one in told:
        name, value = _checked(one, commitments)
        if name is not None:
            found[name] = value
    return found


def _checked(one: object, commitments: Mapping[str, Any]) -> tuple[str | None, Any]:
    if type(one) is not dict or type(one.get("key")) is not str:
        raise Malformed("an opening is a field, a value and a key")
    name, value = one.get("field"), one.get("value")
    if name not in NAMES:  # of a later version
        return None, None
    committed = commitments.get(name)
    if type(committed) is not str:
        raise Unproven(f"{name} is disclosed, and the log has no commitment to it")
    try:
        Opening(name, value, decode(one["key"])).check(decode(committed))
        return NAMES[name], _valid(name, value)
    except LogError:
        raise Unproven(f"{name} isn't what the log committed to") from None
    except (BadUri, ValidationError, InvalidInput, ValueError, TypeError):
        raise Malformed(f"{name} is nothing that a sanction can have") from None


def _valid(name: str, value: Any) -> Any:
    """The value as it is stored."""
    refuse_nul(value)
    if name == "subject":
        if parse_subject(value).uri != value:
            raise ValueError
        return value
    if name == "aliases":
        return _aliases(value)
    if name == "policyReference":
        return PolicyReference.model_validate(value).model_dump()
    field = "reason" if name == "ownGrounds" else NAMES[name]
    return getattr(SanctionTexts.model_validate({field: value}), field)


def _aliases(value: Any) -> list[str]:
    """Other canonical URIs of one account."""
    found = [parse_subject(one) for one in value]
    is_fit = type(value) is list and 0 < len(value) <= MOST_ALIASES
    if not is_fit or any(SubjectKind.ACCOUNT not in one.kinds for one in found):
        raise ValueError
    if [one.uri for one in found] != value:
        raise ValueError
    return [one.uri for one in found]


def fits(kind: SubjectKind, disclosed: Disclosed) -> bool:
    """Whether the subject is of the kind that the statement says; accounts alone have aliases."""
    uri = disclosed.get("subject")
    if kind is not SubjectKind.ACCOUNT and "aliases" in disclosed:
        return False
    return uri is None or kind in parse_subject(uri).kinds
