"""A platform's list, imported again and again."""

from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from governance.errors import InvalidInput
from governance.importing import runs
from governance.importing.mastodon_blocks import import_mastodon_blocks
from governance.importing.runs import Summary
from governance.rules.policy import LONGEST_SUSPENSION
from governance.sanctions import Sanction
from governance.words import EndReason, Measure, MemberKind, PolicyConflict, Role, Validity
from tests.builders import DAY, HOUR, KEYS, NOW, World, refused
from tests.governance.importing.real import LISTS, block_list, disclosures, sanctions

PLATFORM = "home.example"


class Lists:
    """A platform's list over time."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self._file = world, folder / "blocks.csv"

    def imports(self, *rows: str, at: datetime = NOW, **options: Any) -> Summary:
        return import_mastodon_blocks(
            self.world.database,
            KEYS,
            block_list(self._file, *(f"{row},,,," for row in rows)),
            platform=PLATFORM,
            now=at,
            **options,
        )

    def made(self, reference: str) -> Sanction:
        return sanctions(self.world)[f"mastodon-blocks/{reference}"]


@pytest.fixture
def lists(world: World, tmp_path: Path) -> Lists:
    """Return a platform's list, with nothing imported yet."""
    return Lists(world, tmp_path)


def counted(summary: Summary) -> dict[str, int]:
    names = ("issued", "recorded", "unchanged", "lifted", "superseded")
    return {name: getattr(summary, name) for name in names if getattr(summary, name)}


@pytest.mark.parametrize("term", [timedelta(), -DAY, LONGEST_SUSPENSION + timedelta(seconds=1)])
def test_a_term_beyond_the_policy_is_refused(lists: Lists, term: timedelta) -> None:
    with pytest.raises(InvalidInput) as caught:
        lists.imports("bad.example,suspend", term=term)
    assert caught.value.path == ("term",)
    assert not sanctions(lists.world)


def test_blocks_get_a_term_from_the_import_and_the_summary_says_so(lists: Lists) -> None:
    summary = lists.imports("a.example,suspend", "b.example,silence", term=30 * DAY)
    assert counted(summary) == {"issued": 2}
    assert summary.read == 2
    assert "30 days from now" in summary.notes[1]
    made = lists.made("a.example/1")
    assert made.measure is Measure.SERVER_SUSPENDED
    assert (made.issued_at, made.effective_at, made.expires_at) == (NOW, NOW, NOW + 30 * DAY)
    assert made.is_binding
    assert lists.made("b.example/1").measure is Measure.SERVER_LIMITED


def test_a_noop_is_a_warning_given_once(lists: Lists) -> None:
    assert counted(lists.imports("a.example,noop")) == {"issued": 1}
    assert lists.made("a.example/1").ends_at == NOW
    assert counted(lists.imports("a.example,noop", at=NOW + 400 * DAY)) == {"unchanged": 1}


@pytest.mark.parametrize("name", sorted(path.name for path in LISTS.glob("*.csv"))[1:])
def test_the_same_real_list_again_changes_nothing(world: World, name: str) -> None:
    def once(at: datetime) -> Summary:
        return import_mastodon_blocks(world.database, KEYS, LISTS / name, platform=PLATFORM, now=at)

    first = once(NOW)
    before = world.snapshot()
    again = once(NOW + DAY)
    assert world.snapshot() == before
    assert counted(again) == {"unchanged": first.issued}
    assert again.refused == first.refused


def test_a_server_that_left_the_list_is_lifted_and_may_return(lists: Lists) -> None:
    lists.imports("a.example,suspend", "b.example,suspend")
    later = NOW + DAY
    assert counted(lists.imports("b.example,suspend", at=later)) == {"unchanged": 1, "lifted": 1}
    gone = lists.made("a.example/1")
    assert (gone.end_reason, gone.ends_at) == (EndReason.LIFTED, later)
    back = lists.imports("a.example,suspend", "b.example,suspend", at=NOW + 2 * DAY)
    assert counted(back) == {"issued": 1, "unchanged": 1}
    assert lists.made("a.example/2").is_binding


