"""What a receiver's answer means, and how long to wait after a bad one."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.rules.delivery import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    MOST_ATTEMPTS,
    Verdict,
    is_given_up,
    of_token,
    of_webhook,
    pause_after,
)

WEBHOOKS = {
    **dict.fromkeys((200, 201, 202, 204, 299), Verdict.TAKEN),
    **dict.fromkeys((301, 302, 307, 400, 404, 422, 500, 502), Verdict.AGAIN),
    **dict.fromkeys((401, 403, 408, 429, 503), Verdict.LATER),
    410: Verdict.GONE,
}
ERRORS = {
    "invalid_request": Verdict.REFUSED,
    **dict.fromkeys(
        (
            *("invalid_key", "invalid_issuer", "invalid_audience"),
            *("authentication_failed", "access_denied", "", "unheard_of"),
        ),
        Verdict.LATER,
    ),
}


@pytest.mark.parametrize("status", WEBHOOKS)
def test_what_the_status_of_a_webhook_means(status: int) -> None:
    assert of_webhook(status) is WEBHOOKS[status]


@pytest.mark.parametrize("error", ERRORS)
def test_what_a_refused_token_means(error: str) -> None:
    assert of_token(400, error) is ERRORS[error]


def test_a_token_is_taken_with_any_success_and_never_ends_its_stream() -> None:
    assert of_token(202, "") is Verdict.TAKEN
    assert of_token(410, "") is Verdict.AGAIN


@given(st.sampled_from(Verdict), st.integers(1, 100))
def test_only_what_would_fail_again_is_given_up(verdict: Verdict, attempts: int) -> None:
    expected = verdict is Verdict.REFUSED or (
        verdict is Verdict.AGAIN and attempts >= MOST_ATTEMPTS
    )
    assert is_given_up(verdict, attempts) is expected


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_to_an_hour_and_are_spread(attempts: int, jitter: float) -> None:
    pause = pause_after(attempts, jitter)
    whole = pause_after(attempts, 1)
    assert timedelta() < whole / 2 <= pause <= whole <= LONGEST_PAUSE
    assert pause_after(1, 1) == FIRST_PAUSE
    assert whole <= pause_after(attempts + 1, 1) <= 2 * whole
