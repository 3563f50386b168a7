"""How codes and figures are told to people."""

import pytest

from api.explorer.names import COUNTRIES, country, language
from api.explorer.telling import (
    DEEDS,
    answered,
    deed,
    label,
    meaning,
    percent,
    sentence,
    span,
    state,
)
from governance.vocabulary import (
    CONTENT_TYPE_LABELS,
    KEYWORD_LABELS,
    TERRITORIES,
    ContentType,
    Keyword,
)
from governance.words import EndReason, Measure, Validity


@pytest.mark.parametrize(
    ("tag", "told"),
    [("de", "German"), ("pt-BR", "Portuguese (BR)"), ("EN", "English"), ("tlh", "tlh")],
)
def test_a_language_is_told_by_its_name(tag: str, told: str) -> None:
    assert language(tag) == told


def test_a_country_is_told_by_its_name() -> None:
    assert set(COUNTRIES) == TERRITORIES
    assert [country(code) for code in ("DE", "XX")] == ["Germany", "XX"]


def test_every_measure_is_told_as_a_deed() -> None:
    assert set(DEEDS) == set(Measure)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "–"),
        (0, "0 s"),
        (59.6, "1 min"),
        (5_400, "1 h 30 min"),
        (7_200, "2 hours"),
        (86_400, "1 day"),
        (90_000, "25 hours"),
        (604_800, "7 days"),
        (15_552_000, "180 days"),
    ],
)
def test_a_length_of_time_is_told_in_its_largest_units(seconds: float | None, told: str) -> None:
    assert span(seconds) == told


@pytest.mark.parametrize(
    ("measure", "basis", "told"),
    [
        ("ACCOUNT_TERMINATED", "SPAM", "terminated an account for good: spam"),
        ("ACCOUNT_TERMINATED", None, "terminated an account for good"),
        ("SERVICE_TERMINATED", None, "closed all features to an account for good"),
        ("ACCOUNT_SUSPENDED", None, "suspended an account, without an end"),
    ],
)
def test_what_has_no_end_is_told_as_such(measure: str, basis: str | None, told: str) -> None:
    sanction = {
        "measure": measure,
        "permanentBasis": basis,
        "subjectKind": "ACCOUNT",
        "server": None,
        "expiresAt": None,
    }
    assert deed(sanction) == told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"effect": "PENDING"}, "waits for a second moderator’s approval"),
        ({"effect": "PENDING", "effectiveAt": "2026-03-04T00:00:00Z"}, "begins 4 March 2026"),
        ({"effect": "IN_FORCE"}, "in force until 8 March 2026"),
        ({"effect": "IN_FORCE", "expiresAt": None}, "in force"),
        ({"endReason": "EXPIRED"}, "ended 8 March 2026"),
        ({"endReason": "LIFTED"}, "lifted early 8 March 2026"),
        ({"endReason": "VOIDED", "validity": "VOIDED"}, "voided 8 March 2026"),
        (
            {"endReason": "EXPIRED", "validity": "OVERTURNED"},
            "ended 8 March 2026, later overturned",
        ),
    ],
)
def test_how_a_sanction_stands_is_told_in_plain_words(given: dict[str, str], told: str) -> None:
    first, last = "2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z"
    sanction = {"effect": "ENDED", "validity": "STANDING", "issuedAt": first, "effectiveAt": first}
    assert state({**sanction, "expiresAt": last, "endedAt": last, **given}) == told


@pytest.mark.parametrize(
    ("share", "told"),
    [(None, "–"), (0, "0%"), (0.0004, "under 0.1%"), (0.0312, "3.1%"), (0.257, "26%")],
)
def test_a_share_that_is_small_isnt_none(share: float | None, told: str) -> None:
    assert percent(share) == told


def test_quotation_marks_are_those_of_print() -> None:
    told = "got 'a' ('b'); the platforms' isn't"
    assert sentence(told) == "Got ‘a’ (‘b’); the platforms’ isn’t."


def test_codes_are_told_as_words() -> None:
    assert label("ACCOUNT_SUSPENDED") == "Account suspended"
    assert label("OTHER_VIOLATION_TC") == "Other breach of terms"
    assert label(None) == "–"


def test_a_word_means_what_its_kind_says() -> None:
    assert meaning(Keyword.OTHER) == KEYWORD_LABELS[Keyword.OTHER]
    assert meaning(ContentType.OTHER) == CONTENT_TYPE_LABELS[ContentType.OTHER]
    assert meaning(EndReason.OVERTURNED) == EndReason.OVERTURNED.description
    assert meaning(Validity.OVERTURNED) == Validity.OVERTURNED.description


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"isOverdue": True}, "an answer is overdue since 8 March 2026"),
        ({"state": "FILED"}, "filed, an answer is due 8 March 2026"),
        ({"state": "AWAITING_APPELLANT"}, "the appellant was asked; the clock is paused"),
        ({"state": "WITHDRAWN"}, "taken back by the appellant"),
        (
            {"state": "INADMISSIBLE", "inadmissibleCode": "UNFOUNDED"},
            "refused without a review 4 March 2026: it gives no grounds that could be reviewed",
        ),
    ],
)
def test_an_appeal_tells_what_is_due(given: dict[str, object], told: str) -> None:
    appeal = {
        "state": "IN_REVIEW",
        "isOverdue": False,
        "dueAt": "2026-03-08T00:00:00Z",
        "decidedAt": "2026-03-04T00:00:00Z",
    }
    assert answered({**appeal, **given}) == told
