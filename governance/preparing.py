"""What can be done with decisions before the writers' turn: whom each is about, what it comes to as
long as nothing binds its subject already, and what is stored and logged of it then."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from governance import decisions, signing, subjects
from governance.appellants import appeal_secret
from governance.drafts import SanctionDraft, SanctionTexts
from governance.errors import Refused
from governance.judging import Judged, Known, judge
from governance.log.commitments import SEED_BYTES
from governance.log.leaves import case_id
from governance.log.notes import decode
from governance.membership import Actor
from governance.requesting import Request, fingerprint, reference_key
from governance.rows import made
from governance.sanctions import Disclosure, Sanction
from governance.settings import Keys, token_hash
from governance.subjects import Identified

_TEXTS = frozenset(SanctionTexts.model_fields)
_NOTHING = Known()


class Drawn(NamedTuple):
    """A decision as it is stored and logged, and its appeal secret."""

    sanction: Sanction
    replaced: Sanction | None
    decision: bytes
    signature: str
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
    """Requests of the platform with a domain as `issue_prepared` takes them, judged as far as that
    goes."""
    found = prepared(keys, actor, requests)
    alone = [one for one in found if isinstance(one, Prepared) and one.request.stands_alone]
    judged = [_judged(actor, one, now) for one in alone]
    for one, outcome in zip(alone, judged, strict=True):
        one.outcome = outcome if isinstance(outcome, Refused) else draw(keys, domain, one, outcome)
    return found


def prepared(
    keys: Keys, actor: Actor, requests: Sequence[Request | Refused]
) -> list[Prepared | Refused]:
    """Requests with what follows from them, not judged yet. Each step is taken for all of them, as
    its code stays at hand meanwhile: the steps one request at a time take a third longer."""
    abouts = [r if isinstance(r, Refused) else _about(keys, r) for r in requests]
    named: list[tuple[Request, Identified]] = [
        (request, about)
        for request, about in zip(requests, abouts, strict=True)
        if not isinstance(request, Refused) and not isinstance(about, Refused)
    ]
    references = [reference_key(keys, actor, request.draft) for request, _ in named]
    bodies = [fingerprint(keys, key, one) for key, (one, _) in zip(references, named, strict=True)]
    held = [disclosure(request.draft, about) for request, about in named]
    bound = [decisions.commitments(one) for one in held]
    steps = zip(named, references, bodies, held, bound, strict=True)
    ready = iter([Prepared(*who, key, body, one, ties) for who, key, body, one, ties in steps])
    return [about if isinstance(about, Refused) else next(ready) for about in abouts]


def _about(keys: Keys, request: Request) -> Identified | Refused:
    """Whom a request is about; an adoption is about whom its source is."""
    adoption = request.adoption
    return adoption.about if adoption else subjects.identified(keys, request.draft)


def _judged(actor: Actor, given: Prepared, now: datetime) -> Judged | Refused:
    try:
        return judge(actor, given.request, given.about, _NOTHING, now=now)
    except Refused as refused:
        return refused


def draw(keys: Keys, domain: str, given: Prepared, judged: Judged) -> Drawn:
    """What is stored and logged of a request as it was judged; raises what is wrong with its
    signature."""
    sanction = judged.sanction
    decision = drawn_up(domain, judged, given.held, given.commitments)
    signature = signing.signed(given.request.draft.signature, decision)
    sanction.id = given.held.sanction_id = case_id(decision)
    secret = appeal_secret(keys, sanction.id, 0)
    sanction.reference_key, sanction.fingerprint = given.reference, given.fingerprint
    sanction.secret_hash = token_hash(secret)
    return Drawn(sanction, judged.replaced, decision, signature, secret)


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
        lookup_keys=list(about.keys),
        policy_reference=reference.model_dump() if reference else None,
        **{name: given[name] for name in _TEXTS},
    )
