"""What the guide for partner platforms prints is what a node answers, and its client works."""

import json
import re
import runpy
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from governance.membership import Actor
from governance.words import Measure
from tests.api.http.outside import Node
from tests.api.serving import serving
from tests.builders import DAY, MICRO, World

GUIDE = (Path(__file__).parent.parent / "docs" / "integration.md").read_text(encoding="utf-8")
SENDER = re.compile(r"# (?:([A-Z]+) of ([a-z.]+)|nobody)(?:, (\S+))?\n")


class Exchange(NamedTuple):
    """One request of the guide and the answer that it prints."""

    query: str
    variables: dict[str, Any]
    answer: dict[str, Any]


def exchanges(guide: str) -> Iterator[Exchange]:
    """Every request in order. Without variables of its own it has those of the one before."""
    query = ""
    variables: dict[str, Any] = {}
    for kind, text in re.findall(r"```(sh|graphql|json)\n(.*?)```", guide, re.DOTALL):
        if kind == "graphql":
            query = text
        elif kind == "json" and not {"data", "errors"}.isdisjoint(shown := json.loads(text)):
            yield Exchange(query, variables, shown)
        elif kind == "json":
            variables = shown
        elif "curl" in text:
            words = shlex.split(text.replace("\\\n", ""))
            body = json.loads(words[words.index("-d") + 1])
            query, variables = "# READER of harbor.example\n" + body["query"], body["variables"]


class Shortened:
    """What shortened texts such as `san_…1` stand for, bound when first seen."""

    def __init__(self) -> None:
        self.whole: dict[str, str] = {}

    def bind(self, printed: Any, real: Any) -> None:
        if isinstance(printed, dict) and isinstance(real, dict):
            for name in printed.keys() & real.keys():
                self.bind(printed[name], real[name])
        elif isinstance(printed, list) and isinstance(real, list):
            for one, other in zip(printed, real, strict=False):
                self.bind(one, other)
        elif isinstance(printed, str) and isinstance(real, str):
            start, mark, _ = printed.partition("…")
            if mark and real.startswith(start) and real not in self.whole.values():
                self.whole.setdefault(printed, real)

    def spelled_out(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.spelled_out(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self.spelled_out(part) for part in value]
        return self.whole.get(value, value) if isinstance(value, str) else value


class Stage:
    """The platforms of the guide on a node, and a clock that goes where a request says."""

    def __init__(self, node: Node, *others: str) -> None:
        domains = "tidepool.example", "harbor.example", *others
        self.node = node
        self.teams = {domain: node.world.team(domain) for domain in domains}

    def ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        sender = SENDER.match(query)
        assert sender is not None, query
        role, domain, when = sender.groups()
        if when:
            self.node.clock.now = datetime.fromisoformat(when)
        actor: Actor | None = getattr(self.teams[domain], role.lower()) if domain else None
        return self.node.answer(query, variables, actor)


@pytest.fixture
def stage(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """Yield a node with the platforms of the guide; the test runs once on each engine."""
    with Node(database_url, tmp_path / "comity.key") as node:
        yield Stage(node)


def test_each_request_is_answered_as_the_guide_prints(stage: Stage) -> None:
    short = Shortened()
    for exchange in exchanges(GUIDE):
        real = stage.ask(exchange.query, short.spelled_out(exchange.variables))
        short.bind(exchange.answer, real)
        assert short.spelled_out(exchange.answer) == real, exchange.query


def test_each_request_has_an_answer_in_the_guide() -> None:
    answered = {exchange.query for exchange in exchanges(GUIDE)}
    assert len(answered) == GUIDE.count("```graphql\n") + GUIDE.count("curl") > 15


@pytest.mark.parametrize(
    ("printed", "real"),
    [
        ({"id": "san_…1"}, {"id": "apl_1"}),
        ({"id": "san_…1", "more": 1}, {"id": "san_1"}),
        (["san_…1", "san_…1"], ["san_1", "san_2"]),
        (["san_…1", "san_…2"], ["san_1", "san_1"]),
        (["san_…1"], ["san_1", "san_2"]),
    ],
)
def test_what_is_shortened_stands_for_one_text_alone(printed: Any, real: Any) -> None:
    short = Shortened()
    short.bind(printed, real)
    assert short.spelled_out(printed) != real


def test_the_client_knows_what_the_node_knows(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file, now = tmp_path / "comity.key", datetime.now(UTC)
    with Node(sqlite_url, key_file) as node:
        team = node.world.team()
        monkeypatch.setenv("TOKEN", node.token(team.reader))
    with World(sqlite_url) as world, serving(database_url=sqlite_url, key_file=key_file) as served:
        monkeypatch.setenv("NODE", served.address)
        with client(tmp_path, monkeypatch) as knows:
            assert knows(now) == set()
            found = {
                "overturned": world.issue(team.issuer, now, subject=account("overturned")),
                "shortened": world.issue(team.issuer, now, subject=account("shortened")),
                "erased": world.issue(team.issuer, now, subject=account("erased")),
                "bot": world.terminate(team.issuer, now, subject=account("bot")),
            }
            begins = {"effective_at": now + DAY, "expires_at": now + 3 * DAY}
            world.issue(team.issuer, now, subject=account("later"), **begins)
            world.record(team.issuer, now, subject=account("outside"))
            server = {"measure": Measure.SERVER_SUSPENDED, "subject": "https://spam.example"}
            world.issue(team.issuer, now, **server)
            told = {"overturned", "shortened", "erased", "https://spam.example"}
            assert knows(now) == told
            assert knows(now + DAY) == told | {"later"}
            assert knows(now + 7 * DAY - MICRO) == told
            assert knows(now + 7 * DAY) == set()
            world.overturn(team.issuer, found["overturned"], now)
            world.shorten(team.issuer, found["shortened"], now + 2 * DAY, now)
            world.erase(team.admin, account("erased"), now)
            world.approve(team.reviewer, found["bot"], now)
            assert knows(now) == {"shortened", "bot", "https://spam.example"}
            assert knows(now + 2 * DAY) == {"later", "bot", "https://spam.example"}
        with client(tmp_path, monkeypatch) as knows:
            assert knows(now + 99 * DAY) == {"bot"}


def account(name: str) -> str:
    return f"acct:{name}@elsewhere.example"


@contextmanager
def client(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[datetime], set[str]]]:
    """The guide's client with pages of two events: catches up, then says who is suspended."""
    code = re.search(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert code is not None
    (path / "client.py").write_text(code[1].replace("first: 1000", "first: 2"), encoding="utf-8")
    monkeypatch.setenv("CACHE", str(path / "suspensions.db"))
    found = runpy.run_path(str(path / "client.py"))

    def knows(now: datetime) -> set[str]:
        found["catch_up"]()
        held = found["cache"].execute("SELECT subject FROM held").fetchall()
        names = {subject for [subject] in held if found["is_suspended"](subject, now)}
        return {name.removeprefix("acct:").removesuffix("@elsewhere.example") for name in names}

    yield knows
    found["cache"].close()
