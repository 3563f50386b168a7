"""The command as a whole: help, the schema, and a node that is served."""

import os
import socket
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa

from governance.database import Database
from tests.api.cli.conftest import Comity
from tests.api.serving import ASKING, ROOT, command, environment, serving, spawning

COMMANDS = [
    "",
    "migrate",
    "serve",
    "demo",
    "schema",
    "doctor",
    "platform",
    "platform add",
    "platform list",
    "member",
    "member add",
    "member list",
    "token",
    "token create",
    "token list",
    "token revoke",
    "retention",
    "retention run",
    "backup",
    "restore",
    "import",
    "import mastodon-blocks",
    "import block-events",
    "import dsa-statements",
]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(comity: Comity, tmp_path: Path, name: str) -> None:
    done = comity(*name.split(), "--help")
    assert (done.code, done.err) == (0, "")
    assert "Usage: comity " in done.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["nonsense", "token nonsense", "serve --port x", "serve --port -1", "demo --sanctions 0"],
)
def test_what_is_no_command_is_refused(comity: Comity, name: str) -> None:
    done = comity(*name.split())
    assert (done.code, done.out) == (2, "")


def test_the_schema_is_the_published_one(comity: Comity, tmp_path: Path) -> None:
    published = ROOT / "schema.graphql"
    done = comity("schema")
    assert (done.code, done.err) == (0, "")
    assert done.out == published.read_text()
    assert comity("schema", "--check", str(published)).code == 0
    changed = tmp_path / "schema.graphql"
    changed.write_text(published.read_text() + "scalar Nonsense\n")
    differs = comity("schema", "--check", str(changed))
    assert (differs.code, differs.out) == (1, "")
    assert "differs" in differs.err


def test_serve_on_an_empty_directory_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        command("serve"),
        cwd=tmp_path,
        env=environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("comity: ")
    assert "comity migrate" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_is_a_failure(node: Comity, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            command("serve", "--port", port, "--workers", workers),
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    told = f"comity: 127.0.0.1, port {port}: another process listens there\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)


def test_an_address_of_another_machine_is_told(node: Comity) -> None:
    done = node("serve", "--host", "192.0.2.1", "--port", "8000")
    assert done.code == 1
    assert done.err == "comity: 192.0.2.1, port 8000: expected an address of this machine\n"


def test_a_served_node_answers(node: Comity, database_url: str, tmp_path: Path) -> None:
    node("platform", "add", "example.social")
    node("member", "add", "example.social", "server", "--role", "READER", "--service")
    token = node("token", "create", "example.social", "server").out.strip()
    key_file = tmp_path / "keys" / "comity.key"
    with serving(database_url=database_url, key_file=key_file) as served:
        answer = ASKING.post(
            f"{served.address}/graphql",
            json={"query": '{ suspensionStatus(subject: "acct:a@b.example") { isSuspended } }'},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.json()["data"] == {"suspensionStatus": {"isSuspended": False}}
        assert "server" not in answer.headers


def test_several_workers_serve_one_node(node: Comity, database_url: str, tmp_path: Path) -> None:
    node("platform", "add", "example.social")
    key_file = tmp_path / "keys" / "comity.key"
    with spawning("--workers", "2", database_url=database_url, key_file=key_file) as served:
        for _ in range(6):
            answer = ASKING.post(
                f"{served.address}/graphql", json={"query": "{ platforms { totalCount } }"}
            )
            assert answer.json()["data"] == {"platforms": {"totalCount": 1}}


def test_the_demonstration_is_served_with_a_query_to_try(tmp_path: Path) -> None:
    settings = {"database_url": f"sqlite:///{tmp_path / 'd.db'}", "key_file": tmp_path / "d.key"}
    with serving("--demo", **settings) as served:
        query = "{ sanctions { totalCount } platforms { totalCount } }"
        answer = ASKING.post(f"{served.address}/graphql", json={"query": query}).json()["data"]
        assert answer["sanctions"]["totalCount"] >= 2_000
        assert answer["platforms"]["totalCount"] >= 12
        served.process.terminate()
        assert served.ended() == 0
        told = served.said.read_text()
    assert f"curl -s {served.address}/graphql -H 'Authorization: Bearer cty_" in told


def test_a_database_of_a_newer_version_is_named(node: Comity, database_url: str) -> None:
    database = Database(database_url)
    with database.writing() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    for words in (("serve", "--port", "1"), ("migrate",), ("doctor",)):
        done = node(*words)
        assert (done.code, done.out) == (1, "")
        assert "a newer Comity: install that one" in done.err
