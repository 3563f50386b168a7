"""Whether an appeal may be filed: until when, and what bars it first."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

import pytest

from governance.errors import RefusalCode, Refused
from governance.rules.filing import Case, closes_at, may_file
from governance.words import Author, Validity
from tests.builders import DAY, MICRO, NOW

FINE = Case(Validity.STANDING, is_erased=False, is_open=False, answered=(), closes_at=None)


def barred(case: Case, author: Author = Author.APPELLANT, at: datetime = NOW) -> RefusalCode | None:
    try:
        may_file(case, author, at)
    except Refused as refused:
        return refused.code
    return None


@pytest.mark.parametrize("notified_at", [None, NOW + 30 * DAY])
def test_the_window_is_183_days_from_the_notice_or_else_from_the_issue(
    notified_at: datetime | None,
) -> None:
    closes = closes_at(NOW + DAY, NOW, notified_at)
    assert closes == (notified_at or NOW) + 183 * DAY
    case = replace(FINE, closes_at=closes)
    assert barred(case, at=closes - MICRO) is None
    assert barred(case, at=closes) is RefusalCode.APPEAL_WINDOW_CLOSED


def test_the_window_never_closes_before_the_end() -> None:
    assert closes_at(NOW + 500 * DAY, NOW, NOW) == NOW + 500 * DAY
    assert closes_at(None, NOW, NOW) is None
    assert barred(FINE, at=NOW + 5000 * DAY) is None


@pytest.mark.parametrize(
    ("answered", "author", "is_barred"),
    [
        ((), Author.PLATFORM, False),
        ((Author.PLATFORM,), Author.PLATFORM, True),
        ((Author.PLATFORM,), Author.APPELLANT, False),
        ((Author.APPELLANT,), Author.APPELLANT, True),
        ((Author.APPELLANT,), Author.PLATFORM, True),
    ],
)
def test_the_person_may_still_file_after_the_platform_did(
    answered: Collection[Author], author: Author, *, is_barred: bool
) -> None:
    told = RefusalCode.ESCALATE_INSTEAD if is_barred else None
    assert barred(replace(FINE, answered=answered), author) is told


def test_of_several_reasons_the_first_is_told() -> None:
    case = replace(FINE, closes_at=NOW, answered=(Author.APPELLANT,))
    assert barred(case) is RefusalCode.ESCALATE_INSTEAD
    case = replace(case, is_open=True)
    assert barred(case) is RefusalCode.APPEAL_OPEN
    case = replace(case, validity=Validity.OVERTURNED)
    assert barred(case) is RefusalCode.CONFLICT
    assert barred(replace(case, is_erased=True)) is RefusalCode.ERASED
