"""`comity selection`: what an operator sees of what researchers ask for."""

import os
from pathlib import Path

from api.research.making import Keeper
from governance import selections
from governance.settings import read_settings
from governance.words import ExportFormat
from tests.api.cli.conftest import Comity
from tests.builders import DAY, NOW, World


def asked(url: str) -> str:
    """A selection that waits, of a project on a platform with twelve suspended accounts."""
    with World(url) as world:
        world.database.log = read_settings().sequencer()
        team = world.team("mod.example")
        for _ in range(12):
            world.issue(team.issuer, NOW)
        wanted = {"measures": ["ACCOUNT_SUSPENDED"]}
        return world.do(
            selections.request, team.researcher, wanted, [ExportFormat.CSV], now=NOW + 9 * DAY
        ).id


def test_an_operator_sees_every_request_makes_it_and_gives_it_up(
    node: Comity, database_url: str
) -> None:
    ident = asked(database_url)
    [line] = node("selection", "list").out.splitlines()
    wanted = '{"measures":["ACCOUNT_SUSPENDED"]}'
    when = "2026-03-10T12:00:00Z"
    assert line.split("\t") == [
        *(ident, "researcher@mod.example", "WAITING", when, "-", "-", "-", "0", wanted, "")
    ]
    assert node("selection", "run").err == "all made; 0 of them anew\n"
    told = node("selection", "list").out.split("\t")
    assert (told[2], told[4:7]) == ("READY", ["12", "12", "0"])
    assert int(told[7]) > 100
    assert node("selection", "cancel", ident).code == 0
    assert node("selection", "list").out.split("\t")[2] == "CANCELLED"
    folder = read_settings().selection_path
    assert (folder / ident).exists()
    node("selection", "run")
    assert not (folder / ident).exists()
    refused = node("selection", "cancel", ident)
    assert (refused.code, "isn't over" in refused.err) == (1, True)
    assert "no selection sel_x" in node("selection", "cancel", "sel_x").err


def test_a_folder_that_others_can_not_read(node: Comity, tmp_path: Path, database_url: str) -> None:
    asked(database_url)
    folder = tmp_path / "kept" / "selections"
    assert node("selection", "run", selection_folder=folder).code == 0
    assert os.stat(folder).st_mode & 0o777 == 0o700
    assert len(list(folder.glob("sel_*/0/rows.csv.gz"))) == 1


def test_while_a_server_makes_them_the_command_says_so(node: Comity, database_url: str) -> None:
    asked(database_url)
    settings = read_settings()
    with World(database_url) as world:
        keeper = Keeper(world.database, settings, lambda: NOW)
        with keeper.place.alone():
            refused = node("selection", "run")
    assert (refused.code, "a server makes selections" in refused.err) == (1, True)
