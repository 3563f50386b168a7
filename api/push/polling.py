"""Polling for security event tokens (RFC 8936): each until it is acknowledged."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
from pydantic import Field
from sqlmodel import Session
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.push.messages import Held, Messages, held, verification_id
from api.push.payloads import Piece, Told, Unread, message_id, read, read_turn
from api.push.sets import turns_of
from api.push.transmitters import Call, Transmitter, parsed, told
from governance import receivers, streams, turns
from governance.errors import Forbidden, NotFound
from governance.feed import newest_position
from governance.fields import Shape
from governance.receivers import TOKEN_ERRORS, Receiver, Stream
from governance.rules.disclosure import READERS
from governance.settings import Settings
from governance.turns import Turn
from governance.words import Delivery, ReceiverStatus

MOST = 100  # tokens in an answer
HOLD = 10.0  # seconds that a poll is held while there is nothing
LOOK = 0.5  # seconds between looks meanwhile for what is no event
MOST_HELD = 100  # polls of a process; others are answered at once


class Mistake(Shape):
    """Why a token wasn't taken (section 2.6)."""

    err: str = ""


class Poll(Shape):
    """A request (section 2.2)."""

    maxEvents: int = Field(default=MOST, ge=0)
    returnImmediately: bool = False
    ack: list[str] = Field(default=[], max_length=10_000)
    setErrs: dict[str, Mistake] = Field(default={}, max_length=10_000)


class Polling:
    """What answers polls."""

    def __init__(self, transmitter: Transmitter, settings: Settings) -> None:
        self._at, self._messages = transmitter, Messages(settings)
        self._holding = 0

    async def poll(self, call: Call) -> Response:
        asked = parsed(Poll, call.body)
        await self._at.reading(partial(self._own, call=call))
        if asked.ack or asked.setErrs:
            await self._at.writing(partial(self._note, call=call, asked=asked))
        most = min(asked.maxEvents, MOST)
        try:
            sets, has_more = await self._next(call, most)
            waits = most and not asked.returnImmediately and self._holding < MOST_HELD
            if waits and not sets and not has_more:
                sets, has_more = await self._held(call, most)
        except Unread:
            return told(503, "busy", "the feed couldn't be read: try again")
        return JSONResponse({"sets": sets, "moreAvailable": has_more})

    async def _held(self, call: Call, most: int) -> tuple[dict[str, str], bool]:
        self._holding += 1
        try:
            until = anyio.current_time() + HOLD
            seen = await self._at.reading(partial(_newest, ident=call.stream_id or ""))
            while anyio.current_time() < until and not self._at.head.is_stopping:
                await self._at.head.waited(seen[0], LOOK)
                newest = await self._at.reading(partial(_newest, ident=call.stream_id or ""))
                if newest == seen:
                    continue
                sets, has_more = await self._next(call, most)
                if sets or has_more:
                    return sets, has_more
                seen = newest
        finally:
            self._holding -= 1
        return {}, False

    async def _next(self, call: Call, most: int) -> tuple[dict[str, str], bool]:
        """Tokens that aren't acknowledged, oldest first, and whether there are more."""
        to, stream = await self._at.reading(partial(self._own, call=call))
        receiver = to.receiver
        if receiver.status is not ReceiverStatus.ENABLED:
            return {}, False
        end = await self._at.reading(newest_position)
        ahead = set(stream.acknowledged)
        first = min(most + len(ahead) + 1, 1_000)
        piece = await read(self._at.executor, receiver, receiver.position, first, receiver.filter)
        open_ = [one for one in piece.told if one.position not in ahead]
        done = _done_with(piece, open_, end)
        turned, turn = await self._turned(receiver, stream, first)
        if done > receiver.position or (stream.turn is not None and turn > stream.turn):
            await self._at.writing(partial(_settle, ident=receiver.id, position=done, turn=turn))
        letters = await self._letters(receiver, most)
        sets = {}
        if stream.is_verifying and most:
            sets[verification_id(stream)] = self._messages.verification(to, stream, self._at.now())
        room = max(0, most - len(sets))
        due = [*letters, *open_, *turned]
        sets |= await anyio.to_thread.run_sync(self._signed, to, stream, due[:room])
        return sets, piece.has_more or len(due) > room

    async def _letters(self, receiver: Receiver, most: int) -> list[Told]:
        """Replayed letters, as the events now stand."""
        which = partial(receivers.waiting, ident=receiver.id, most=most)
        places: Sequence[int] = await self._at.reading(which) if most else ()
        again = []
        for place in places:
            piece = await read(self._at.executor, receiver, max(0, place - 1), 1)
            again += [one for one in piece.told if one.position == place]
            if place < 0 and (turn := await self._at.reading(partial(_turn, place=-place))):
                told = await read_turn(self._at.executor, receiver, turn)
                again += [told] if told else []
        return again

    async def _turned(
        self, receiver: Receiver, stream: Stream, most: int
    ) -> tuple[list[Told], int]:
        """Turns that aren't acknowledged, oldest first, and up to which all others are."""
        if stream.turn is None:
            return [], 0
        of = partial(turns.after, platform_id=stream.issuer_id, position=stream.turn, most=most)
        wanted, ahead, open_ = turns_of(stream.requested), set(stream.acknowledged), []
        done = stream.turn
        for turn in await self._at.reading(of):
            if turn.turn in wanted and -turn.position not in ahead:
                told = await read_turn(self._at.executor, receiver, turn)
                open_ += [told] if told else []
            done = done if open_ else turn.position
        return open_, done

    def _signed(self, to: Held, stream: Stream, due: Sequence[Told]) -> dict[str, str]:
        now = self._at.now()
        return {
            message_id(to.receiver, one.position): self._messages.token(to, stream, one, now)
            for one in due
        }

    def _note(self, session: Session, call: Call, asked: Poll) -> None:
        """Acknowledges; what wasn't taken becomes a dead letter."""
        to, stream = self._own(session, call)
        refused = _places(to.receiver, asked.setErrs)
        taken = _places(to.receiver, dict.fromkeys(asked.ack))
        streams.acknowledge(session, to.receiver, stream, [*taken, *refused])
        for place, mistake in refused.items():
            problem = mistake.err if mistake.err in TOKEN_ERRORS else "refused"
            receivers.bury(session, to.receiver.id, place, problem, now=self._at.now())
        if {verification_id(stream)} & {*asked.ack, *asked.setErrs}:
            streams.verified(session, to.receiver.id, stream.verifications)

    def _own(self, session: Session, call: Call) -> tuple[Held, Stream]:
        if not call.actor.roles & READERS:
            raise Forbidden("expected a role that reads")
        receiver, stream = streams.own(session, call.actor, call.issuer, call.stream_id or "")
        found = held(session, receiver.id)
        if found is None or receiver.delivery is not Delivery.POLL:
            raise NotFound("no such stream to poll")
        return found, stream


