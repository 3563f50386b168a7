"""Out and in again is the same list, and it shrinks as terms end."""

import csv
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from governance.exporting.mastodon_blocks import HEADER, SEVERITIES, mastodon_blocks
from governance.importing.lists import read_list
from governance.importing.mastodon_blocks import import_mastodon_blocks
from governance.words import Measure
from tests.builders import DAY, KEYS, NOW, Team, World, examples
from tests.governance.importing.real import LISTS, block_list


def exported(world: World, team: Team, days: int = 0) -> list[str]:
    with world.database.reading() as session:
        return list(mastodon_blocks(session, team.platform.domain, now=NOW + days * DAY))


def test_only_what_is_in_force_is_on_the_list_without_a_reason(world: World, team: Team) -> None:
    limited, suspended = Measure.SERVER_LIMITED, Measure.SERVER_SUSPENDED
    world.issue(team.issuer, subject="https://short.example", measure=suspended)
    world.issue(
        team.issuer, subject="https://long.example", measure=limited, expires_at=NOW + 90 * DAY
    )
    lifted = world.issue(team.issuer, subject="https://spared.example", measure=suspended)
    world.lift(team.issuer, lifted)
    world.record(team.issuer, subject="https://court.example", measure=suspended, expires_at=None)
    world.issue(team.issuer)  # an account
    other = world.team()
    world.issue(other.issuer, subject="https://theirs.example", measure=suspended)
    assert exported(world, team) == [
        HEADER,
        "long.example,silence,false,false,,false",
        "short.example,suspend,true,true,,false",
    ]
    assert exported(world, team, 7) == [HEADER, "long.example,silence,false,false,,false"]
    assert exported(world, team, 90) == [HEADER]


def test_of_two_decisions_about_a_server_the_stricter_counts(world: World, team: Team) -> None:
    for measure in (Measure.SERVER_SUSPENDED, Measure.SERVER_LIMITED):
        world.issue(team.issuer, subject="https://both.example", measure=measure)
    assert exported(world, team)[1:] == ["both.example,suspend,true,true,,false"]


def test_the_header_is_the_one_of_real_lists() -> None:
    real = [file.read_text().splitlines()[0] for file in LISTS.glob("*.csv")]
    assert HEADER in real


hosts = st.from_regex(r"[a-z]{1,8}\.example", fullmatch=True)
listed = st.dictionaries(hosts, st.sampled_from(sorted(SEVERITIES.values())), min_size=1)


@examples(5)
@given(wanted=listed)
def test_a_list_that_was_imported_comes_out_the_same(
    world: World, tmp_path: Path, wanted: dict[str, str]
) -> None:
    team = world.team()
    rows = [f"{domain},{severity},false,false,,false" for domain, severity in wanted.items()]
    file = block_list(tmp_path / "in.csv", *rows)
    domain = team.platform.domain
    import_mastodon_blocks(world.database, KEYS, file, platform=domain, now=NOW)
    lines = exported(world, team)
    assert {row[0]: row[1] for row in csv.reader(lines[1:])} == wanted
    (tmp_path / "out.csv").write_text("\n".join(lines))
    found = read_list(tmp_path / "out.csv")
    assert not found.refused
    assert {uri.removeprefix("https://") for uri in found.listed} == wanted.keys()
