"""What becomes of selections: made anew after an erasure, given up, gone after a week."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.research import making
from api.research.making import Keeper
from governance.rules import research
from tests.api.http.outside import Node
from tests.api.http.selections.conftest import ALL, CANCEL, Study
from tests.builders import DAY
from tests.waiting import until_so


def test_files_go_after_a_week_and_the_request_stays(lite_study: Study) -> None:
    made = lite_study.asked()
    folder = lite_study.node.settings.selection_path
    lite_study.node.clock.forward(research.KEPT)
    assert lite_study.keeper.renew() == 0
    over = lite_study.found(made["id"])
    assert (over["state"], over["files"], over["manifestUrl"]) == ("EXPIRED", [], None)
    assert list(folder.glob("*sel_*")) == []


def test_a_cancelled_selection_is_dead_at_once_and_its_files_go(lite_study: Study) -> None:
    made = lite_study.asked()
    url, node = made["files"][0]["url"], lite_study.node
    cancelled = node.data(CANCEL, {"i": {"selectionId": made["id"]}}, lite_study.by)
    assert cancelled["cancelSelection"]["selection"] == {"state": "CANCELLED"}
    assert node.client.get(url).status_code == 404
    lite_study.keeper.renew()
    assert list(node.settings.selection_path.glob("*sel_*")) == []
    again = node.data(CANCEL, {"i": {"selectionId": made["id"]}}, lite_study.by)["cancelSelection"]
    assert again["code"] == "CONFLICT"


def test_an_erasure_is_taken_out_of_what_was_ready(study: Study) -> None:
    made = study.asked(**ALL)
    rows = study.rows(made)
    study.node.world.erase(study.team.admin, study.accounts[0], study.node.clock.now)
    assert study.keeper.renew() == 1
    assert study.node.client.get(made["files"][0]["url"]).status_code == 404
    waiting = study.found(made["id"])
    assert (waiting["state"], waiting["generation"], waiting["files"]) == ("WAITING", 1, [])
    assert study.keeper.make()
    again = study.found(made["id"])
    assert (again["state"], again["generation"]) == ("READY", 1)
    assert (again["asOf"], again["expiresAt"]) == (made["asOf"], made["expiresAt"])
    gone = {row["subject"] for row in rows} - {row["subject"] for row in study.rows(again)}
    assert len(gone) >= 1  # and the nine that shared a row with nobody else any more
    assert study.keeper.renew() == 0
    folder = study.node.settings.selection_path
    text = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not [name for name in gone if name.encode() in text]


def test_an_erasure_counts_though_the_record_fits_no_more(study: Study) -> None:
    made = study.asked(**ALL, filter={"validities": ["STANDING"]})
    world, now = study.node.world, study.node.clock.now
    world.overturn(study.team.issuer, study.ids[11], now)
    assert study.keeper.renew() == 0
    world.erase(study.team.admin, study.accounts[11], now)
    assert study.keeper.renew() == 1
    assert study.node.client.get(made["files"][0]["url"]).status_code == 404


def test_an_erasure_while_another_process_makes_it_is_seen(study: Study) -> None:
    ident, node = study.ask()["selection"]["id"], study.node
    looks = count(1)

    def check() -> None:
        if next(looks) == 3:  # its rows are read
            node.world.erase(study.team.admin, study.accounts[0], node.clock.now)
            assert study.keeper.renew() == 0

    assert Keeper(node.world.database, node.settings, node.clock, check).make()
    assert study.found(ident)["state"] == "READY"
    assert study.keeper.renew() == 1


class Spins(BaseException):
    """It is tried without an end."""


@pytest.mark.parametrize("at", ["before anything is read", "while it is read"])
def test_what_can_not_be_made_is_given_up(lite_study: Study, at: str) -> None:
    ident, node = lite_study.ask()["selection"]["id"], lite_study.node
    broken = {
        "before anything is read": "UPDATE sanctions SET redacted_at = 'soon'",
        "while it is read": """UPDATE selections SET wanted = '{"issuedAfter": "then"}'""",
    }
    node.world.do(lambda session: session.execute(sa.text(broken[at])))
    looks = count()

    def check() -> None:
        if next(looks) > 20:
            raise Spins

    assert Keeper(node.world.database, node.settings, node.clock, check).make()
    found = lite_study.found(ident)
    assert (found["state"], found["files"]) == ("FAILED", [])
    assert found["problem"].startswith("the node couldn't make it")
    assert lite_study.ask()["selection"]["id"] != ident


def test_files_that_are_lost_are_made_again(lite_study: Study) -> None:
    made = lite_study.asked()
    for path in lite_study.node.settings.selection_path.rglob("manifest.note"):
        path.unlink()
    assert lite_study.keeper.renew() == 1
    assert lite_study.keeper.make()
    again = lite_study.found(made["id"])
    assert again["files"][0]["sha256"] == made["files"][0]["sha256"]
    assert lite_study.node.client.get(again["files"][0]["url"]).status_code == 200


@pytest.fixture
def serving(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """Yield a node that makes selections by itself."""
    monkeypatch.setattr(making, "EVERY", timedelta(seconds=0.1))
    monkeypatch.setattr(making, "LOOK", timedelta(seconds=0.3))
    with Node(database_url, tmp_path / "comity.key") as node:
        yield node


def test_a_server_makes_renews_and_lets_go_by_itself(serving: Node) -> None:
    study = Study(serving)
    ident = study.ask()["selection"]["id"]

    def until(state: str, generation: int) -> None:
        def holds() -> bool:
            found = study.found(ident)
            return (found["state"], found["generation"]) == (state, generation)

        until_so(holds, lambda: study.found(ident))

    until("READY", 0)
    serving.world.erase(study.team.admin, study.accounts[0], serving.clock.now)
    until("READY", 1)
    serving.clock.forward(8 * DAY)
    until("EXPIRED", 2)
