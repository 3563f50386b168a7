"""What can be done with decisions before the writers' turn: whom each is about, what it comes to as
long as nothing binds its subject already, and what is stored and logged of it then."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from governance import decisions, signing, subjects
from governance.appellants import appeal_secret
from governance.errors import Refused
from governance.judging import Judged, Known, Request, fingerprint, judge, reference_key
from governance.log.commitments import SEED_BYTES
from governance.log.leaves import case_id
from governance.log.notes import decode
from governance.membership import Actor
from governance.rows import made
from governance.sanctions import Disclosure, Sanction, SanctionDraft, SanctionTexts
from governance.settings import Keys, token_hash
from governance.subjects import Identified

_TEXTS = frozenset(SanctionTexts.model_fields)
_NOTHING = Known()


class Drawn(NamedTuple):
    """A decision as it is stored and logged, and its appeal secret."""

    sanction: Sanction
    replaced: Sanction | None
    decision: bytes
    signature: bytes
    secret: str


@dataclass(slots=True)
class Prepared:
    """A request with all that follows from it alone. `outcome` is what it comes to while nothing
    binds its subject, or why it is refused then; None until that is judged."""

    request: Request
    about: Identified
    reference: str
    fingerprint: str
    held: Disclosure
    commitments: Mapping[str, str]
    outcome: Drawn | Refused | None = None


def prepare(
    keys: Keys, actor: Actor, domain: str, requests: Sequence[Request | Refused], now: datetime
) -> list[Prepared | Refused]:
    """Requests of the platform with a domain as `issue` takes them, judged as far as that goes."""
    return [
        one if isinstance(one, Refused) else _judged(keys, actor, domain, one, now)
        for one in (prepared(keys, actor, request) for request in requests)
    ]


def prepared(keys: Keys, actor: Actor, request: Request | Refused) -> Prepared | Refused:
    """A request with what follows from it, not judged yet."""
    if isinstance(request, Refused):
        return request
    draft, adoption = request.draft, request.adoption
    # An adoption is about whom its source is.
    about = adoption.about if adoption else subjects.identified(keys, draft)
    if isinstance(about, Refused):
        return about
    reference = reference_key(keys, actor, draft)
    held = disclosure(draft, about)
    body = fingerprint(keys, reference, request)
    return Prepared(request, about, reference, body, held, decisions.commitments(held))


def _judged(keys: Keys, actor: Actor, domain: str, given: Prepared, now: datetime) -> Prepared:
    if given.request.stands_alone:
        try:
            given.outcome = draw(keys, actor, domain, given, _NOTHING, now=now)
        except Refused as refused:
            given.outcome = refused
    return given


def draw(
    keys: Keys,
    actor: Actor,
    domain: str,
    given: Prepared,
    known: Known,
    replaced: Sanction | None = None,
    *,
    now: datetime,
) -> Drawn:
    """What a request comes to; raises what it is refused for."""
    judged = judge(actor, given.request, given.about, known, replaced, now=now)
    sanction = judged.sanction
    decision = drawn_up(domain, judged, given.held, given.commitments)
    signature = signing.signed(given.request.draft.signature, decision)
    sanction.id = given.held.sanction_id = case_id(decision)
    secret = appeal_secret(keys, sanction.id, 0)
    sanction.reference_key, sanction.fingerprint = given.reference, given.fingerprint
    sanction.secret_hash = token_hash(secret)
    return Drawn(sanction, replaced, decision, signature, secret)


def drawn_up(
    domain: str, judged: Judged, held: Disclosure, commitments: Mapping[str, str] | None = None
) -> bytes:
    """The decision as it is logged, which commits to what is kept beside it."""
    if judged.own_grounds is not None:
        held.own_grounds, commitments = judged.own_grounds, None
    replaced = judged.replaced.id if judged.replaced else None
    commitments = commitments or decisions.commitments(held)
    return decisions.issued(domain, judged.sanction, commitments, replaced)


def disclosure(draft: SanctionDraft, about: Identified) -> Disclosure:
    """What a decision commits to, with a seed of its own."""
    given, reference, signature = vars(draft), draft.policy_reference, draft.signature
    return made(
        Disclosure,
        seed=decode(signature.seed) if signature else secrets.token_bytes(SEED_BYTES),
        subject=about.uri,
        aliases=list(about.aliases),
        policy_reference=reference.model_dump() if reference else None,
        **{name: given[name] for name in _TEXTS},
    )
