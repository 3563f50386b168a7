"""A backup is one state, restores whole or not at all, on either engine, and trusts no archive."""

import hashlib
import re
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from governance import backups, restoring
from governance.backups import MANIFEST, SEAL, backup, seal
from governance.database import Database
from governance.errors import Conflict, InvalidInput, Refused
from governance.importing import archives
from governance.membership import add_platform
from governance.platforms import Platform
from governance.records import METADATA
from governance.restoring import restore
from governance.settings import Keys
from tests.builders import DAY, KEYS, NOW, World
from tests.forking import die, is_killed

OTHER_KEYS = Keys(bytes([1] * 32))
Parts = dict[str, bytes]


@pytest.fixture
def other(sqlite_template: Path, tmp_path: Path) -> Iterator[World]:
    """Yield a second world, on SQLite, with nobody in it."""
    path = tmp_path / "other.db"
    path.write_bytes(sqlite_template.read_bytes())
    with World(f"sqlite:///{path}") as world:
        yield world


@contextmanager
def refused(world: World, kind: type[Refused], match: str) -> Iterator[None]:
    before = world.snapshot()
    with pytest.raises(kind, match=match):
        yield
    assert world.snapshot() == before


def parts_of(archive: Path) -> Parts:
    with zipfile.ZipFile(archive) as held:
        return {name: held.read(name) for name in held.namelist()}


def rewritten(path: Path, parts: Parts, *, sealed: bool = True) -> Path:
    """An archive of these parts, with the manifest that is due; sealed as its owner would."""
    manifest = orjson.loads(parts[MANIFEST])
    for part in manifest["parts"]:
        data = parts[f"{part['table']}.jsonl"]
        part |= {"bytes": len(data), "rows": data.count(b"\n"), "sha256": _sha(data)}
    parts = parts | {MANIFEST: orjson.dumps(manifest)}
    if sealed:
        parts[SEAL] = seal(KEYS, parts[MANIFEST]).encode()
    return packed(path, parts)


def packed(path: Path, parts: Parts) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(name, data)
    return path


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_what_is_restored_is_what_was_there(
    world: World, archive: Path, rows: dict[str, list[str]]
) -> None:
    told: list[tuple[int, int]] = []
    manifest = restore(
        world.database, KEYS, archive, progress=lambda done, total: told.append((done, total))
    )
    assert world.snapshot() == rows
    assert manifest.rows == sum(map(len, rows.values()))
    assert manifest.made_at == NOW
    assert told[-1][0] == told[-1][1]
    assert told == sorted(told)


def test_there_is_a_row_of_every_table_in_the_test(rows: dict[str, list[str]]) -> None:
    assert {name for name, held in rows.items() if held} == set(METADATA.tables)


def test_a_backup_goes_from_engine_to_engine_and_back(
    world: World, other: World, archive: Path, rows: dict[str, list[str]], tmp_path: Path
) -> None:
    restore(world.database, KEYS, archive)
    second = tmp_path / "b.backup"
    told: list[tuple[int, int]] = []
    backup(world.database, KEYS, second, now=NOW, progress=lambda *step: told.append(step))
    assert told[-1] == (sum(map(len, rows.values())),) * 2
    restore(other.database, KEYS, second)
    assert other.snapshot() == rows


def test_a_restored_node_takes_new_decisions(world: World, archive: Path) -> None:
    restore(world.database, KEYS, archive)
    team = world.team("new.example")
    assert world.sanction(world.issue(team.issuer, NOW + DAY)).is_binding


