"""A line a request, and nothing personal in any of them."""

import logging
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.types import Receive, Scope, Send

from api.observing.logs import BrokenOff, JsonLines, TextLines, configuration, is_new
from api.observing.metrics import Metrics
from api.observing.middleware import Observed
from api.observing.notes import Note, noting
from governance.settings import Settings
from tests.api.http.conftest import Lines
from tests.api.http.outside import OPERATIONS, Node
from tests.api.serving import ASKING, serving
from tests.builders import Team, write_keys

PRIVATE = {
    "subject": "acct:petronella@elsewhere.example",
    "aliases": ["https://elsewhere.example/users/petronella"],
    "reason": "You called Quentin a scoundrel",
    "facts": "Seen by Quentin on the tram",
    "contentUri": "https://elsewhere.example/posts/quentin",
    "issuerReference": "ticket-quentin-7",
    "caseReference": "case-quentin-8",
}
WORDS = ("petronella", "quentin", "scoundrel", "tram", "elsewhere.example", "testclient")
UNEXPECTED = "something went wrong on our side"


def quiet(lines: Lines, *secrets: str) -> None:
    """Expects that something was logged, and none of the words and secrets."""
    assert lines.of("request")
    logged = lines.text.lower()
    for word in (*WORDS, *secrets):
        assert word.lower() not in logged, word


def test_a_story_leaves_nobody_in_the_log(node: Node, team: Team, lines: Lines) -> None:
    issued = node.issue(team.issuer, **PRIVATE)
    sanction = {"sanctionId": issued["sanction"]["id"]}
    refused = node.do("IssueSanction", team.issuer, **node.body(**PRIVATE | {"reason": "tram"}))
    assert refused["code"] == "REFERENCE_REUSED"
    node.ask("SuspensionStatus", team.reader, subject=PRIVATE["subject"])
    node.do("FileAppeal", **sanction, grounds="I am not Quentin", appealSecret="quentin")
    secret = issued["appealSecret"]
    filed = node.do("FileAppeal", **sanction, grounds="I am not Quentin", appealSecret=secret)
    appeal = {"appealId": filed["appeal"]["id"]}
    for move in ("ADMIT", "START_REVIEW"):
        node.do("MoveAppeal", team.reviewer, **appeal, move=move)
    node.do("MoveAppeal", team.reviewer, **appeal, move="ASK", message="Is Quentin lying?")
    node.do("LiftSanction", team.issuer, **sanction, reason="Quentin lied")
    node.do("EraseSubject", team.admin, subject=PRIVATE["subject"], reason="Petronella asked")
    tokens = [node.headers(by)["Authorization"][7:] for by in (team.issuer, team.reader)]
    quiet(lines, secret, filed["appealSecret"], *tokens)


@pytest.mark.parametrize("word", ["acct:petronella@elsewhere.example", "TOKEN", "SECRET"])
def test_what_is_in_the_wrong_place_stays_out_of_the_log(
    node: Node, team: Team, lines: Lines, word: str
) -> None:
    token = node.headers(team.reader)["Authorization"][7:]
    secret = node.issue(team.issuer)["appealSecret"]
    word = {"TOKEN": token, "SECRET": secret}.get(word, word)
    client, headers = node.client, node.headers(team.reader)
    for query in (
        word,
        f'{{ "{word}" }}',
        f'{{ node(id: "{word}") {{ id }} }}',
        f"{{ a{secret} }}",
    ):
        node.post(query, by=team.reader)
        client.get("/graphql", params={"query": query, "operationName": word}, headers=headers)
    node.post(OPERATIONS, {"subject": word}, name=word)
    node.post(OPERATIONS, {"subject": word, word: word}, team.reader, name="SuspensionStatus")
    node.post(OPERATIONS, {"subject": word, "at": word}, team.reader, name="SuspensionStatus")
    node.post(OPERATIONS, {"after": word, "filter": {word: word}}, name="Sanctions")
    node.do("IssueSanction", team.issuer, **node.body(subject=word, reason="", keywords=[]))
    node.run("IssueSanction", team.issuer, input={**node.body(), word: word})
    for path in (f"/{word}", f"/graphql/{word}", f"/health/ready?{word}", f"/?{word}={word}"):
        client.get(path, headers={"User-Agent": word, "Referer": word, "Cookie": f"a={word}"})
    for name in ("Authorization", "X-Request-Id", "Accept", "Content-Type", "Content-Length",
                 "Traceparent", "X-Forwarded-For", "Host", "Origin"):  # fmt: skip
        client.post("/graphql", content=word, headers={name: word})
    client.request(secret[:20].upper(), "/graphql")
    client.post("/graphql", content=f'{{"query": "{word}'.encode(), headers={"Accept": "*/*"})
    quiet(lines, token, secret, secret[:20])


def test_a_fault_is_told_by_type_and_place_alone(node: Node, team: Team, lines: Lines) -> None:
    issued = node.issue(team.issuer, **PRIVATE)
    with node.world.database.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE appeal_messages"))
    query = (
        "query Q($i: ID!) { sanction(id: $i) { reason appeals { nodes { messages { text } } } } }"
    )
    read = node.post(query, {"i": issued["sanction"]["id"]}, team.issuer)
    filing = {"sanctionId": issued["sanction"]["id"], "grounds": "I am not Quentin"}
    node.run("FileAppeal", input={**filing, "appealSecret": issued["appealSecret"]})
    quiet(lines, issued["appealSecret"], "appeal_messages", "SELECT", "INSERT", "Traceback")
    fast, slow, write = lines.of("unexpected on the first path") + lines.of("unexpected")
    for line in (fast, slow, write):
        assert line["level"] == "error"
        assert line["error"]
        assert ".py:" in line["place"]
    assert fast["requestId"] == slow["requestId"] == read.headers["x-request-id"]
    told = [line for line in lines.of("request") if line["level"] == "error"]
    assert [line["errors"] for line in told] == 2 * [{"INTERNAL": 1}]
    assert told[0]["secondPath"] == "unexpected"


