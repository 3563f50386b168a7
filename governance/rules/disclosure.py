"""Who sees what. Statements are public; disclosures have readers."""

from dataclasses import dataclass
from enum import StrEnum

from governance.words import Role


class ViewerKind(StrEnum):
    """Who asks, as far as visibility depends on it."""

    PUBLIC = "PUBLIC"  # nobody known, and researchers
    PARTNER = "PARTNER"  # a member of a platform who may read
    APPELLANT = "APPELLANT"  # the holder of one sanction's appeal secret


READERS = frozenset({Role.READER, Role.ISSUER, Role.REVIEWER, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks; `platform_id` is set for a PARTNER alone."""

    kind: ViewerKind = ViewerKind.PUBLIC
    platform_id: str | None = None


PUBLIC = Viewer()


def viewer(platform_id: str, roles: frozenset[Role]) -> Viewer:
    """How a member's platform and roles let it see; RESEARCHER alone sees what is public."""
    if roles & READERS:
        return Viewer(ViewerKind.PARTNER, platform_id)
    return PUBLIC
