"""A node as its callers see it: HTTP, bearer tokens, and a clock that tests move."""

from dataclasses import fields
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from httpx2 import Response
from starlette.testclient import TestClient

from api.app import create_app
from api.documents import Documents
from api.reads.plans import Planner
from governance.fields import print_instant
from governance.membership import Actor, create_token
from governance.platforms import Member, Platform
from governance.settings import Settings
from tests.builders import DAY, NOW, Team, World, write_keys

OPERATIONS = (Path(__file__).parents[2] / "contract" / "operations.graphql").read_text()
ACCOUNT = "acct:alice@elsewhere.example"

_serials = count(1)
# By dialect and by what decides how a document is taken: what such nodes know is the same.
_KNOWN: dict[tuple[Any, ...], tuple[Documents, Planner]] = {}
LIMITS = [f.name for f in fields(Settings) if f.name.startswith(("max_", "trusted_"))]


class Clock:
    """The node's clock; it stands still unless a test moves it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, span: timedelta) -> None:
        self.now += span


class Node:
    """A running node. Whoever acts is an Actor, a token as text, or nobody."""

    def __init__(self, url: str, key_file: Path, **settings: Any) -> None:
        write_keys(key_file)
        self.clock = Clock()
        self.world = World(url)
        self.settings = Settings(database_url=url, key_file=key_file, **settings)
        self.world.database.log = self.settings.sequencer()
        app = create_app(self.settings, now=self.clock)
        executor = app.state.executor
        limits = [getattr(self.settings, name) for name in LIMITS]
        executor.documents, executor.reader.planner = _KNOWN.setdefault(
            (self.world.database.dialect, *limits), (executor.documents, executor.reader.planner)
        )
        self.client = TestClient(app)
        self._tokens: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.client.__enter__()
        return self

    def __exit__(
        self, t: type[BaseException] | None, v: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.client.__exit__(t, v, tb)
        self.world.__exit__(None, None, None)

    def token(self, actor: Actor, lifetime: timedelta | None = None) -> str:
        """A new token of a member."""
        with self.world.database.writing() as session:
            member = session.get_one(Member, actor.member_id)
            domain = session.get_one(Platform, actor.platform_id).domain
            return create_token(session, domain, member.handle, now=NOW, lifetime=lifetime)

    def headers(self, by: Actor | str | None) -> dict[str, str]:
        if isinstance(by, Actor):
            if by.member_id not in self._tokens:
                self._tokens[by.member_id] = self.token(by)
            by = self._tokens[by.member_id]
        return {} if by is None else {"Authorization": f"Bearer {by}"}

    def post(
        self,
        query: str,
        variables: object = None,
        by: Actor | str | None = None,
        *,
        name: str | None = None,
        accept: str = "application/json",
    ) -> Response:
        body = {"query": query, "variables": variables, "operationName": name}
        headers = {**self.headers(by), "Accept": accept}
        return self.client.post("/graphql", json=body, headers=headers)

    def answer(
        self, query: str, variables: object = None, by: Actor | str | None = None
    ) -> dict[str, Any]:
        """The whole answer, errors included."""
        response = self.post(query, variables, by)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        answer.pop("extensions", None)  # what it cost, which its own tests look at
        return answer

    def data(
        self, query: str, variables: object = None, by: Actor | str | None = None
    ) -> dict[str, Any]:
        """The data of an answer without errors."""
        answer = self.answer(query, variables, by)
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def run(self, name: str, by: Actor | str | None = None, **variables: object) -> dict[str, Any]:
        """The answer of one operation of the contract, which is sent as one document."""
        response = self.post(OPERATIONS, variables, by, name=name)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        answer.pop("extensions", None)
        return answer

    def ask(self, name: str, by: Actor | str | None = None, **variables: object) -> Any:
        """The one root field of a query of the contract, without errors."""
        answer = self.run(name, by, **variables)
        assert "errors" not in answer, answer
        [value] = answer["data"].values()
        return value

    def do(self, name: str, by: Actor | str | None = None, **fields: object) -> dict[str, Any]:
        """The result of a mutation of the contract: its payload, or its Refusal."""
        result: dict[str, Any] = self.ask(name, by, input=fields)
        return result

    def issue(self, by: Actor | str, **changes: object) -> dict[str, Any]:
        """Issues a seven days' time-out, but for the changes; it has to succeed."""
        result = self.do("IssueSanction", by, **self.body(**changes))
        assert result["__typename"] == "SanctionIssued", result
        return result

    def terminate(self, by: Actor | str, **changes: object) -> dict[str, Any]:
        return self.issue(by, **{**TERMINATION, **changes})

    def body(self, **changes: object) -> dict[str, Any]:
        return issue_input(self.clock.now, **changes)

    def at(self, span: timedelta = timedelta()) -> str:
        """So far from now, as answers print it."""
        return print_instant(self.clock.now + span)

    def under_review(self, team: Team, sanction: dict[str, Any]) -> str:
        """The id of an appeal that the platform filed and `reviewer` took up."""
        filed = self.do("FileAppeal", team.admin, sanctionId=sanction["id"], grounds="Not me")
        appeal_id: str = filed["appeal"]["id"]
        for move in ("ADMIT", "START_REVIEW"):
            moved = self.do("MoveAppeal", team.reviewer, appealId=appeal_id, move=move)
            assert moved["__typename"] == "AppealChanged", moved
        return appeal_id

    def records(self) -> dict[str, list[str]]:
        """Every row of every table but tokens, whose last use is noted at each request."""
        return {k: rows for k, rows in self.world.snapshot().items() if k != "tokens"}


TERMINATION = {"measure": "ACCOUNT_TERMINATED", "permanentBasis": "SPAM", "expiresAt": None}


def issue_input(now: datetime, **changes: object) -> dict[str, Any]:
    """An IssueSanctionInput with a reference, an account and a conduct of its own."""
    serial = next(_serials)
    conduct = print_instant(NOW - 100 * DAY + timedelta(minutes=serial))
    return {
        "issuerReference": f"case-{serial}",
        "subject": f"acct:person{serial}@elsewhere.example",
        "measure": "ACCOUNT_SUSPENDED",
        "ground": "INCOMPATIBLE_CONTENT",
        "groundReference": "Terms 4.2",
        "category": "VIOLENCE",
        "conductFrom": conduct,
        "conductTo": conduct,
        "expiresAt": print_instant(now + 7 * DAY),
        "reason": "You threatened somebody",
        "isAutomatedDetection": False,
        "automation": "NOT_AUTOMATED",
        "source": "OWN_INITIATIVE",
        **changes,
    }