def test_a_line_says_what_was_asked_and_how_it_ended(node: Node, team: Team, lines: Lines) -> None:
    body = node.body(measure="ACCOUNT_TERMINATED")
    answer = node.post(OPERATIONS, {"input": body}, team.issuer, name="IssueSanction")
    node.post("query Ask { sanctions { totalCount } policy { version } }")
    node.post("{ nonsense }")
    node.client.get("/nothing/petronella")
    node.client.get("/health/live")
    change, two, wrong, nothing, live = lines.of("request")
    assert change["requestId"] == answer.headers["x-request-id"]
    assert (change["method"], change["path"], change["status"]) == ("POST", "/graphql", 200)
    assert (change["operationType"], change["operation"]) == ("mutation", "issueSanction")
    assert change["operationName"] == "IssueSanction"
    assert change["refusals"] == {answer.json()["data"]["issueSanction"]["code"]: 1}
    assert change["statements"] > 1
    assert change["durationMs"] > 0
    assert (two["operation"], two["operationName"]) == ("several", "Ask")
    assert two["statements"] == 2
    assert (wrong["errors"], wrong.get("operation")) == ({"BAD_DOCUMENT": 1}, None)
    assert (nothing["path"], nothing["status"]) == ("other", 404)
    assert (live["path"], live["level"]) == ("/health/live", "debug")


def test_start_and_stop_are_told(sqlite_url: str, tmp_path: Path, lines: Lines) -> None:
    with Node(sqlite_url, tmp_path / "comity.key"):
        [started] = lines.of("started")
        assert started["version"]
    assert lines.of("stopped")


def test_other_libraries_lines_lose_what_was_filled_in() -> None:
    try:
        raise ValueError("petronella")
    except ValueError:
        fault = sys.exc_info()
    for formatter in (JsonLines(), TextLines()):
        for name in ("uvicorn.error", "asyncio", "sqlalchemy.engine"):
            record = logging.LogRecord(
                name, logging.ERROR, "x.py", 1, "of %s\nand all", ("petronella",), fault
            )
            told = formatter.format(record)
            assert "petronella" not in told
            assert "ValueError" in told
            assert "Traceback" not in told
            assert ("of %s" in told) is name.startswith("uvicorn")


async def test_who_leaves_before_an_answer_is_told_as_that(lines: Lines) -> None:
    async def nothing(*_: Any) -> None:
        pass

    scope = {"type": "http", "method": "GET", "headers": []}
    await Observed(nothing, Metrics())(scope, nothing, nothing)  # type: ignore[arg-type]
    [line] = lines.of("request")
    assert (line["status"], line["level"]) == (499, "info")


async def test_why_an_answer_breaks_off_is_told_once(lines: Lines) -> None:
    async def torn(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        raise ValueError("petronella")

    async def nothing(*_: Any) -> None:
        pass

    scope = {"type": "http", "method": "GET", "headers": []}
    with pytest.raises(BrokenOff) as broken:
        await Observed(torn, Metrics())(scope, nothing, nothing)  # type: ignore[arg-type]
    [told], [line] = lines.of("unexpected"), lines.of("request")
    assert told["error"] == "ValueError"
    assert (line["status"], line["level"], line["errors"]) == (200, "error", {"INTERNAL": 1})
    for error, is_told in ((broken.value, False), (ValueError(), True)):
        of_server = logging.LogRecord(
            "uvicorn.error", logging.ERROR, "", 0, "", (), (type(error), error, None)
        )
        assert is_new(of_server) is is_told


def test_text_is_for_people() -> None:
    record = logging.LogRecord("comity", logging.INFO, "", 0, "request", (), None)
    record.fields = {"status": 200, "refusals": {"TOO_LONG": 2}}
    with noting(Note("r-1")):
        told = TextLines().format(record)
    assert told.endswith("INFO    request requestId=r-1 status=200 refusals=TOO_LONG:2")


def test_the_level_is_a_setting() -> None:
    loggers = configuration(Settings(log_level="error"))["loggers"]
    assert loggers == {"comity": {"level": "ERROR"}, "uvicorn": {"level": "ERROR"}}


def test_a_served_node_logs_json_and_no_address(sqlite_url: str, tmp_path: Path) -> None:
    key_file = tmp_path / "comity.key"
    write_keys(key_file)
    with serving(database_url=sqlite_url, key_file=key_file, log_level="info") as served:
        query = {"query": "{ policy { version } }"}
        ASKING.post(f"{served.address}/graphql?petronella", json=query)
        served.process.terminate()
        assert served.ended() == 0
        logged = served.said.read_text()
    lines = Lines()
    lines.stream.write(logged)
    assert lines.of("started")
    assert [line["operation"] for line in lines.of("request")] == ["policy"]
    assert "petronella" not in logged
    assert "127.0.0.1:" not in logged.replace(served.address, "")
