"""A platform's server blocks as Mastodon imports them: those in force now, and no others. Such a
list shrinks by itself as terms end, since Mastodon's own has no ends."""

import csv
from collections.abc import Iterator
from datetime import datetime
from io import StringIO

from sqlmodel import Session

from governance.exporting.own import own
from governance.identifiers import SubjectKind
from governance.words import Measure

HEADER = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate"
SEVERITIES = {Measure.SERVER_LIMITED: "silence", Measure.SERVER_SUSPENDED: "suspend"}
_RANK = list(SEVERITIES)  # the stricter later


def mastodon_blocks(session: Session, domain: str, *, now: datetime) -> Iterator[str]:
    """The lines of the list, by domain; of several decisions about a server the strictest."""
    strictest: dict[str, Measure] = {}
    measures = frozenset(SEVERITIES)
    for one in own(session, domain, SubjectKind.SERVER, measures, now):
        if one.is_in_force(now):
            known = strictest.get(one.uri, _RANK[0])
            strictest[one.uri] = max(known, one.sanction.measure, key=_RANK.index)
    yield HEADER
    for uri, measure in sorted(strictest.items()):
        # Nothing of the reason: Mastodon may publish what it imports.
        yield _row(uri.removeprefix("https://").strip("[]"), SEVERITIES[measure])


def _row(domain: str, severity: str) -> str:
    line = StringIO()
    is_cut_off = str(severity == "suspend").lower()
    csv.writer(line, lineterminator="").writerow(
        [domain, severity, is_cut_off, is_cut_off, "", "false"]
    )
    return line.getvalue()
