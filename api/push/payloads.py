"""What a receiver is told of an event: what the feed shows its platform at that moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from api.asking import Request
from api.execution import Executor
from api.reads.stretches import PREFIX
from governance.fields import print_instant
from governance.membership import Actor
from governance.receivers import Receiver
from governance.turns import Turn
from governance.words import MemberKind, Role

HERE = Path(__file__).parent
DOCUMENT = (HERE / "event.graphql").read_text(encoding="utf-8")
ACCOUNT = (HERE / "account.graphql").read_text(encoding="utf-8")
NOTHING: Mapping[str, Any] = {}


class Unread(Exception):
    """The node couldn't answer itself; what is due is due later."""


@dataclass(frozen=True, slots=True)
class Told:
    """One event of the feed, as its receiver may know it; or, at a place below zero, an account's
    turn."""

    position: int
    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """What fits in a piece of the feed, where that ends, and whether more may follow."""

    told: Sequence[Told]
    reached: int
    has_more: bool

    def end(self, newest: int) -> int:
        """The place up to which nothing else fits, of a feed that went on to the newest."""
        return self.reached if self.has_more else max(newest, self.reached)


async def read(
    executor: Executor,
    receiver: Receiver,
    after: int,
    first: int,
    wanted: Mapping[str, Any] = NOTHING,
) -> Piece:
    """The next events after a place that fit."""
    variables = {"after": f"{PREFIX}{after}", "first": first, "filter": dict(wanted) or None}
    page = (await _answer(executor, receiver, DOCUMENT, variables))["eventPage"]
    told = [Told(_place(event["cursor"]), event) for event in page["nodes"]]
    return Piece(told, _place(page["endCursor"] or f"{PREFIX}0"), page["hasNextPage"])


async def read_turn(executor: Executor, receiver: Receiver, turn: Turn) -> Told | None:
    """An account's turn; None where the receiver may not know whose account it is, or any more."""
    asked = await _answer(executor, receiver, ACCOUNT, {"id": turn.sanction_id})
    sanction = asked["sanction"]
    if sanction is None or sanction["subject"] is None:
        return None
    told = {"turn": turn.turn.value, "occurredAt": print_instant(turn.at), "sanction": sanction}
    return Told(-turn.position, told | {"subject": sanction["subject"]})


async def _answer(
    executor: Executor, receiver: Receiver, document: str, variables: Mapping[str, Any]
) -> dict[str, Any]:
    asked = Request(document, variables, None, _reader(receiver), "", True)
    answer = orjson.loads((await executor.answer(asked)).body)
    if answer.get("errors") or not answer.get("data"):
        raise Unread
    data: dict[str, Any] = answer["data"]
    return data


def message_id(receiver: Receiver, position: int) -> str:
    """The same each time that an event is sent to a receiver, so that it is counted once."""
    return f"{receiver.id}_{position}" if position > 0 else f"{receiver.id}_t{-position}"


def _reader(receiver: Receiver) -> Actor:
    """A service of the receiver's platform that only reads."""
    roles = frozenset({Role.READER})
    return Actor("", receiver.platform_id, MemberKind.SERVICE, roles, receiver.id)


def _place(cursor: str) -> int:
    return int(cursor.removeprefix(PREFIX))
