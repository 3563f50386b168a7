"""What machines do to a node: disks that take nothing more, clocks that jump. Reads go on, writes
wait for better times, and nothing that was answered is lost."""

import resource
from itertools import pairwise
from pathlib import Path

import httpx2
import psycopg
from psycopg.sql import SQL, Identifier
from sqlmodel import select

from governance.entries import LogCheckpoint
from tests.api.http.outside import OPERATIONS, Node, issue_input
from tests.api.serving import plain_client, serving
from tests.builders import HOUR, NOW, Team
from tests.governance.test_logging import check_tree

COUNT = "{ sanctions { totalCount } }"


def test_a_disk_that_takes_nothing_more_stops_writes_alone(sqlite_url: str, tmp_path: Path) -> None:
    """As a full disk or a read-only one would, seen by a process under way."""
    node = Node(sqlite_url, tmp_path / "comity.key")
    headers = node.headers(node.world.team().issuer)
    with (
        serving(database_url=sqlite_url, key_file=tmp_path / "comity.key") as served,
        plain_client(base_url=served.address, headers=headers, timeout=60) as client,
    ):

        def allow(size: int) -> None:
            assert served.process.pid is not None
            resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (size, -1))

        assert _issued(client).status_code == 200
        allow(0)
        for _ in range(2):
            refused = _issued(client)
            assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
            assert refused.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        assert _count(client) == 1
        allow(-1)
        assert _issued(client).status_code == 200
        assert _count(client) == 2
    check_tree(node.world)
    node.world.database.close()


def test_a_database_that_became_read_only_stops_writes_alone(
    postgresql_url: str, tmp_path: Path
) -> None:
    def allow(writing: bool) -> None:
        """As an administrator or a failover does, sessions under way cut off."""
        name = postgresql_url.rpartition("/")[2]
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            change = SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
            connection.execute(change.format(Identifier(name), "off" if writing else "on"))
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    with Node(postgresql_url, tmp_path / "comity.key") as node:
        team = node.world.team()
        node.issue(team.issuer)
        allow(writing=False)
        refused = node.post(OPERATIONS, {"input": node.body()}, team.issuer, name="IssueSanction")
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        assert refused.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        assert node.data(COUNT) == {"sanctions": {"totalCount": 1}}
        allow(writing=True)
        node.issue(team.issuer)
        assert node.data(COUNT) == {"sanctions": {"totalCount": 2}}
        check_tree(node.world)


def test_a_clock_that_jumps_back_takes_nothing_back(node: Node, team: Team) -> None:
    """The log's time stands still until the clock has caught up."""
    first = node.issue(team.issuer)["sanction"]
    node.clock.forward(-3 * HOUR)
    second = node.issue(team.issuer)["sanction"]
    appeal_id = node.under_review(team, second)
    decided = node.do("DecideAppeal", team.reviewer, appealId=appeal_id, outcome="UPHELD",
                      statement="It stands")  # fmt: skip
    assert decided["__typename"] == "AppealChanged", decided
    lifted = node.do("LiftSanction", team.issuer, sanctionId=first["id"], reason="Enough")
    assert lifted["__typename"] == "SanctionChanged", lifted
    assert second["issuedAt"] < first["issuedAt"]  # as the clock told whoever decided
    node.clock.forward(4 * HOUR)
    third = node.issue(team.issuer)["sanction"]
    assert third["issuedAt"] == node.at()
    with node.world.database.reading() as session:
        trees = session.exec(select(LogCheckpoint).order_by("size")).all()
    assert all(early.logged_at <= late.logged_at for early, late in pairwise(trees))
    check_tree(node.world)
    effects = [node.ask("Sanction", id=each["id"])["effect"] for each in (first, second, third)]
    assert effects == ["ENDED", "IN_FORCE", "IN_FORCE"]


def _issued(client: httpx2.Client) -> httpx2.Response:
    sent = {"query": OPERATIONS, "operationName": "IssueSanction",
            "variables": {"input": issue_input(NOW.now(NOW.tzinfo))}}  # fmt: skip
    return client.post("/graphql", json=sent)


def _count(client: httpx2.Client) -> int:
    answer = client.post("/graphql", json={"query": COUNT})
    count: int = answer.json()["data"]["sanctions"]["totalCount"]
    return count
