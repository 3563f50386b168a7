"""Subjects as callers name them: canonical, of one kind, and theirs to ask about; and platforms."""

from functools import partial

import sqlalchemy as sa

from api.reads.fields import Condition, Read, Row, getter, rows_of
from api.reads.values import Argument, Env, Getter
from governance.errors import Forbidden, InvalidInput, Refused, Unauthenticated
from governance.hosts import BadUri, canonical_domain
from governance.identifiers import Subject, SubjectKind, lookup_key, parse_subject
from governance.platforms import Platform
from governance.rules.disclosure import ViewerKind

# As members of their enums they are looked for at each use, which adds up over a thousand subjects.
PARTNER, SERVER = ViewerKind.PARTNER, SubjectKind.SERVER


def parsed(text: object, name: str) -> Subject:
    try:
        return parse_subject(str(text))
    except BadUri as error:
        raise InvalidInput(f"{name}: {error}", path=[name]) from None


def asked(env: Env, text: object, kind: object) -> tuple[str, str]:
    """The canonical URI and lookup key of a subject somebody asks about.

    A URI that names no one kind is taken as an account's, unless `kind` says otherwise; the
    public may ask about servers alone.
    """
    subject = parsed(text, "subject")
    if kind is not None and SubjectKind(str(kind)) not in subject.kinds:
        raise InvalidInput(
            f"subjectKind: expected {' or '.join(sorted(subject.kinds))} with this URI",
            path=["subjectKind"],
        )
    # ACCOUNT before CONTENT.
    found = SubjectKind(str(kind)) if kind is not None else min(subject.kinds)
    if found is not SERVER:
        if env.viewer.kind is not PARTNER:
            if env.viewer.is_member:
                raise Forbidden("expected the role READER, or one that includes it")
            raise Unauthenticated("asking about accounts takes a platform's credential")
        env.lookups += 1
    return subject.uri, lookup_key(env.lookup, found, subject.uri)


def lookup_keys(value: Argument, name: str) -> Getter:
    """Lookup keys of a URI under every kind it may name. To who sees no accounts nothing is found
    under an account's, and that takes as long whether there is something or not."""
    get = getter(value)

    def read(env: Env) -> list[str]:
        subject = parsed(get(env), name)
        if subject not in env.found:  # several parts of a statement may ask for the same
            env.lookups += subject.kinds != {SERVER}
            seen = subject.kinds if env.viewer.kind is PARTNER else subject.kinds & {SERVER}
            found = [lookup_key(env.lookup, kind, subject.uri) for kind in sorted(seen)]
            env.found[subject] = found
        keys: list[str] = env.found[subject]
        return keys

    return read


def batch(value: Argument, most: int) -> Getter:
    """Rows of (subject, key); what is malformed or forbidden is a problem in its place."""
    get = getter(value)

    def read(env: Env) -> list[tuple[str | None, str | None]]:
        texts = get(env)
        if len(texts) > most:
            raise InvalidInput(f"subjects: expected at most {most:,}", path=["subjects"])
        rows: list[tuple[str | None, str | None]] = []
        for place, text in enumerate(texts):
            try:
                rows.append(asked(env, text, None))
            except Refused as refused:
                env.problems.append((place, refused))
                rows.append((None, None))
        return rows

    return read


def is_of_platform(row: Row, read: Read, domain: Argument) -> Condition:
    """Whether the row is of the platform with a domain, as filters' `platform` says."""
    given = read.text(domain, partial(domain_of, name="platform"))
    found = rows_of(Platform)
    platform = sa.select(found.c.id).where(found.c.domain == given)
    return row.platform_id == platform.scalar_subquery()  # type: ignore[no-any-return]


def domain_of(text: str, name: str = "domain") -> str:
    """A platform's domain as platforms are stored; what is no domain is refused."""
    try:
        return canonical_domain(text)
    except BadUri as error:
        raise InvalidInput(f"{name}: {error}", path=[name]) from None
