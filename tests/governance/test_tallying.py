"""Days that are over are counted, and counted anew when there is news of them."""

from collections import Counter

import pytest
from sqlmodel import select

from governance import tallying
from governance.tallies import BY, AppealTally, Tallied, Tally, weeks_by
from governance.tallying import tally
from governance.words import Outcome
from tests.builders import DAY, MICRO, NOW, Team, World

SOON = NOW + DAY


@pytest.fixture
def team(world: World) -> Team:
    """Return a platform with its members."""
    return world.team()


def counts(world: World) -> Counter[str]:
    with world.database.reading() as session:
        found: Counter[str] = Counter()
        for row in session.exec(select(Tally)):
            found[f"{row.by} {row.issued_at:%m-%d}"] += row.number
        return found


def test_each_day_that_is_over_is_counted_once_by_everything(world: World, team: Team) -> None:
    for now in (NOW - 2 * DAY, NOW, NOW, SOON):
        world.issue(team.issuer, now)
    assert tally(world.database, now=SOON) == 2
    days = {f"{by} {day}": n for by in BY for day, n in (("02-27", 1), ("03-01", 2))}
    assert counts(world) == days | {f"{weeks_by(by)} 02-23": 3 for by in BY}
    assert tally(world.database, now=SOON) == 0


def test_days_of_which_there_is_news_are_counted_anew(world: World, team: Team) -> None:
    changed, appealed, _ = (world.issue(team.issuer, NOW - n * DAY) for n in (3, 2, 1))
    assert tally(world.database, now=NOW) == 3
    world.lift(team.issuer, changed)
    world.in_review(team, appealed)
    world.issue(team.issuer, NOW - 4 * DAY)
    assert tally(world.database, now=NOW) == 3
    with world.database.reading() as session:
        day = (NOW - 2 * DAY).replace(hour=0)
        assert set(session.exec(select(AppealTally.issued_at))) == {day}
        lengths = select(Tally.lasts).where(Tally.by == "CATEGORY", Tally.issued_at < NOW - 3 * DAY)
        assert len({*session.exec(lengths)}) == 2


def test_a_week_is_summed_up_once_it_is_over_and_when_there_is_news(
    world: World, team: Team
) -> None:
    def weeks() -> list[tuple[int | None, int]]:
        by = Tally.by == weeks_by("CATEGORY")
        with world.database.reading() as session:
            return sorted((one.lasts, one.number) for one in session.exec(select(Tally).where(by)))

    first, _ = (world.issue(team.issuer, NOW - n * DAY) for n in (3, 2))
    tally(world.database, now=NOW)
    assert not weeks()  # it is Sunday
    tally(world.database, now=SOON)
    [(lasts, number)] = weeks()
    assert number == 2
    world.lift(team.issuer, first, SOON)
    tally(world.database, now=SOON)
    assert weeks() == [(4 * DAY // MICRO, 1), (lasts, 1)]


def ended(world: World) -> list[tuple[str, str, int]]:
    with world.database.reading() as session:
        found = session.exec(select(Tally).where(Tally.by == "ENDED", Tally.number > 0))
        return sorted((f"{one.issued_at:%m-%d}", str(one.validity), one.number) for one in found)


def test_what_ended_is_counted_on_the_day_that_it_did(world: World, team: Team) -> None:
    *_, overturned = (
        world.issue(team.issuer, NOW - 3 * DAY, expires_at=NOW - DAY) for _ in range(3)
    )
    assert tally(world.database, now=NOW) == 2
    assert ended(world) == [("02-28", "STANDING", 3)]
    appeal = world.in_review(team, overturned)
    world.decide(team.reviewer, appeal, Outcome.OVERTURNED, NOW)
    tally(world.database, now=NOW)
    assert ended(world) == [("02-28", "OVERTURNED", 1), ("02-28", "STANDING", 2)]
    later = world.issue(team.issuer, NOW, expires_at=NOW + 3 * DAY)
    world.lift(team.issuer, later, NOW + DAY)
    tally(world.database, now=NOW + 5 * DAY)
    assert ended(world)[2:] == [("03-02", "STANDING", 1)]


def test_what_changes_no_figure_is_no_news(world: World, team: Team) -> None:
    world.issue(team.issuer, NOW - DAY, subject="acct:gone@b.example")
    tally(world.database, now=NOW)
    world.erase(team.admin, "acct:gone@b.example")
    assert tally(world.database, now=NOW) == 0


def test_a_run_that_was_stopped_is_made_up_for(
    world: World, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallying, "DAYS", 1)
    for n in (3, 2, 1):
        world.issue(team.issuer, NOW - n * DAY)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tally(world.database, now=NOW, between=stop)
    with world.database.reading() as session:
        assert session.get(Tallied, 1) is None  # nobody relies on what was counted
    assert tally(world.database, now=NOW) == 3
    assert sum(counts(world).values()) == 3 * len(BY)
