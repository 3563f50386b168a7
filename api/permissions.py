"""The permission matrix as Markdown, for operators and auditors."""

from collections.abc import Iterable

from governance.rules.permissions import OPERATIONS, READS, Circle
from governance.rules.policy import PARTNER_RETENTION
from governance.words import Role

_ROLES = (Role.ISSUER, Role.REVIEWER, Role.ADMIN, Role.RESEARCHER)  # READER changes nothing

_HEAD = """# Permissions

Printed by `comity permissions` from `governance/rules/permissions.py`, which the code obeys; a test
asks every cell over HTTP.

## Who changes what

One of the roles is needed, and a member of a platform that stands so to the record. Without the
role the answer is `FORBIDDEN`; a record that is absent or not yours is `NOT_FOUND`, in the same
words; without a credential or appeal secret it is `UNAUTHENTICATED`. `READER` changes nothing,
`RESEARCHER` nothing but its own selections, which no other member sees. Whoever issued or approved
a decision, or reviewed it before, never reviews it. Another platform's sanction is adopted and
answered by whoever may read its subject, else it is `NOT_FOUND`; `recordRemedy` is of the own copy.
"""
_READS = f"""
## Who reads what

A platform reads by its members who are `READER`, `ISSUER`, `REVIEWER` or `ADMIN`. A `RESEARCHER`,
of whatever platform, is everyone else; so is a caller without a credential.

*If entitled*: to its own records, for good; to others' with the audience `PARTNERS`, until
{PARTNER_RETENTION.days} days after the end, or for good where the account lives with it; to the
cases it was invited to review, whatever their audience. After erasure nobody reads more than the
statement; a year after the end nobody reads what is private. What a caller may not read is null,
found by no filter and counted by none.
"""


def markdown() -> str:
    """Both tables with what they mean: the text of `docs/permissions.md`."""
    changes = _table(
        ["operation", *_ROLES, "of", "persons only"],
        (
            [
                f"`{operation}`".replace(", ", "`, `"),
                *(_tick(role in permission.roles) for role in _ROLES),
                " or ".join(circle for circle in Circle if circle in permission.circles),
                _tick(permission.persons_only),
            ]
            for operation, permission in OPERATIONS.items()
        ),
    )
    reads = _table(
        ["what", *Circle],
        (
            [reading, *(reach.get(circle, "–") for circle in Circle)]
            for reading, reach in READS.items()
        ),
    )
    return f"{_HEAD}\n{changes}{_READS}\n{reads}"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _tick(is_so: bool) -> str:
    return "yes" if is_so else "–"
