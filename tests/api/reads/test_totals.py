"""Counts of connections: exact to a number, beyond it estimated, and said so."""

from random import Random

import pytest
import sqlalchemy as sa

from api.reads import totals
from governance.platforms import Platform
from tests.api.worlds import Asking, Cast
from tests.builders import NOW, World

COUNTED = "{ totalCount isTotalCountEstimated }"
OF_SUBJECT = f"query($s: URI!) {{ sanctions(filter: {{ subject: $s }}) {COUNTED} }}"
MORE = 30_000
SEED, SPREAD = 2, 0.05  # of an estimate from 400 rows of these ids; other seeds are 10 percent off


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count to 4, and look at 400 rows beyond."""
    monkeypatch.setattr(totals, "EXACT", 4)
    monkeypatch.setattr(totals, "SAMPLE", 400)


async def test_few_are_counted(ask: Asking) -> None:
    [found] = (await ask.data(f"{{ sanctions {COUNTED} }}")).values()
    every = await ask.data("{ sanctions(first: 1000) { nodes { id } } }")
    listed = len(every["sanctions"]["nodes"])
    assert found == {"totalCount": listed, "isTotalCountEstimated": False}


def _digits(rng: Random) -> str:
    return "".join(rng.choices(totals.DIGITS, k=26))


@pytest.mark.usefixtures("few")
async def test_many_are_estimated(change: Asking, rich_url: str) -> None:
    rng = Random(SEED)
    rows = [
        {"id": f"plt_{_digits(rng)}", "domain": f"p{n}.example", "name": f"{n}", "added_at": NOW}
        for n in range(MORE)
    ]
    with World(rich_url) as world, world.database.engine.begin() as session:
        session.execute(sa.insert(Platform), rows)
    [found] = (await change.data(f"{{ platforms {COUNTED} }}")).values()
    assert found["isTotalCountEstimated"]
    assert found["totalCount"] == pytest.approx(MORE, rel=SPREAD)
    [again] = (await change.data(f"{{ platforms(last: 1) {COUNTED} }}")).values()
    assert again == found


@pytest.mark.usefixtures("few")
async def test_an_estimate_is_of_what_fits_and_may_be_seen(ask: Asking, cast: Cast) -> None:
    """No row but those that a caller could list is in its estimate."""
    own = f'{{ sanctions(filter: {{ platform: "a.example" }}) {COUNTED} }}'
    [found] = (await ask.data(own)).values()
    assert found["isTotalCountEstimated"]
    [all_of_them] = (await ask.data(f"{{ sanctions {COUNTED} }}")).values()
    assert 4 < found["totalCount"] < all_of_them["totalCount"]
    [hidden] = (await ask.data(OF_SUBJECT, {"s": "acct:alice@a.example"})).values()
    assert hidden == {"totalCount": 0, "isTotalCountEstimated": False}


@pytest.mark.usefixtures("few")
async def test_an_estimate_is_more_than_what_was_counted(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "SAMPLE", 1)
    ended = f"{{ sanctions(filter: {{ effects: [ENDED] }}) {COUNTED} }}"
    for query in (ended, f"{{ sanctions {COUNTED} }}"):
        [found] = (await ask.data(query)).values()
        assert found["totalCount"] > 4
        assert found["isTotalCountEstimated"]
