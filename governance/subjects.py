"""Whom a decision is about: canonical, of one kind, under every name it goes by."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from governance.drafts import SanctionDraft
from governance.errors import InvalidInput, Refused
from governance.fields import items
from governance.hosts import BadUri
from governance.identifiers import Subject, SubjectKind, lookup_key, parse_subject
from governance.peers import followed_platforms
from governance.platforms import Platform
from governance.rows import mark, run
from governance.rules import policy
from governance.sanctions import Disclosure, Sanction, SubjectKey
from governance.settings import Keys


class Identified(NamedTuple):
    """Whom a request is about, under every name; `hosts` of the subject first, then of aliases.
    These are canonical, each once, and none is the subject's own URI."""

    uri: str
    kind: SubjectKind
    hosts: tuple[str, ...]
    keys: tuple[str, ...]
    aliases: tuple[str, ...] = ()


def identified(keys: Keys, draft: SanctionDraft) -> Identified | Refused:
    """Subject and aliases under canonical URIs and lookup keys, or what is wrong with them."""
    try:
        subject = _parsed(draft.subject, "subject")
        kind = _kind(draft, subject)
        if kind is not SubjectKind.ACCOUNT and draft.aliases:
            raise InvalidInput("expected aliases of an account alone", path=["aliases"])
        names = [subject]
        for position, alias in enumerate(draft.aliases):
            parsed = _parsed(alias, "aliases", position)
            if SubjectKind.ACCOUNT not in parsed.kinds:
                raise InvalidInput(
                    "expected another URI of the account", path=["aliases", position]
                )
            names.append(parsed)
        if draft.content_uri is not None:
            _parsed(draft.content_uri, "contentUri")
    except Refused as refused:
        return refused
    secret = keys.derived("lookup")
    uris = tuple(dict.fromkeys([name.uri for name in names]))
    hosted = tuple([name.host for name in names if name.host])
    found = tuple([lookup_key(secret, kind, uri) for uri in uris])
    return Identified(subject.uri, kind, hosted, found, uris[1:])


def _parsed(text: str, *path: str | int) -> Subject:
    try:
        return parse_subject(text)
    except BadUri as error:
        raise InvalidInput(str(error), path=path) from None


def _kind(draft: SanctionDraft, subject: Subject) -> SubjectKind:
    """The one kind that the URI, the measure and `subjectKind` leave."""
    possible = subject.kinds & policy.kinds_of(draft.measure)
    if not possible:
        expected = " or ".join(sorted(policy.kinds_of(draft.measure)))
        raise InvalidInput(
            f"{draft.measure} is taken against {expected}; this URI names "
            + " or ".join(sorted(subject.kinds)),
            path=["subject"],
        )
    if draft.subject_kind is not None and draft.subject_kind not in possible:
        raise InvalidInput(
            f"expected {' or '.join(sorted(possible))} with this URI and measure, "
            f"got {draft.subject_kind}",
            path=["subjectKind"],
        )
    if draft.subject_kind is None and len(possible) > 1:
        raise InvalidInput(
            f"this URI may name {' or '.join(sorted(possible))}: say which", path=["subjectKind"]
        )
    return draft.subject_kind or next(iter(possible))


_HOSTS = select(Platform.domain, Platform.id).where(
    sa.or_(
        sa.and_(
            col(Platform.domain).in_(sa.bindparam("domains", expanding=True)),
            col(Platform.id).not_in(followed_platforms()),
        ),
        col(Platform.id) == sa.bindparam("own"),
    )
)


def hosts(session: Session, found: Sequence[Identified], own: str) -> dict[str, str]:
    """Ids of the platforms on this node that host the subjects, and `own`, by domain."""
    domains = {host for about in found for host in about.hosts}
    return dict(session.exec(_HOSTS, params={"domains": list(domains), "own": own}).all())


def sanctions_about(names: Collection[str] | sa.Select[str]) -> SelectOfScalar[str]:
    """Ids of the sanctions that any of these keys finds, as a subselect: a join SQLite may begin
    with every sanction there is."""
    return select(SubjectKey.sanction_id).where(col(SubjectKey.key).in_(names))


def keys_of(sanctions: Any) -> sa.Select[str]:
    """The keys that find sanctions, as a subselect; by the ids of these, or a select of them."""
    each = items(col(Disclosure.lookup_keys)).table_valued("value")
    held = sa.select(each.c.value).join_from(Disclosure, each, sa.true())
    return held.where(col(Disclosure.sanction_id).in_(sanctions))


_FORGET = "DELETE FROM subject_keys WHERE key = {0} AND sanction_id = {0}"


def forget_keys(session: Session, sanctions: Any) -> None:
    """Sanctions aren't found by their subjects any more; by the ids of these, or a select."""
    held = sa.select(col(Disclosure.sanction_id), col(Disclosure.lookup_keys))
    found = session.execute(held.where(col(Disclosure.sanction_id).in_(sanctions)))
    pairs = [(key, sanction_id) for sanction_id, keys in found for key in keys]
    if pairs:
        run(session, _FORGET.format(mark(session)), pairs)


def are_found(session: Session, keys: Keys) -> bool:
    """Whether these keys find the subjects that are stored, asked of any one of them. With other
    keys nobody would be suspended any more. True where there is none."""
    query = (
        select(Sanction.id, Sanction.subject_kind, Disclosure.subject)
        .join(Disclosure, col(Disclosure.sanction_id) == col(Sanction.id))
        .where(Disclosure.subject != "")
        .limit(1)
    )
    found = session.exec(query).first()
    if found is None:
        return True
    sanction_id, kind, uri = found
    key = lookup_key(keys.derived("lookup"), SubjectKind(kind), uri)
    return session.get(SubjectKey, (key, sanction_id)) is not None