def test_a_backup_is_for_its_owner_alone_and_holds_no_key(archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert [path.name for path in archive.parent.glob("*backup*")] == ["a.backup"]
    keys = Keys(b"the very secret of the very node")
    assert keys.secret.hex().encode() not in b"".join(parts_of(archive).values())


def test_a_backup_never_replaces_a_file(world: World, tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("kept")
    with refused(world, InvalidInput, "precious"):
        backup(world.database, KEYS, path, now=NOW)
    assert path.read_text() == "kept"


def test_a_backup_that_is_stopped_leaves_no_file(world: World, tmp_path: Path) -> None:
    world.team()

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        backup(world.database, KEYS, folder / "a.backup", now=NOW, progress=stop)
    assert list(folder.iterdir()) == []


def test_a_backup_is_of_one_instant_whatever_is_written_meanwhile(
    world: World, other: World, tmp_path: Path
) -> None:
    team = world.team()
    world.issue(team.issuer)
    before = world.snapshot()

    def write(_done: int, _total: int) -> None:
        world.issue(team.issuer)
        world.team()

    backup(world.database, KEYS, tmp_path / "a.backup", now=NOW, progress=write)
    assert len(world.snapshot()["platforms"]) > 5
    restore(other.database, KEYS, tmp_path / "a.backup")
    assert other.snapshot() == before


def test_a_database_that_is_not_empty_is_refused(world: World, archive: Path) -> None:
    world.do(add_platform, "here.example", None, now=NOW)
    for dry_run in (True, False):
        with refused(world, Conflict, "empty"):
            restore(world.database, KEYS, archive, dry_run=dry_run)


def test_another_key_is_told_and_refused_unless_asked_for(
    world: World, archive: Path, rows: dict[str, list[str]]
) -> None:
    with refused(world, Conflict, "another key"):
        restore(world.database, OTHER_KEYS, archive)
    restore(world.database, OTHER_KEYS, archive, any_key=True)
    assert world.snapshot() == rows


def test_a_dry_run_checks_and_changes_nothing(world: World, archive: Path, tmp_path: Path) -> None:
    before = world.snapshot()
    assert restore(world.database, KEYS, archive, dry_run=True).rows
    assert world.snapshot() == before
    parts = parts_of(archive)
    parts["events.jsonl"] = parts["events.jsonl"][:-2] + b"\n"
    with refused(world, InvalidInput, r"events\.jsonl"):
        restore(world.database, KEYS, packed(tmp_path / "x", parts), dry_run=True)


@pytest.mark.parametrize("name", [*METADATA.tables])
def test_a_part_that_was_changed_is_named(
    world: World, archive: Path, tmp_path: Path, name: str
) -> None:
    parts = parts_of(archive)
    parts[f"{name}.jsonl"] += b"[]\n"
    with refused(world, InvalidInput, rf"{name}\.jsonl"):
        restore(world.database, KEYS, packed(tmp_path / "x", parts))


def test_a_manifest_that_was_changed_is_refused_by_its_seal(
    world: World, archive: Path, tmp_path: Path
) -> None:
    parts = parts_of(archive)
    parts["members.jsonl"] = parts["members.jsonl"].replace(b"READER", b"ADMIN")
    with refused(world, InvalidInput, "seal"):
        restore(world.database, KEYS, rewritten(tmp_path / "x", parts, sealed=False))
    parts[SEAL] = "ß".encode() * 32
    with refused(world, InvalidInput, "seal"):
        restore(world.database, KEYS, rewritten(tmp_path / "x", parts, sealed=False))


@pytest.mark.parametrize("name", [MANIFEST, SEAL, "sanctions.jsonl", "votes.jsonl"])
def test_a_part_that_is_missing_is_refused(
    world: World, archive: Path, tmp_path: Path, name: str
) -> None:
    parts = parts_of(archive)
    del parts[name]
    with refused(world, InvalidInput, "expected"):
        restore(world.database, KEYS, packed(tmp_path / "x", parts))


def test_a_part_too_many_is_refused(world: World, archive: Path, tmp_path: Path) -> None:
    with refused(world, InvalidInput, "very parts"):
        restore(
            world.database, KEYS, packed(tmp_path / "x", parts_of(archive) | {"more.jsonl": b""})
        )


@pytest.mark.parametrize("kept", [0, 1, 3, 100, 0.25, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_refused(
    world: World, archive: Path, tmp_path: Path, kept: float
) -> None:
    data = archive.read_bytes()
    path = tmp_path / "x"
    path.write_bytes(data[: kept if isinstance(kept, int) else int(len(data) * kept)])
    with refused(world, InvalidInput, "expected"):
        restore(world.database, KEYS, path)


@pytest.mark.parametrize("place", range(0, 1000, 71))
def test_a_byte_that_was_turned_is_found_or_harmless(
    world: World, archive: Path, rows: dict[str, list[str]], tmp_path: Path, place: int
) -> None:
    data = bytearray(archive.read_bytes())
    data[len(data) * place // 1000] ^= 0x55
    path = tmp_path / "x"
    path.write_bytes(data)
    before = world.snapshot()
    try:
        restore(world.database, KEYS, path)
    except InvalidInput:
        assert world.snapshot() == before
    else:  # a byte of no meaning, such as one of a date
        assert world.snapshot() == rows


@pytest.mark.parametrize(
    "content", [b"", b"Dear diary", b"SQLite format 3\0" * 99, b"PK\5\6" + bytes(18), b"\0" * 9_999]
)
def test_a_foreign_file_is_refused(world: World, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with refused(world, InvalidInput, "expected"):
        restore(world.database, KEYS, path)


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b'{"format": 2}',
        b'{"format": 1}',
        b'{"format": 1, "parts": [7]}',
        b"[" * 100_000,
        b" " * (2 << 20),
    ],
)
def test_a_manifest_that_is_none_is_refused(
    world: World, archive: Path, tmp_path: Path, manifest: bytes
) -> None:
    parts = parts_of(archive) | {MANIFEST: manifest}
    with refused(world, InvalidInput, "."):
        restore(world.database, KEYS, packed(tmp_path / "x", parts))


def _change(archive: Path, path: Path, **changes: Any) -> Path:
    parts = parts_of(archive)
    parts[MANIFEST] = orjson.dumps(orjson.loads(parts[MANIFEST]) | changes)
    return rewritten(path, parts)


def test_another_revision_is_refused_and_both_are_named(
    world: World, archive: Path, tmp_path: Path
) -> None:
    with refused(world, Conflict, r"'0001'.*this version's is"):
        restore(world.database, KEYS, _change(archive, tmp_path / "x", revision="0001"))


def test_other_tables_or_columns_are_refused(world: World, archive: Path, tmp_path: Path) -> None:
    listed = orjson.loads(parts_of(archive)[MANIFEST])["parts"]
    for wrong in (
        listed[:-1],
        listed[::-1],
        [*listed, listed[-1]],
        [listed[0] | {"columns": []}, *listed[1:]],
    ):
        with refused(world, InvalidInput, "tables and columns"):
            restore(world.database, KEYS, _change(archive, tmp_path / "x", parts=wrong))


APPENDED = {
    "a row of another shape": b"{}",
    "no json": b"not json",
    "a number": b"7",
    "too few columns": b'["plt_x"]',
    "a date": b'["plt_x", "x.example", "x", "2026-03-01"]',
    "a number for an instant": b'["plt_x", "x.example", "x", 7]',
    "null for an instant": b'["plt_x", "x.example", "x", null]',
    "null for a text": b'["plt_x", null, "x", "2026-03-01T00:00:00Z"]',
    "an object for a text": b'["plt_x", {}, "x", "2026-03-01T00:00:00Z"]',
    "a domain twice": b'["plt_x", "a.example", "x", "2026-03-01T00:00:00Z"]',
}
REPLACED = {
    "a platform that is missing": ("platforms", rb"\A.*\n", b""),
    "a role that is none": ("members", b"READER", b"EMPEROR"),
    "a kind that is none": ("members", b"PERSON", b"GHOST"),
    "bytes that are no hex": ("disclosures", rb'"[0-9a-f]{64}"', b'"seed"'),
    "a number for a yes or no": ("sanctions", b"false", b"17"),
    "a number too large": ("events", rb"\A\[\d+,", b"[99999999999999999999999,"),
}


@pytest.mark.parametrize("what", [*APPENDED, *REPLACED])
def test_rows_that_do_not_fit_are_refused_even_under_a_seal(
    world: World, archive: Path, tmp_path: Path, what: str
) -> None:
    parts = parts_of(archive)
    if what in APPENDED:
        parts["platforms.jsonl"] += APPENDED[what] + b"\n"
    else:
        table, pattern, new = REPLACED[what]
        parts[f"{table}.jsonl"], count = re.subn(pattern, new, parts[f"{table}.jsonl"], count=1)
        assert count
    with refused(world, InvalidInput, "expected rows that fit"):
        restore(world.database, KEYS, rewritten(tmp_path / "x", parts))


def test_a_part_that_expands_without_measure_is_not_read_on(
    world: World, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED", 1 << 20)
    parts = parts_of(archive)
    path = rewritten(tmp_path / "x", parts | {"notes.jsonl": b"\n" * (100 << 20)})
    with refused(world, InvalidInput, "expands more than"):
        restore(world.database, KEYS, path)


def test_a_line_without_end_is_not_held_in_memory(
    world: World, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "LONGEST_LINE", 20_000)
    line = b'["plt_x", "x.example", "' + b"x" * 40_000 + b'", "2026-03-01T00:00:00Z"]\n'
    parts = parts_of(archive)
    parts["platforms.jsonl"] += line
    with refused(world, InvalidInput, r"platforms\.jsonl"):
        restore(world.database, KEYS, rewritten(tmp_path / "x", parts))


def test_rows_are_read_in_batches_and_none_is_lost_between(
    world: World, other: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "BATCH", 3)
    monkeypatch.setattr(restoring, "BATCH", 4)
    with world.database.writing() as session:
        session.add_all(
            Platform(id=f"plt_{n}", domain=f"{n}.example", name="x", added_at=NOW)
            for n in range(13)
        )
    backup(world.database, KEYS, tmp_path / "a.backup", now=NOW)
    restore(other.database, KEYS, tmp_path / "a.backup")
    assert other.snapshot() == world.snapshot()


def restore_until_killed(url: str, archive: Path) -> None:
    def die_near_the_end(done: int, total: int) -> None:
        if done > total * 0.99:
            die()

    with World(url) as world:
        restore(world.database, KEYS, archive, progress=die_near_the_end)


def test_a_restore_that_is_killed_leaves_nothing_and_can_be_done_again(
    world: World, archive: Path, rows: dict[str, list[str]]
) -> None:
    before = world.snapshot()
    assert is_killed(restore_until_killed, world.database.url, archive)
    assert world.snapshot() == before
    restore(world.database, KEYS, archive)
    assert world.snapshot() == rows


def test_readers_see_nothing_of_a_restore_before_its_end(world: World, archive: Path) -> None:
    reader = Database(world.database.url)
    seen = set()

    def look(_done: int, _total: int) -> None:
        with reader.reading() as session:
            count = sa.select(sa.func.count()).select_from(METADATA.tables["platforms"])
            seen.add(session.execute(count).scalar_one())

    restore(world.database, KEYS, archive, progress=look)
    reader.close()
    assert seen == {0}