def test_only_what_this_import_made_for_this_platform_is_lifted(lists: Lists) -> None:
    world = lists.world
    team, other = world.team(PLATFORM), world.team()
    term: dict[str, Any] = {"measure": Measure.SERVER_SUSPENDED}
    own = world.issue(team.issuer, subject="https://a.example", **term)
    named_alike = world.issue(
        team.issuer, subject="https://c.example", issuer_reference="mastodon-blocks/c/1", **term
    )
    theirs = world.issue(other.issuer, subject="https://a.example", **term)
    lists.imports("b.example,suspend")
    assert all(world.sanction(i).lifted_at is None for i in (own, named_alike, theirs))


def test_a_changed_severity_supersedes(lists: Lists) -> None:
    lists.imports("a.example,silence", "b.example,suspend", "c.example,noop")
    later = NOW + DAY
    changed = lists.imports("a.example,suspend", "b.example,noop", "c.example,silence", at=later)
    assert counted(changed) == {"issued": 3, "superseded": 3}
    for name in "abc":
        old, new = lists.made(f"{name}.example/1"), lists.made(f"{name}.example/2")
        assert (old.validity, old.superseded_at) == (Validity.SUPERSEDED, later)
        assert new.supersedes_id == old.id
    assert lists.made("a.example/2").expires_at == later + 90 * DAY


def test_still_listed_when_the_term_ended_is_recorded_without_binding(lists: Lists) -> None:
    lists.imports("a.example,suspend")
    end = NOW + 90 * DAY
    assert counted(lists.imports("a.example,suspend", at=end - DAY)) == {"unchanged": 1}
    summary = lists.imports("a.example,suspend", at=end)
    assert counted(summary) == {"recorded": 1}
    assert "renews" in summary.notes[0]
    record = lists.made("a.example/2")
    assert not record.is_binding
    assert record.expires_at is None
    assert PolicyConflict.END_REQUIRED in record.policy_conflicts
    assert counted(lists.imports("a.example,suspend", at=end + DAY)) == {"unchanged": 1}
    gone = lists.imports("b.example,suspend", at=end + 2 * DAY)
    assert counted(gone) == {"issued": 1, "lifted": 1}


def test_a_list_that_changes_to_and_fro_stays_within_the_cap(lists: Lists) -> None:
    severities = ["suspend", "silence"] * 4
    for number, severity in enumerate(severities):
        lists.imports(f"a.example,{severity}", at=NOW + number * 80 * DAY / 2)
    suspensions = [
        s for s in sanctions(lists.world).values() if s.measure is Measure.SERVER_SUSPENDED
    ]
    served = [(s.ends_at or s.effective_at) - s.effective_at for s in suspensions if s.is_binding]
    assert sum(served, timedelta()) <= LONGEST_SUSPENSION


def test_what_a_member_ended_stays_ended(lists: Lists) -> None:
    lists.imports("a.example,suspend", "b.example,suspend", "c.example,suspend")
    member = lists.world.member(lists.world.team("other.example"), Role.ISSUER)
    platform_id = lists.made("a.example/1").platform_id
    own = type(member)(member.member_id, platform_id, MemberKind.PERSON, member.roles)
    lists.world.lift(own, lists.made("a.example/1").id, NOW + DAY)
    lists.world.overturn(own, lists.made("b.example/1").id, NOW + DAY)
    summary = lists.imports(
        "a.example,suspend", "b.example,suspend", "c.example,suspend", at=NOW + 2 * DAY
    )
    assert counted(summary) == {"unchanged": 3}
    assert any("2 blocks were ended by a member" in note for note in summary.notes)


def test_each_batch_is_recorded_when_it_is_committed(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "BATCH", 1)
    ticks = count(1)
    lists.imports("a.example,suspend", "b.example,suspend", clock=lambda: NOW + next(ticks) * HOUR)
    assert lists.made("a.example/1").recorded_at == NOW + HOUR
    assert lists.made("b.example/1").recorded_at == NOW + 2 * HOUR


