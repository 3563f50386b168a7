"""A node on each engine, with two platforms."""

import io
import logging
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.observing.logs import JsonLines
from api.push import delivering, polling, turning
from api.research import making
from governance.tokens import write_token_keys
from tests.api.http.matrix import Matrix
from tests.api.http.matrix import matrix as made
from tests.api.http.outside import Node
from tests.api.http.streaming import Streams, issuing
from tests.builders import Team
from tests.postgres import Server
from tests.receiving import Endpoint, receiving


@pytest.fixture(scope="module")
def still() -> Iterator[None]:
    """Keep servers from making selections by themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "EVERY", timedelta(hours=1))
        yield


@pytest.fixture
def node(database_url: str, tmp_path: Path) -> Iterator[Node]:
    """Yield a node that serves; the test runs once on each engine."""
    with Node(database_url, tmp_path / "comity.key") as node:
        yield node


@pytest.fixture
def lite(sqlite_url: str, tmp_path: Path) -> Iterator[Node]:
    """Yield a node on SQLite, for what has nothing to do with the database."""
    with Node(sqlite_url, tmp_path / "comity.key") as node:
        yield node


class Lines:
    """What was logged, as an operator reads it."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def of(self, event: str) -> list[dict[str, Any]]:
        """The lines of an event, oldest first."""
        found = [orjson.loads(line) for line in self.text.splitlines()]
        return [line for line in found if line["event"] == event]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """Yield all that is logged at any level by any library, but the tests' own client."""
    lines = Lines()
    handler = logging.StreamHandler(lines.stream)
    handler.setFormatter(JsonLines())
    handler.addFilter(lambda record: not record.name.startswith(("httpx2", "httpcore2")))
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.DEBUG)
    logging.getLogger("comity").manager._clear_cache()  # type: ignore[attr-defined]
    root.addHandler(handler)
    yield lines
    root.removeHandler(handler)
    monkeypatch.undo()
    logging.getLogger("comity").manager._clear_cache()  # type: ignore[attr-defined]


@pytest.fixture
def team(request: pytest.FixtureRequest) -> Team:
    """Return a platform of the test's node with its members."""
    return _node(request).world.team("mod.example")


@pytest.fixture
def partner(request: pytest.FixtureRequest) -> Team:
    """Return another platform of the same node."""
    return _node(request).world.team("partner.example")


def _node(request: pytest.FixtureRequest) -> Node:
    name = next(name for name in ("issuer", "node", "lite") if name in request.fixturenames)
    found = request.getfixturevalue(name)
    assert isinstance(found, Node)
    return found


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def matrix(
    still: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Matrix]:
    """Yield the world of the permission matrix, made once a module on each engine."""
    path = tmp_path_factory.mktemp("matrix")
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        url = f"sqlite:///{shutil.copyfile(template, path / 'comity.db')}"
        with made(url, path / "comity.key") as matrix:
            yield matrix
        return
    postgres: Server = request.getfixturevalue("postgres")
    with (
        postgres.lent(request.getfixturevalue("postgresql_template")) as name,
        made(postgres.url(name), path / "comity.key") as matrix,
    ):
        yield matrix


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let looks at streams follow each other at once."""
    monkeypatch.setattr(delivering, "EVERY", timedelta(seconds=0.03))
    monkeypatch.setattr(turning, "EVERY", timedelta(seconds=0.03))
    monkeypatch.setattr(polling, "LOOK", 0.02)
    monkeypatch.setattr(polling, "HOLD", 0.2)


@pytest.fixture(scope="session")
def token_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of keys for tokens; making them takes longer than most tests."""
    file = tmp_path_factory.mktemp("keys") / "comity.token.keys"
    write_token_keys(file)
    return file


@pytest.fixture
def issuer(database_url: str, token_keys: Path, tmp_path: Path, hasty: None) -> Iterator[Node]:
    """Yield a node that issues tokens, on each engine."""
    shutil.copy2(token_keys, tmp_path)
    with issuing(database_url, tmp_path) as node:
        yield node


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Yield a receiver that takes everything."""
    with receiving(Endpoint()) as endpoint:
        yield endpoint


@pytest.fixture
def streams(issuer: Node, team: Team, partner: Team) -> Streams:
    """Return the partner's side of streams of `mod.example`."""
    return Streams(issuer, team, partner)
