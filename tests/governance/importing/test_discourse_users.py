"""Who is suspended or silenced on a Discourse site, and until when."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from governance.errors import InvalidInput
from governance.importing.discourse_users import import_discourse_users
from governance.importing.runs import Summary
from governance.words import EndReason, Measure, PolicyConflict, Validity
from tests.builders import DAY, KEYS, NOW, World
from tests.governance.importing.real import block_list, disclosures, sanctions

# The columns of `user_list` in Discourse's own export.
COLUMNS = (
    *("id", "name", "username", "email", "title", "created_at", "last_seen_at", "last_posted_at"),
    *("last_emailed_at", "trust_level", "approved", "suspended_at", "suspended_till"),
    *("silenced_till", "active", "admin", "moderator", "ip_address", "staged", "secondary_emails"),
)
UNTIL = "2026-03-15 12:00:00 UTC"
LONG_AGO = {"suspended_at": "2020-01-01 00:00:00 UTC", "suspended_till": "2020-02-01 00:00:00 UTC"}
FOR_EVER = {"suspended_at": "2026-02-01 00:00:00 UTC", "suspended_till": "3026-02-01 00:00:00 UTC"}


def user(name: str, **cells: str) -> str:
    given = {"username": name, "name": "A Person", "email": "a@mail.example", **cells}
    return ",".join(given.get(column, "") for column in COLUMNS)


def imported(world: World, folder: Path, *rows: str, days: int = 0, dry: bool = False) -> Summary:
    file = block_list(folder / "users.csv", *rows, header=",".join(COLUMNS))
    return import_discourse_users(
        world.database, KEYS, file, platform="forum.example", now=NOW + days * DAY, dry_run=dry
    )


def test_suspended_and_silenced_users_are_in_time_out(world: World, tmp_path: Path) -> None:
    rows = [
        user("ann", suspended_at="2026-02-28 10:00:00 UTC", suspended_till=UNTIL),
        user("ben", silenced_till="2026-03-03T00:00:00Z"),
        user("cat"),
        user("dan", **LONG_AGO),
    ]
    summary = imported(world, tmp_path, *rows)
    assert (summary.read, summary.issued, summary.refused) == (4, 2, [])
    first, second = sanctions(world).values()
    assert first.measure is Measure.ACCOUNT_SUSPENDED
    assert first.issued_at == datetime(2026, 2, 28, 10, tzinfo=UTC)
    assert first.expires_at == datetime(2026, 3, 15, 12, tzinfo=UTC)
    assert (second.measure, second.is_binding) == (Measure.SERVICE_SUSPENDED, True)
    subjects = {held.subject for held in disclosures(world).values()}
    assert subjects == {"acct:ann@forum.example", "acct:ben@forum.example"}
    assert imported(world, tmp_path, *rows, days=1).unchanged == 2
    with world.database.engine.connect() as connection:
        stored = connection.exec_driver_sql("select * from disclosures").all()
    assert "mail.example" not in str(stored)  # nor anything else that isn't needed


def test_for_ever_never_binds(world: World, tmp_path: Path) -> None:
    row = user("eve", **FOR_EVER)
    assert imported(world, tmp_path, row).recorded == 1
    [record] = sanctions(world).values()
    assert PolicyConflict.TOO_LONG in record.policy_conflicts
    assert not record.is_binding


def test_another_end_takes_the_place_of_the_one_before(world: World, tmp_path: Path) -> None:
    begun = {"suspended_at": "2026-02-28 10:00:00 UTC"}
    imported(world, tmp_path, user("ann", **begun, suspended_till=UNTIL))
    longer = user("ann", **begun, suspended_till="2026-04-15 12:00:00 UTC")
    summary = imported(world, tmp_path, longer, days=1)
    assert (summary.issued, summary.superseded, summary.lifted) == (1, 1, 0)
    first, second = sanctions(world).values()
    assert (first.validity, second.supersedes_id) == (Validity.SUPERSEDED, first.id)
    assert second.is_binding


def test_what_was_taken_back_on_the_site_is_lifted(world: World, tmp_path: Path) -> None:
    row = user("ann", suspended_at="2026-02-28 10:00:00 UTC", suspended_till=UNTIL)
    imported(world, tmp_path, row)
    assert imported(world, tmp_path, user("ann"), days=1).lifted == 1
    [sanction] = sanctions(world).values()
    assert sanction.end_reason is EndReason.LIFTED
    assert sanction.ends_at == NOW + DAY


def test_a_dry_run_changes_nothing(world: World, tmp_path: Path) -> None:
    before = world.snapshot()
    assert imported(world, tmp_path, user("ann", silenced_till=UNTIL), dry=True).issued == 1
    assert world.snapshot() == before


def test_a_row_that_is_wrong_is_named_and_takes_no_other_along(
    world: World, tmp_path: Path
) -> None:
    rows = [
        user("ann", silenced_till="tomorrow"),
        user("no name", silenced_till=UNTIL),
        user("ben", silenced_till=UNTIL),
    ]
    summary = imported(world, tmp_path, *rows)
    found = [(row.line, row.field) for row in summary.refused]
    assert found == [(2, "silenced_till"), (3, "username")]
    assert summary.issued == 1


def test_a_file_that_is_something_else_lifts_nothing(world: World, tmp_path: Path) -> None:
    imported(world, tmp_path, user("ann", silenced_till=UNTIL))
    file = block_list(tmp_path / "other.csv", "x,y", header="a,b")
    with pytest.raises(InvalidInput, match="suspended_till"):
        import_discourse_users(world.database, KEYS, file, platform="forum.example", now=NOW + DAY)
    [sanction] = sanctions(world).values()
    assert sanction.end_reason is EndReason.EXPIRED  # as planned
