"""One request as the executor sees it: what is asked, what is shared while it is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from graphql import GraphQLError

from api.limiting.rates import Budget
from api.reads.plans import Operation
from api.reads.values import Env
from governance.membership import Actor, viewer_of
from governance.rules.disclosure import Viewer, ViewerKind

APPELLANT = Viewer(ViewerKind.APPELLANT)


@dataclass(slots=True)  # frozen, it would take four times as long to make
class Request:
    """One GraphQL request and who makes it, from where."""

    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    operation_name: str | None = None
    actor: Actor | None = None
    address: str = ""
    is_read_only: bool = False

    @property
    def caller(self) -> str:
        """Whose budget it is: the credential's, or the address's without one."""
        return self.actor.token_id if self.actor else self.address


@dataclass(slots=True)
class Answer:
    """A body, the status it has where the media type tells by it, and fields of its header."""

    body: bytes
    status: int = 200
    fields: Sequence[tuple[bytes, bytes]] = ()


@dataclass(slots=True)
class Context:
    """What is shared within one request."""

    executor: Any  # resolvers find it here, since executors share one prepared schema
    operation: Operation
    request: Request
    now: datetime
    variables: Mapping[str, Any]
    lookup: bytes
    seal: str
    budgets: list[Budget]
    holds_secret: bool = False  # an appellant, after a change by the appeal secret
    is_straight: bool = False  # what is read is answered as it is, without graphql-core

    @property
    def actor(self) -> Actor | None:
        return self.request.actor

    def env(self) -> Env:
        viewer = APPELLANT if self.holds_secret else viewer_of(self.request.actor)
        return Env(self.variables, self.now, viewer, self.lookup, self.seal)


def refusal(message: str, code: str) -> GraphQLError:
    """A top-level error with its code."""
    return GraphQLError(message, extensions={"code": code})
