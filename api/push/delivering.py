"""Sends events to receivers beside a server, for ever: one process of all that share a database.

It reads the committed feed after each receiver's own place, so a crash loses nothing; what was sent
and not yet noted is sent again, with the same id.
"""

import logging
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import anyio
import anyio.to_thread
from sqlmodel import Session

from api.execution import Executor
from api.leading import jittered, leading
from api.observing import logs
from api.outward import NotPublic, Outside
from api.posting import Unanswered, post
from api.push.messages import Held, Message, Messages, held, verdict
from api.push.payloads import Told, Unread, read, read_turn
from api.push.sets import turns_of
from api.push.turning import turning
from api.subscriptions.heads import Head
from api.threads import reading, writing
from governance import receivers, streams, turns
from governance.database import Database
from governance.feed import newest_position
from governance.migrations import is_current
from governance.receivers import Receiver, Stream
from governance.rules.delivery import Verdict, is_given_up
from governance.settings import Settings
from governance.turns import Turn
from governance.words import ReceiverStatus

EVERY = timedelta(seconds=1)  # between looks at what is due though nothing happened
PATIENCE = timedelta(seconds=10)  # for one answer, from the name's look-up on
MOST_AT_ONCE = 16  # receivers that are served at one time
WINDOW = 8  # events of different sanctions under way to one receiver
GONE = "the receiver wants no more (410)"


async def delivering(
    executor: Executor,
    database: Database,
    settings: Settings,
    head: Head,
    now: Callable[[], datetime],
) -> None:
    """Runs for ever beside a server. When the process that leads ends, another begins."""
    while True:
        await anyio.sleep(jittered(EVERY))
        try:
            if await anyio.to_thread.run_sync(is_current, database):
                await _lead(Courier(executor, database, settings, head, now))
        except Exception as error:
            logs.unexpected(error, "delivering failed; it is tried again")


async def _lead(courier: "Courier") -> None:
    with leading(courier.database, "push") as leads:
        if leads:
            await courier.run()


