"""What the documentation tells operators to type and to set is there."""

import re
import shlex
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup
from uvicorn import Config

from api.cli import app
from governance.settings import unknown_settings

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
COMITY = re.compile(r"(?:^|[ =/])comity (?!comity)([a-z].+)")


def commands(page: str) -> list[str]:
    """What follows `comity` in blocks of shell, in units and in the text."""
    shown = re.findall(r"```(?:sh|ini)\n(.*?)```", page, re.DOTALL)
    lines = [line for block in shown for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`(comity [a-z][^`\n]*)`", re.sub(r"```.*?```", "", page, flags=re.DOTALL))
    return [found[1] for line in lines if (found := COMITY.search(line))]


def unknown(line: str) -> list[str]:
    """Words of a command line that name no command and no option."""
    command: Any = typer.main.get_command(app)
    words = shlex.split(line.replace("[", "").replace("]", ""), comments=True)
    while isinstance(command, TyperGroup) and words:
        if words[0] in command.commands:
            command = command.commands[words.pop(0)]
        elif (default := getattr(command, "default", "")) and not words[0].startswith("-"):
            command = command.commands[default]
        else:
            return words[:1]
    options = {option for parameter in command.params for option in parameter.opts}
    return [word for word in words if word.startswith("--") and word.split("=")[0] not in options]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_that_is_told_is_there(path: Path) -> None:
    found = commands(path.read_text(encoding="utf-8"))
    assert [line for line in found if unknown(line)] == []


def test_the_test_would_notice() -> None:
    assert len(commands(OPERATIONS)) >= 20
    assert unknown("serve --nonsense") == ["--nonsense"]
    assert unknown("nonsense") == ["nonsense"]
    assert unknown("token nonsense") == ["nonsense"]
    assert commands("```sh\nsudo -u comity comity serve # x\n```") == ["serve # x"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_setting_that_is_named_is_read(path: Path) -> None:
    named = re.findall(r"\bCOMITY_[A-Z_]+", path.read_text(encoding="utf-8"))
    assert unknown_settings(dict.fromkeys(named, "")) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_within_the_repository_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_the_unit_migrates_before_it_serves_and_waits_longer_than_the_node() -> None:
    unit = re.search(r"```ini\n(.*?)```", OPERATIONS, re.DOTALL)
    assert unit is not None
    parser = RawConfigParser(strict=False)
    parser.read_string(unit[1])
    service = parser["Service"]
    assert service["execstartpre"].endswith("comity migrate")
    grace = re.search(r"--grace (\d+)", service["execstart"])
    assert grace is not None
    assert int(service["timeoutstopsec"]) > int(grace[1]) + 30


def test_the_proxy_lets_go_of_idle_connections_before_the_node_does() -> None:
    told = re.search(r"keepalive_timeout (\d+)s;", OPERATIONS)
    assert told is not None
    idle = Config("api.app:create_app").timeout_keep_alive
    assert int(told[1]) < idle
    assert f"the {idle} seconds after which Comity closes" in OPERATIONS
    guide = (ROOT / "docs" / "integration.md").read_text(encoding="utf-8")
    assert f"idle for {idle} seconds" in guide


def test_the_proxy_passes_websockets_on_and_keeps_other_connections() -> None:
    found = dict(re.findall(r"proxy_set_header (Upgrade|Connection) (\S+);", OPERATIONS))
    assert found == {"Upgrade": "$http_upgrade", "Connection": "$connection_upgrade"}
    upgrading = re.search(
        r"map \$http_upgrade \$connection_upgrade \{(.*?)\}", OPERATIONS, re.DOTALL
    )
    assert upgrading is not None
    assert upgrading[1].split() == ["~*^websocket$", "upgrade;"]
