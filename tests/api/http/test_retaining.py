"""The server erases by itself what is not kept any longer."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from api import retaining
from governance.rules.policy import ERASED_AFTER
from tests.api.http.outside import ACCOUNT, Node
from tests.builders import DAY

PATIENCE = 30  # seconds
READ = "query ($i: ID!) { sanction(id: $i) { disclosureState subject reason explanation } }"


def test_a_server_erases_a_year_after_the_end(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retaining, "AT_FIRST", timedelta(seconds=0.1))
    monkeypatch.setattr(retaining, "EVERY", timedelta(seconds=0.1))
    with Node(database_url, tmp_path / "comity.key") as node:
        team = node.world.team()
        issued = node.issue(team.issuer, subject=ACCOUNT, explanation="For everyone")
        asked = {"i": issued["sanction"]["id"]}
        node.clock.forward(7 * DAY + ERASED_AFTER)
        until = time.monotonic() + PATIENCE
        while (found := node.data(READ, asked, team.admin)["sanction"])["reason"] is not None:
            assert time.monotonic() < until
        assert found == {
            "disclosureState": "REDACTED",
            "subject": None,
            "reason": None,
            "explanation": "For everyone",
        }
