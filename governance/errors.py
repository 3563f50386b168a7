"""Why something was refused.

Refused                 everything a caller can put right; has a stable `code`
├── InvalidInput        the shape is wrong: names the field and what was expected
├── PolicyRefused       the networks agreed not to do this
├── NotFound            absent, or not yours: the same words for both
├── Forbidden           your roles don't reach this
├── Unauthenticated     a credential is missing, unknown, expired or revoked
└── Conflict            the state of things doesn't allow it (any more)

Busy                    other writers kept their turn too long; nothing was changed
BadSetting              a setting that the node can't start with
RolledBack              the log is older than what this node signed; nothing is written
"""

from collections.abc import Sequence
from enum import StrEnum


class RefusalCode(StrEnum):
    """The one set of codes; `docs/errors.md` says what to do about each."""

    INVALID_INPUT = "INVALID_INPUT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    REFERENCE_REUSED = "REFERENCE_REUSED"
    ERASED = "ERASED"
    MEASURE_NOT_OFFERED = "MEASURE_NOT_OFFERED"
    END_REQUIRED = "END_REQUIRED"
    END_BEFORE_START = "END_BEFORE_START"
    TOO_LONG = "TOO_LONG"
    TOTAL_TOO_LONG = "TOTAL_TOO_LONG"
    PERMANENCE_NOT_ALLOWED = "PERMANENCE_NOT_ALLOWED"
    BASIS_NOT_ALLOWED = "BASIS_NOT_ALLOWED"
    BACKDATED = "BACKDATED"
    CONDUCT_REQUIRED = "CONDUCT_REQUIRED"
    DOUBLE_JEOPARDY = "DOUBLE_JEOPARDY"
    AUTOMATION_NOT_MARKED = "AUTOMATION_NOT_MARKED"
    DUTIES_NOT_SEPARATE = "DUTIES_NOT_SEPARATE"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    APPEAL_OPEN = "APPEAL_OPEN"
    APPEAL_WINDOW_CLOSED = "APPEAL_WINDOW_CLOSED"
    ESCALATE_INSTEAD = "ESCALATE_INSTEAD"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"


Path = Sequence[str | int]


class Refused(Exception):
    """Something a caller can put right. The message is safe to show."""

    code = RefusalCode.CONFLICT

    def __init__(self, message: str, *, path: Path = (), code: RefusalCode | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = tuple(path)
        if code is not None:
            self.code = code


class InvalidInput(Refused):
    code = RefusalCode.INVALID_INPUT


class PolicyRefused(Refused):
    """`code` is the rule's own; see `governance.rules.policy`."""


class NotFound(Refused):
    code = RefusalCode.NOT_FOUND


class Forbidden(Refused):
    code = RefusalCode.FORBIDDEN


class Unauthenticated(Refused):
    code = RefusalCode.UNAUTHENTICATED


class Conflict(Refused):
    code = RefusalCode.CONFLICT


class Busy(Exception):
    """Other writers kept their turn too long. Nothing was changed; the same again may work."""


class BadSetting(Exception):
    """A setting that the node can't start with; the message names it."""


class RolledBack(Exception):
    """The log isn't a continuation of what this node signed, so it must not sign more."""
