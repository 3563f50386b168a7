"""The policy as data, from the constants that the rules use."""

from datetime import timedelta
from typing import Any

import orjson
import sqlalchemy as sa
import strawberry.pydantic
from pydantic import Field

import api.schema.enums  # noqa: F401  registers the enums
from api.reads.nodes import One
from governance.fields import Long, Shape
from governance.rules import policy
from governance.words import Measure, PermanentBasis


@strawberry.pydantic.type(description="What the networks agreed, as data; spans in seconds")
class Policy(Shape):
    version: int = Field(description="Number of this agreement")
    permanent_bases: list[PermanentBasis] = Field(description="The only reasons for permanence")
    suspensions: list[Measure] = Field(description="Measures that suspension status is about")
    longest_suspension_seconds: Long = Field(description="Longest that one suspension may be")
    longest_total_seconds: Long = Field(description="Longest that suspensions together may be")
    total_window_seconds: Long = Field(description="Window in which the total is counted")
    ladder_seconds: list[Long] = Field(description="Advised lengths of successive time-outs")
    ladder_window_seconds: Long = Field(description="How long a time-out counts for the ladder")
    appeal_window_seconds: Long = Field(description="How long an appeal may be filed")
    appeal_due_seconds: Long = Field(description="When an appeal has to be answered")
    longest_pause_seconds: Long = Field(description="How long an appeal's clock may pause")
    remedy_due_seconds: Long = Field(description="When a copy of an overturned sanction is due")
    approval_lapse_seconds: Long = Field(description="When an unapproved termination lapses")
    partner_retention_seconds: Long = Field(description="How long partners see an ended sanction")


def _seconds(delta: timedelta) -> int:
    return int(delta.total_seconds())


VALUES: dict[str, Any] = {
    "version": policy.POLICY_VERSION,
    "permanent_bases": [str(basis) for basis in policy.PERMANENT_BASES],
    "suspensions": sorted(str(measure) for measure in policy.SUSPENSIONS),
    "longest_suspension_seconds": _seconds(policy.LONGEST_SUSPENSION),
    "longest_total_seconds": _seconds(policy.LONGEST_TOTAL),
    "total_window_seconds": _seconds(policy.TOTAL_WINDOW),
    "ladder_seconds": [_seconds(step) for step in policy.LADDER],
    "ladder_window_seconds": _seconds(policy.LADDER_WINDOW),
    "appeal_window_seconds": _seconds(policy.APPEAL_WINDOW),
    "appeal_due_seconds": _seconds(policy.APPEAL_DUE),
    "longest_pause_seconds": _seconds(policy.LONGEST_PAUSE),
    "remedy_due_seconds": _seconds(policy.REMEDY_DUE),
    "approval_lapse_seconds": _seconds(policy.APPROVAL_LAPSE),
    "partner_retention_seconds": _seconds(policy.PARTNER_RETENTION),
}


def current() -> One:
    """The policy in force, as a row of constants."""
    row = sa.select(
        *(
            sa.literal_column(
                str(value) if isinstance(value, int) else f"'{orjson.dumps(value).decode()}'"
            ).label(name)
            for name, value in VALUES.items()
        )
    ).subquery()
    return One(Policy, row)
