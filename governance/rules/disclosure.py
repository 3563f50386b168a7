"""Who sees what. Statements are public; disclosures have readers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from governance.identifiers import SubjectKind
from governance.rules.policy import PARTNER_RETENTION
from governance.words import Audience, EventType, Role


class ViewerKind(StrEnum):
    """Who asks, as far as visibility depends on it."""

    PUBLIC = "PUBLIC"  # nobody known, and researchers
    PARTNER = "PARTNER"  # a member of a platform who may read
    APPELLANT = "APPELLANT"  # the holder of one sanction's appeal secret


READERS = frozenset({Role.READER, Role.ISSUER, Role.REVIEWER, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks; `platform_id` is set for a PARTNER alone, `project_id` for a RESEARCHER."""

    kind: ViewerKind = ViewerKind.PUBLIC
    platform_id: str | None = None
    is_member: bool = False  # whether a credential was shown, whatever it lets see
    project_id: str | None = None  # whose selections are read


PUBLIC = Viewer()


def viewer(platform_id: str, roles: frozenset[Role]) -> Viewer:
    """How a member's platform and roles let it see; RESEARCHER alone sees what is public."""
    if roles & READERS:
        return Viewer(ViewerKind.PARTNER, platform_id, is_member=True)
    return Viewer(is_member=True)


# What concerns the issuing platform and the account's host alone.
NOTICES = frozenset({EventType.NOTICE_DUE, EventType.NOTICE_RECORDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What decides who may see a sanction's private disclosures."""

    platform_id: str
    host_id: str | None  # the platform on this node where the account lives
    kind: SubjectKind
    audience: Audience
    is_binding: bool
    recorded_at: datetime
    ends_at: datetime | None
    guest_ids: frozenset[str] = frozenset()  # platforms whose reviewers were invited


def is_entitled(viewer: Viewer, case: Case, now: datetime) -> bool:
    """Whether the viewer may see private disclosures: its own for good, and cases it was invited
    to review; with the audience PARTNERS, an account it hosts for good too, others until some time
    after the end."""
    if viewer.kind is not ViewerKind.PARTNER:
        return False
    if viewer.platform_id in {case.platform_id, *case.guest_ids}:
        return True
    end = retained_from(case)
    is_retained = end is None or now - PARTNER_RETENTION < end
    return is_host(viewer, case) or (case.audience is Audience.PARTNERS and is_retained)


def is_host(viewer: Viewer, case: Case) -> bool:
    """Whether the account lives with the viewer, who may know of the case."""
    is_shared = case.audience is Audience.PARTNERS
    return is_shared and case.host_id is not None and viewer.platform_id == case.host_id


def retained_from(case: Case) -> datetime | None:
    """The end that retention counts from; an outside decision without one ended as recorded."""
    return case.recorded_at if case.ends_at is None and not case.is_binding else case.ends_at


def knows_of(viewer: Viewer, event: EventType, case: Case) -> bool:
    """Whether the viewer may know that an event happened."""
    if event not in NOTICES:
        return True
    if viewer.kind is not ViewerKind.PARTNER:
        return False
    return viewer.platform_id == case.platform_id or is_host(viewer, case)


def sees_subject(viewer: Viewer, case: Case, now: datetime) -> bool:
    """Whether the viewer may know whom the sanction is about; servers are public."""
    return case.kind is SubjectKind.SERVER or is_entitled(viewer, case, now)


def is_told(
    viewer: Viewer, said_at: datetime, votes: Collection[datetime], decided_at: datetime | None
) -> bool:
    """Whether a viewer who may read an appeal's messages is told this one by now. Half of a
    decision is none: what one of two reviewers said with the vote is told to the person with the
    other's."""
    is_half = said_at in votes and decided_at is None
    return viewer.kind is not ViewerKind.APPELLANT or not is_half