def poll_routes(transmitter: Transmitter, settings: Settings) -> list[Route]:
    handle = transmitter.endpoint(Polling(transmitter, settings).poll)
    return [Route("/ssf/{domain}/poll/{stream_id}", handle, methods=["POST"])]


def _done_with(piece: Piece, open_: Sequence[Told], newest: int) -> int:
    """The place up to which nothing waits for an acknowledgement."""
    if open_:
        before = [one.position for one in piece.told if one.position < open_[0].position]
        return max(before, default=0)
    return piece.end(newest)


def _places(receiver: Receiver, idents: Mapping[str, Any]) -> dict[int, Any]:
    """Places of the feed, and below zero of turns, that tokens were about; others name nothing."""
    found = {}
    for ident, it in idents.items():
        named = re.fullmatch(rf"{receiver.id}_(t?)([0-9]{{1,18}})", ident)
        if named:
            found[-int(named[2]) if named[1] else int(named[2])] = it
    return found


def _settle(session: Session, ident: str, position: int, turn: int) -> None:
    receiver, stream = session.get(Receiver, ident), session.get(Stream, ident)
    if receiver is not None and stream is not None:
        streams.settle(session, receiver, stream, position, turn)


def _newest(session: Session, ident: str) -> tuple[int, int, int]:
    stream = session.get(Stream, ident)
    told = stream.verifications if stream else 0
    return newest_position(session), turns.newest(session), told


def _turn(session: Session, place: int) -> Turn | None:
    return session.get(Turn, place)
