"""`comity import …`: refused rows by line, a dry run that changes nothing, the same file twice."""

import os
from pathlib import Path

import pytest
from sqlmodel import select

from api import importing
from governance.errors import Busy
from governance.importing import runs
from governance.importing.dsa_statements import TOGETHER
from governance.sanctions import Disclosure
from tests.api.cli.conftest import Comity
from tests.builders import World
from tests.governance.importing.real import dump

BLOCKS = """#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate
spam.example,suspend,false,false,spam,false
rude.example,silence,false,false,Jane Doe was rude,false
ex***le.org,suspend,false,false,,true
kind.example,noop,false,false,,false
odd.example,banish,false,false,,false
"""
EVENTS = """source_list,at,commit,event,domain,old_severity,old_comment,new_severity,new_comment
list.example,2023-01-12T23:21:04-06:00,e1e6dbb8fb,snapshot,spam.example,,,suspend,
list.example,2023-02-12T23:21:04-06:00,e1e6dbb8fc,add,rude.example,,,silence,
list.example,2023-03-12T23:21:04-06:00,e1e6dbb8fd,remove,spam.example,suspend,,,
list.example,2023-03-13,e1e6dbb8fe,add,naive.example,,,suspend,
"""
MASTODON = ("import", "mastodon-blocks", "list.csv", "--platform", "example.social")


@pytest.fixture
def files(tmp_path: Path) -> None:
    """Put files to import into the present directory."""
    (tmp_path / "list.csv").write_text(BLOCKS)
    (tmp_path / "events.csv").write_text(EVENTS)


def rows(url: str) -> dict[str, list[str]]:
    with World(url) as world:
        return world.snapshot()


@pytest.mark.usefixtures("files")
def test_refused_rows_are_told_by_line(node: Comity, database_url: str) -> None:
    done = node(*MASTODON)
    assert done.code == 0
    refused = done.out.splitlines()
    assert [line.partition(":")[0] for line in refused] == ["line 4", "line 6"]
    assert all(line.count(": ") >= 2 for line in refused)  # line, field, reason
    assert "5 rows read" in done.err
    assert "2 refused" in done.err
    assert "90 days" in done.err
    assert len(rows(database_url)["sanctions"]) == 3


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("arguments", [MASTODON, ("import", "block-events", "events.csv")])
def test_a_dry_run_says_the_same_and_changes_nothing(
    node: Comity, database_url: str, arguments: tuple[str, ...]
) -> None:
    before = rows(database_url)
    dry = node(*arguments, "--dry-run")
    assert dry.code == 0
    assert "would be issued" in dry.err
    assert rows(database_url) == before
    done = node(*arguments)
    assert done.out == dry.out
    assert done.err.splitlines()[0] == dry.err.splitlines()[0].replace("would be ", "")
    assert rows(database_url) != before


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("arguments", [MASTODON, ("import", "block-events", "events.csv")])
def test_the_same_file_twice_changes_nothing(
    node: Comity, database_url: str, arguments: tuple[str, ...]
) -> None:
    node(*arguments)
    before = rows(database_url)
    again = node(*arguments)
    assert again.code == 0
    assert " 0 issued, 0 recorded without binding, " in again.err
    assert rows(database_url) == before


@pytest.mark.usefixtures("files")
def test_comments_stay_private_unless_published(node: Comity, database_url: str) -> None:
    node(*MASTODON)
    with World(database_url) as world:
        assert "Jane Doe" not in str(_explanations(world))
    assert node(*MASTODON[:-1], "other.example", "--publish-comments").code == 0
    with World(database_url) as world:
        assert "Jane Doe was rude" in str(_explanations(world))


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("term", ["0d", "181d", "forever", "-1d", "90"])
def test_a_term_is_at_most_the_longest_permitted(
    node: Comity, database_url: str, term: str
) -> None:
    before = rows(database_url)
    done = node(*MASTODON, f"--term={term}")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("comity: ")
    assert rows(database_url) == before


@pytest.mark.parametrize("command", ["mastodon-blocks", "block-events", "dsa-statements"])
def test_a_file_of_another_kind_is_refused(
    node: Comity, database_url: str, tmp_path: Path, command: str
) -> None:
    platform = ("--platform", "example.social") if command == "mastodon-blocks" else ()
    before = rows(database_url)
    for name, content in (
        ("other.csv", b"name,colour\nrose,red\n"),
        ("page.html", b"<!doctype html><title>Not found</title>"),
    ):
        (tmp_path / name).write_bytes(content)
        done = node("import", command, name, *platform)
        assert done.code == 1, (name, done)
        assert done.err.startswith("comity: ")
        assert rows(database_url) == before
    assert node("import", command, "absent.csv", *platform).code == 2
    for name, content in (("binary.csv", bytes(range(256)) * 20), ("empty.csv", b"")):
        (tmp_path / name).write_bytes(content)
        done = node("import", command, name, *platform)
        assert done.err.startswith("comity: ") or " 0 issued, " in done.err
        assert rows(database_url) == before


def _explanations(world: World) -> list[str | None]:
    with world.database.reading() as session:
        return list(session.exec(select(Disclosure.explanation)))


def test_a_large_dump_is_imported_by_two_processes(
    node: Comity, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "LARGE", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    removed = {"decision_visibility": '["DECISION_VISIBILITY_CONTENT_REMOVED"]'}
    dump(tmp_path / "dump.csv", *[removed] * (TOGETHER + 1), removed | {"category": "ODD"})
    done = node("import", "dsa-statements", "dump.csv")
    assert done.code == 0
    assert done.out.startswith(f"line {TOGETHER + 3}: category: ")
    assert f"{TOGETHER + 2:,} rows read: {TOGETHER + 1:,} issued, " in done.err
    assert len(rows(database_url)["sanctions"]) == TOGETHER + 1


@pytest.mark.usefixtures("files")
def test_an_interrupted_import_says_what_stays_and_is_gone_on_with(
    node: Comity, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = runs.Run.advance

    def interrupted(run: runs.Run, done: int, total: int) -> None:
        advance(run, done, total)
        raise KeyboardInterrupt

    arguments = ("import", "block-events", "events.csv")
    with monkeypatch.context() as patch:
        patch.setattr(runs, "BATCH", 1)
        patch.setattr(runs.Run, "advance", interrupted)
        dry = node(*arguments, "--dry-run")
        assert (dry.code, dry.err) == (130, "interrupted: nothing was changed\n")
        assert rows(database_url)["sanctions"] == []
        done = node(*arguments)
    assert (done.code, done.out) == (130, "")
    assert done.err == (
        "interrupted: what was taken in stays, some 33 percent of the file; "
        "import the same file again to go on\n"
    )
    assert len(rows(database_url)["sanctions"]) == 1
    assert "4 rows read: 0 issued, 1 recorded without binding, 1 unchanged" in node(*arguments).err
    assert len(rows(database_url)["sanctions"]) == 2


@pytest.mark.usefixtures("files")
def test_others_who_keep_the_turn_are_told_in_a_line(
    node: Comity, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept(*_: object, **__: object) -> None:
        raise Busy("others kept the writers' turn")

    monkeypatch.setattr(importing, "import_mastodon_blocks", kept)
    done = node(*MASTODON)
    assert (done.code, done.err) == (1, "comity: others kept the writers' turn\n")
