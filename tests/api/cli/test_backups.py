"""`comity backup` and `comity restore`, on each engine and from one to the other."""

import threading
from pathlib import Path

import pytest

from api.console import now
from tests.api.cli.conftest import Comity
from tests.api.http.outside import OPERATIONS, issue_input
from tests.api.serving import plain_client, serving
from tests.builders import World, write_keys

KEY_FILE = "keys/comity.key"


@pytest.fixture
def filled(node: Comity) -> Comity:
    """Return the command on a database with a platform and its member."""
    assert node("platform", "add", "example.social").code == 0
    assert node("member", "add", "example.social", "mod", "--role", "ISSUER").code == 0
    return node


def rows(url: str) -> dict[str, list[str]]:
    with World(url) as world:
        return world.snapshot()


def test_a_backup_says_what_it_holds_and_that_no_key_is_in_it(
    filled: Comity, tmp_path: Path
) -> None:
    done = filled("backup", "a.backup")
    assert (done.code, done.out) == (0, "")
    assert "7 rows are in a.backup" in done.err
    files = [
        (tmp_path / KEY_FILE).with_suffix(suffix)
        for suffix in (".key", ".log.key", ".witness.key", ".token.keys")
    ]
    for file in files:
        assert str(file) in done.err
        assert file.read_text().strip() not in done.err
    assert (tmp_path / "a.backup").stat().st_mode & 0o777 == 0o600
    files[-1].unlink()
    assert str(files[-1]) not in filled("backup", "b.backup").err


def test_new_keys_are_told_and_those_that_were_there_are_not(
    comity: Comity, tmp_path: Path
) -> None:
    write_keys(tmp_path / "comity.key")
    (tmp_path / "comity.witness.key").unlink()
    assert "new keys are in comity.witness.key, comity.token.keys:" in comity("migrate").err
    assert "new keys" not in comity("migrate").err


def test_a_backup_restores_into_a_database_of_the_other_engine_or_the_same(
    filled: Comity, database_url: str, tmp_path: Path
) -> None:
    filled("backup", "a.backup")
    target = f"sqlite:///{tmp_path / 'new.db'}"
    assert filled("migrate", database_url=target).code == 0
    dry = filled("restore", "a.backup", "--dry-run", database_url=target)
    assert (dry.code, dry.out) == (0, "")
    assert "would be restored" in dry.err
    assert not rows(target)["platforms"]
    done = filled("restore", "a.backup", database_url=target)
    assert (done.code, done.out) == (0, "")
    assert "7 rows of " in done.err
    assert rows(target) == rows(database_url)
    again = filled("restore", "a.backup", database_url=target)
    assert again.code == 1
    assert again.err.startswith("comity: expected an empty database")


def test_an_unmigrated_database_is_refused(filled: Comity, tmp_path: Path) -> None:
    filled("backup", "a.backup")
    target = f"sqlite:///{tmp_path / 'new.db'}"
    for command in ("restore", "backup"):
        done = filled(command, "a.backup", database_url=target)
        assert done.code == 1
        assert "comity migrate" in done.err
    assert not (tmp_path / "new.db").exists()


def test_another_key_file_is_told(filled: Comity, tmp_path: Path) -> None:
    filled("backup", "a.backup")
    other = {"database_url": f"sqlite:///{tmp_path / 'new.db'}", "key_file": tmp_path / "other.key"}
    filled("migrate", **other)
    done = filled("restore", "a.backup", **other)
    assert done.code == 1
    assert "another key" in done.err
    assert filled("restore", "a.backup", "--any-key", **other).code == 0
    assert len(rows(other["database_url"])["platforms"]) == 1  # type: ignore[arg-type]


def test_what_is_no_backup_is_refused_in_one_line(
    node: Comity, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "diary").write_text("Dear diary")
    before = rows(database_url)
    done = node("restore", "diary")
    assert done.code == 1
    assert done.err.startswith("comity: ")
    assert len(done.err.splitlines()) == 1
    assert node("restore", "absent").code == 2
    assert rows(database_url) == before


def test_a_file_that_is_there_is_never_replaced(filled: Comity, tmp_path: Path) -> None:
    (tmp_path / "diary").write_text("Dear diary")
    done = filled("backup", "diary")
    assert done.code == 1
    assert "diary is there already" in done.err
    assert (tmp_path / "diary").read_text() == "Dear diary"
    assert filled("backup", "no/such/folder/a.backup").code == 1


def test_a_node_serves_and_writes_while_it_is_backed_up(
    filled: Comity, database_url: str, tmp_path: Path
) -> None:
    token = filled("token", "create", "example.social", "mod").out.strip()
    headers = {"Authorization": f"Bearer {token}"}
    is_over = threading.Event()
    answers: list[str] = []

    with serving(database_url=database_url, key_file=tmp_path / KEY_FILE) as served:

        def write() -> None:
            with plain_client(headers=headers, timeout=60) as client:
                while not is_over.is_set() or len(answers) < 3:
                    variables = {"input": issue_input(now())}
                    body = {
                        "query": OPERATIONS,
                        "operationName": "IssueSanction",
                        "variables": variables,
                    }
                    answer = client.post(f"{served.address}/graphql", json=body).json()
                    answers.append(answer["data"]["issueSanction"]["__typename"])

        writer = threading.Thread(target=write)
        writer.start()
        for number in range(3):
            assert filled("backup", f"{number}.backup").code == 0
        is_over.set()
        writer.join()
    assert set(answers) == {"SanctionIssued"}
    target = f"sqlite:///{tmp_path / 'new.db'}"
    filled("migrate", database_url=target)
    assert filled("restore", "2.backup", database_url=target).code == 0
    restored, held = rows(target), rows(database_url)
    for table in ("sanctions", "disclosures", "subject_keys", "events"):
        assert set(restored[table]) <= set(held[table])
        assert len(restored[table]) == len(restored["sanctions"])