def test_a_platform_that_was_none_is_named(lists: Lists) -> None:
    note = f"{PLATFORM} was no platform of this node: it is added."
    assert note in lists.imports("a.example,suspend").notes
    assert note not in lists.imports("a.example,suspend").notes


def test_a_members_own_reference_like_ours_is_left_alone(lists: Lists) -> None:
    lists.imports("a.example,suspend")
    made = lists.made("a.example/1")
    member = lists.world.member(lists.world.team("other.example"), Role.ISSUER)
    own = type(member)(member.member_id, made.platform_id, MemberKind.PERSON, member.roles)
    lists.world.issue(
        own,
        NOW + DAY,
        subject="https://a.example",
        measure=Measure.SERVER_SUSPENDED,
        issuer_reference="mastodon-blocks/a.example/renewed",
        supersedes=made.id,
    )
    again = lists.imports("a.example,suspend", at=NOW + 2 * DAY)
    assert counted(again) == {"unchanged": 1}


def test_rows_that_are_refused_lift_nothing(lists: Lists) -> None:
    lists.imports("alpha.example,suspend", "b.example,suspend", "c.example,suspend")
    summary = lists.imports(
        "al***.**ample,suspend", "b.example,obliterate", "c.example,suspend", at=NOW + DAY
    )
    assert counted(summary) == {"unchanged": 1}
    assert [(row.line, row.field) for row in summary.refused] == [(2, "domain"), (3, "severity")]


def test_comments_stay_private_unless_they_are_to_be_published(world: World) -> None:
    file = LISTS / "mastodon.social.csv"
    for platform, publish in (("quiet.example", False), ("loud.example", True)):
        import_mastodon_blocks(
            world.database, KEYS, file, platform=platform, now=NOW, publish_comments=publish
        )
    with world.database.reading() as session:
        found = session.connection().exec_driver_sql(
            "select p.domain, count(d.explanation), count(d.facts) from disclosures d"
            " join sanctions s on s.id = d.sanction_id join platforms p on p.id = s.platform_id"
            " group by p.domain order by p.domain"
        )
        assert [tuple(row) for row in found] == [("loud.example", 17, 0), ("quiet.example", 0, 17)]
    assert {d.ground_reference for d in disclosures(world).values()} == {"not stated"}


def test_a_dry_run_counts_the_same_and_leaves_nothing(lists: Lists) -> None:
    lists.imports("a.example,suspend", "b.example,suspend", "c.example,suspend")
    before = lists.world.snapshot()
    rows = ["a.example,silence", "b.example,suspend", "d.example,suspend", "xx*.example,suspend"]
    later = NOW + DAY
    rehearsed = lists.imports(*rows, at=later, dry_run=True)
    assert lists.world.snapshot() == before
    real = lists.imports(*rows, at=later)
    assert rehearsed.is_dry_run
    assert counted(rehearsed) == counted(real)
    assert counted(real) == {"issued": 2, "superseded": 1, "unchanged": 1, "lifted": 1}


def test_a_list_that_cannot_be_read_lifts_nothing(lists: Lists, world: World) -> None:
    lists.imports("a.example,suspend")
    with refused(world, InvalidInput.code):
        lists.imports()


def test_an_erased_server_is_not_imported_again(lists: Lists, world: World) -> None:
    lists.imports("a.example,suspend")
    admin = world.member(world.team("other.example"), Role.ADMIN)
    platform_id = lists.made("a.example/1").platform_id
    own = type(admin)(admin.member_id, platform_id, MemberKind.PERSON, admin.roles)
    world.erase(own, "https://a.example", NOW + DAY)
    summary = lists.imports("a.example,suspend", at=NOW + 2 * DAY)
    assert [row.reason for row in summary.refused] == [
        "this reference was used and its record erased"
    ]
