"""Appeal secrets: who holds one, their generations, and retries of their first use."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from governance.appeals import Appeal, FilingDraft, MoveDraft, SecretUse
from governance.errors import NotFound
from governance.fields import Draft
from governance.sanctions import Sanction
from governance.settings import Keys, token_hash

RETRY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Moved:
    """An appeal that changed; the next secret, if this visitor's was used for the first time."""

    appeal_id: str
    appeal_secret: str | None = None


def appeal_secret(keys: Keys, sanction_id: str, generation: int) -> str:
    """The secret of one generation; the key lies outside the database."""
    return keys.tag("appeal-secret", sanction_id, str(generation))


def by_secret(sanction: Sanction | None, secret: str, *, path: str = "sanctionId") -> Sanction:
    """The sanction, if this is its secret now; the same NotFound otherwise."""
    if sanction is None or sanction.secret_hash != token_hash(secret):
        raise missing(path)
    return sanction


def missing(path: str) -> NotFound:
    """The same words for what is absent and for what is not the caller's."""
    what = "appeal" if path == "appealId" else "sanction"
    return NotFound(f"no such {what}, or not yours; a secret must be the newest", path=[path])


def used(
    session: Session,
    keys: Keys,
    sanction: Sanction,
    draft: Draft,
    secret: str | None,
    appeal: Appeal,
    now: datetime,
) -> str | None:
    """The first use mints the next generation, which this visitor alone sees."""
    if secret is None or sanction.secret_generation > 0:
        return None
    session.add(
        SecretUse(
            sanction_id=sanction.id,
            secret_hash=token_hash(secret),
            fingerprint=_body(keys, draft),
            appeal_id=appeal.id,
            at=now,
        )
    )
    sanction.secret_generation = 1
    following = appeal_secret(keys, sanction.id, 1)
    sanction.secret_hash = token_hash(following)
    session.add(sanction)
    return following


def retried(
    session: Session,
    keys: Keys,
    sanction: Sanction | None,
    draft: FilingDraft | MoveDraft,
    now: datetime,
) -> Moved | None:
    """The answer of an identical mutation with the same, by now used, secret within an hour."""
    if sanction is None or draft.appeal_secret is None:
        return None
    use = session.get(SecretUse, sanction.id)
    if (
        use is None
        or use.secret_hash != token_hash(draft.appeal_secret)
        or use.fingerprint != _body(keys, draft)
        or now >= use.at + RETRY
    ):
        return None
    return Moved(use.appeal_id, appeal_secret(keys, sanction.id, 1))


def _body(keys: Keys, draft: Draft) -> str:
    return keys.tag("secret-use", type(draft).__name__, draft.model_dump_json())
