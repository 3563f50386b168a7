"""A platform's time-outs as the `Block` activities that Lemmy federates, with `endTime`; and `Undo`
for those that were corrected before it. The platform's own server signs and sends them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlmodel import Session

from governance.exporting.own import Own, own
from governance.fields import print_instant
from governance.identifiers import SubjectKind
from governance.words import Measure

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
CONTEXT = ["https://join-lemmy.org/context.json", "https://www.w3.org/ns/activitystreams"]
MEASURES = frozenset({Measure.ACCOUNT_SUSPENDED, Measure.ACCOUNT_TERMINATED})


def lemmy_blocks(
    session: Session, domain: str, *, site: str, actor: str, now: datetime
) -> Iterator[Mapping[str, Any]]:
    """The activities of what is in force or was corrected, oldest first. Accounts that have no
    https URI, or an `acct:` that Lemmy's way of naming people makes one of, are left out."""
    for one in own(session, domain, SubjectKind.ACCOUNT, MEASURES, now):
        person = person_of(one.uri)
        if person is None:
            continue
        block = _block(one, person, site, actor)
        if one.is_in_force(now):
            yield {"@context": CONTEXT, **block}
        elif one.is_corrected:
            yield {
                "@context": CONTEXT,
                "actor": actor,
                "to": [PUBLIC],
                "object": block,
                "cc": [site],
                "type": "Undo",
                "id": f"{site.rstrip('/')}/activities/undo/{_name(one, 'undo')}",
            }


def person_of(uri: str) -> str | None:
    """The actor that a URI names: itself, or where Lemmy has the user of an `acct:`."""
    if uri.startswith("https://"):
        return uri
    name, _, host = uri.removeprefix("acct:").partition("@")
    return f"https://{host}/u/{name}" if uri.startswith("acct:") and host else None


def _block(one: Own, person: str, site: str, actor: str) -> dict[str, Any]:
    block = {
        "actor": actor,
        "to": [PUBLIC],
        "object": person,
        "cc": [site],
        "target": site,
        "type": "Block",
        "removeData": False,
        "summary": one.sanction.category.value,  # the reason is for the person
        "id": f"{site.rstrip('/')}/activities/block/{_name(one, 'block')}",
        "published": print_instant(one.sanction.starts_at or one.sanction.effective_at),
    }
    end = one.sanction.expires_at
    return block | ({"endTime": print_instant(end)} if end else {})


def _name(one: Own, kind: str) -> str:
    """The same each time: receivers count an activity by its id."""
    return str(uuid5(NAMESPACE_URL, f"{kind}/{one.sanction.id}"))
