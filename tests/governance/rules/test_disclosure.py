"""Who is told what, where the rule needs no record."""

import pytest

from governance.rules.disclosure import Viewer, ViewerKind, is_told
from tests.builders import HOUR, NOW

FIRST, SECOND = NOW, NOW + HOUR  # of two reviewers, each with the statement of their vote


@pytest.mark.parametrize("kind", ViewerKind)
def test_half_of_a_decision_is_kept_from_the_person_alone(kind: ViewerKind) -> None:
    viewer, is_person = Viewer(kind), kind is ViewerKind.APPELLANT
    assert is_told(viewer, FIRST, [FIRST], None) is not is_person
    assert is_told(viewer, SECOND, [FIRST], None)  # said without a vote
    for said_at in (FIRST, SECOND):
        assert is_told(viewer, said_at, [FIRST, SECOND], SECOND)