class Courier:
    """What the process that delivers knows."""

    def __init__(
        self,
        executor: Executor,
        database: Database,
        settings: Settings,
        head: Head,
        now: Callable[[], datetime],
    ) -> None:
        self.database = database
        self._executor, self._head, self._now = executor, head, now
        self._messages = Messages(settings)
        self._outside = Outside(settings)
        self._served: set[str] = set()
        self._again: set[str] = set()  # of those, whom something came for meanwhile
        self._room = anyio.CapacityLimiter(MOST_AT_ONCE)

    async def run(self) -> None:
        """Serves each receiver at its own pace, so that none waits for another."""
        async with anyio.create_task_group() as tasks:
            if self._messages.may_be_tokens:
                tasks.start_soon(turning, self.database, self._now)
            while True:
                due, is_any, end = await reading(self.database, partial(_due, now=self._now()))
                for ident in due:
                    if ident in self._served:
                        self._again.add(ident)
                    else:
                        self._served.add(ident)
                        tasks.start_soon(self._serve, ident)
                pause = jittered(EVERY)
                if is_any and not self._head.is_stopping:
                    await self._head.waited(end, pause)
                else:
                    await anyio.sleep(pause)

    async def _serve(self, ident: str) -> None:
        try:
            async with self._room:
                while await self._batch(ident) or ident in self._again:
                    self._again.discard(ident)
        except Unread:
            await self._put_off(ident)
        except Exception as error:
            logs.unexpected(error, "serving a receiver failed; it is tried again")
        finally:
            self._served.discard(ident)

    async def _put_off(self, ident: str) -> None:
        logs.tell(logging.WARNING, "events couldn't be read for a receiver", receiver=ident)
        later = partial(receivers.failed, ident=ident, problem="the feed couldn't be read")
        await self._done(partial(later, now=self._now(), jitter=random.random()))

    async def _batch(self, ident: str) -> bool:
        """Sends a few events; whether to go on at once."""
        to, end, letters, turned = await reading(self.database, partial(_state, ident=ident))
        if to is None or not self._is_ready(to.receiver):
            return False  # it was due when it was looked up
        if to.stream is not None and to.stream.is_verifying:
            return await self._verified(to, to.stream)
        for position in letters:
            if not await self._resent(to, position):
                return False
        if to.stream is not None and turned:
            return await self._turned(to, to.stream, turned[0])
        if to.receiver.position >= end:
            return False
        return await self._sent_on(to, end)

    def _is_ready(self, receiver: Receiver) -> bool:
        is_time = receiver.next_at is None or receiver.next_at <= self._now()
        return is_time and receiver.status is ReceiverStatus.ENABLED

    async def _sent_on(self, to: Held, end: int) -> bool:
        """Goes on in the feed: after a failure one event at a time, in order."""
        receiver = to.receiver
        size = 1 if receiver.attempts else WINDOW
        piece = await read(self._executor, receiver, receiver.position, size, receiver.filter)
        batch = _of_different_sanctions(piece.told)
        is_whole = len(batch) == len(piece.told)
        results = await self._send_all(to, batch)
        taken = next((n for n, (it, _) in enumerate(results) if it is not Verdict.TAKEN), None)
        if taken is None:
            reached = piece.end(end) if is_whole else batch[-1].position
            done = partial(receivers.advance, ident=receiver.id, before=receiver.position)
            return await self._done(partial(done, to=reached))
        found_so, why = results[taken]
        before = batch[taken - 1].position if taken else receiver.position
        place = batch[taken].position
        return await self._done(partial(self._note, receiver, before, place, found_so, why))

    async def _send_all(self, to: Held, batch: Sequence[Told]) -> list[tuple[Verdict, str]]:
        results = [(Verdict.LATER, "")] * len(batch)

        async def send(place: int, told: Told) -> None:
            results[place] = await self._send(to, told)

        async with anyio.create_task_group() as sending:
            for place, told in enumerate(batch):
                sending.start_soon(send, place, told)
        return results

    async def _send(self, to: Held, told: Told) -> tuple[Verdict, str]:
        """What the receiver makes of an event, and why in a word."""
        message = await anyio.to_thread.run_sync(self._messages.of, to, told, self._now())
        return await self._posted(to, message)

    async def _posted(self, to: Held, message: Message) -> tuple[Verdict, str]:
        try:
            with anyio.fail_after(PATIENCE.total_seconds()):
                answer = await post(
                    to.receiver.url or "",
                    message.body,
                    media=message.media,
                    headers={"User-Agent": "comity", **message.headers},
                    address=self._outside.address,
                )
        except TimeoutError:
            return Verdict.LATER, "no answer in time"
        except NotPublic:
            return Verdict.LATER, "its address isn't public"
        except Unanswered as error:
            return Verdict.LATER, str(error)
        return verdict(to, answer)

    async def _verified(self, to: Held, stream: Stream) -> bool:
        """Sends the verification event that was asked for; whether to go on."""
        message = self._messages.verifying(to, stream, self._now())
        found, why = await self._posted(to, message)
        if found is Verdict.TAKEN:
            done = partial(streams.verified, ident=stream.receiver_id, number=stream.verifications)
            return await self._done(done)
        return await self._done(partial(self._note_trouble, to.receiver, found, why))

    async def _resent(self, to: Held, position: int) -> bool:
        """Sends a letter again, once; whether to go on."""
        receiver = to.receiver
        told = await self._letter(receiver, position)
        found_so, why = await self._send(to, told) if told else (Verdict.TAKEN, "")
        if found_so is Verdict.TAKEN:  # or there is nothing left that the receiver may know
            done = partial(receivers.answered, ident=receiver.id, position=position)
            return await self._done(done)
        return await self._done(partial(self._note_letter, receiver, position, found_so, why))

    async def _letter(self, receiver: Receiver, position: int) -> Told | None:
        """What a letter is about, as it now stands."""
        if position < 0:
            turn = await reading(self.database, lambda session: session.get(Turn, -position))
            return await read_turn(self._executor, receiver, turn) if turn else None
        found = (await read(self._executor, receiver, position - 1, 1)).told
        return found[0] if found and found[0].position == position else None

    async def _turned(self, to: Held, stream: Stream, turn: Turn) -> bool:
        """Tells of an account's turn; whether to go on."""
        told = None
        if turn.turn in turns_of(stream.requested):
            told = await read_turn(self._executor, to.receiver, turn)
        found, why = await self._send(to, told) if told else (Verdict.TAKEN, "")
        if found is not Verdict.TAKEN and not is_given_up(found, to.receiver.attempts + 1):
            return await self._done(partial(self._note_trouble, to.receiver, found, why))
        return await self._done(partial(self._note_turn, stream, turn, found, why))

    def _note_turn(
        self, stream: Stream, turn: Turn, found: Verdict, why: str, session: Session
    ) -> bool:
        ident, before = stream.receiver_id, stream.turn
        if found is not Verdict.TAKEN:
            receivers.bury(session, ident, -turn.position, why, now=self._now())
        return before is not None and streams.turned(session, ident, before, turn.position)

    def _note(
        self,
        receiver: Receiver,
        before: int,
        position: int,
        found: Verdict,
        why: str,
        session: Session,
    ) -> bool:
        """Notes what was taken before a failure, and the failure; whether to go on at once."""
        attempts = receiver.attempts + 1
        if before != receiver.position:
            attempts = 1
            if not receivers.advance(session, receiver.id, receiver.position, before):
                return False
        if not is_given_up(found, attempts):
            return self._note_trouble(receiver, found, why, session)
        receivers.bury(session, receiver.id, position, why, now=self._now())
        return receivers.advance(session, receiver.id, before, position)

    def _note_letter(
        self, receiver: Receiver, position: int, found: Verdict, why: str, session: Session
    ) -> bool:
        if found in (Verdict.AGAIN, Verdict.REFUSED):
            receivers.bury(session, receiver.id, position, why, now=self._now())
            return True
        return self._note_trouble(receiver, found, why, session)

    def _note_trouble(self, receiver: Receiver, found: Verdict, why: str, session: Session) -> bool:
        if found is Verdict.GONE:
            receivers.set_status(session, receiver.id, ReceiverStatus.DISABLED, GONE)
        else:
            now, jitter = self._now(), random.random()
            receivers.failed(session, receiver.id, why, now=now, jitter=jitter)
        return False

    async def _done(self, change: Callable[[Session], object]) -> bool:
        """Writes; whether to go on."""
        return await writing(self.database, change) is not False


def _due(session: Session, now: datetime) -> tuple[list[str], bool, int]:
    """Receivers that something is due for, whether anybody is pushed to, and the feed's end."""
    due = [receiver.id for receiver in receivers.due(session, now)]
    return due, bool(due) or receivers.are_pushed(session), newest_position(session)


def _state(session: Session, ident: str) -> tuple[Held | None, int, list[int], list[Turn]]:
    to, stream = held(session, ident), session.get(Stream, ident)
    turned = []
    if stream is not None and stream.turn is not None:
        turned = turns.after(session, stream.issuer_id, stream.turn, 1)
    letters = receivers.waiting(session, ident, WINDOW)
    return to, newest_position(session), letters, turned


def _of_different_sanctions(found: Sequence[Told]) -> list[Told]:
    """The beginning of what was found, up to a second event of one sanction, so that what is sent
    together can't overtake."""
    seen: set[str] = set()
    for place, told in enumerate(found):
        ident = told.event["sanction"]["id"]
        if ident in seen:
            return list(found[:place])
        seen.add(ident)
    return list(found)
