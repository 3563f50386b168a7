"""Asking witnesses to cosign the log's newest checkpoint, and publishing it once enough did.

Beside a server; several workers may, since a witness cosigns one tree as often as it is asked.
"""

import logging
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import anyio

from api.leading import jittered
from api.observing import logs
from api.posting import Answer, Unanswered, post
from api.threads import reading, writing
from governance.database import Database
from governance.entries import StoredCheckpoint
from governance.log.errors import LogError
from governance.log.notes import parse_note
from governance.log.sequencing import newest_checkpoint
from governance.log.witnesses import SIZE, Witness, parse_size
from governance.publishing import newest_published, publish, request, waiting
from governance.settings import Settings

EVERY = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)  # after rounds without a quorum
PATIENCE = timedelta(seconds=10)  # for one witness
GRACE = timedelta(seconds=0.5)  # for the other witnesses once there is a quorum


async def publishing(database: Database, settings: Settings) -> None:
    """Runs for ever beside a server that has witnesses."""
    publisher, pause = Publisher(database, settings), EVERY
    while True:
        await anyio.sleep(jittered(pause))
        try:
            is_done = await publisher.round()
        except Exception as error:
            logs.unexpected(error, "publishing failed; it is tried again")
            is_done = False
        pause = EVERY if is_done else min(2 * pause, LONGEST_PAUSE)


class Publisher:
    """What one process knows of its witnesses."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._witnesses = settings.witnesses
        self._quorum = settings.witness_quorum or len(settings.witnesses)
        self._sizes: dict[Witness, int] = {}  # that they know
        self._told: dict[Witness, str] = {}  # what was wrong with them last

    async def round(self) -> bool:
        """Publishes the newest checkpoint if it waits; whether nothing waits any longer."""
        newest = await reading(self._database, waiting)
        if newest is None:
            return True
        lines = await self._gathered(newest)
        if len(lines) < self._quorum:
            return False
        in_order = [lines[witness] for witness in self._witnesses if witness in lines]
        await writing(self._database, partial(publish, size=newest.size, cosignatures=in_order))
        logs.tell(logging.INFO, "published", size=newest.size, cosignatures=len(lines))
        return True

    async def _gathered(self, newest: StoredCheckpoint) -> Mapping[Witness, str]:
        lines: dict[Witness, str] = {}

        async def ask(witness: Witness) -> None:
            line = await self._asked(witness, newest)
            if line is not None:
                lines[witness] = line
            if len(lines) == self._quorum:
                asking.cancel_scope.deadline = anyio.current_time() + GRACE.total_seconds()

        async with anyio.create_task_group() as asking:
            for witness in self._witnesses:
                asking.start_soon(ask, witness)
        return lines

    async def _asked(self, witness: Witness, newest: StoredCheckpoint) -> str | None:
        """A witness' cosignature; None if it gave none, which is told once."""
        try:
            with anyio.fail_after(PATIENCE.total_seconds()):
                line = await self._cosignature(witness, newest)
            self._told.pop(witness, None)
            return line
        except TimeoutError:
            why = "no answer in time"
        except Unanswered as error:
            why = str(error)
        except LogError:
            why = "no answer of a witness"
        if self._told.get(witness) != why:
            self._told[witness] = why
            logs.tell(logging.WARNING, "no cosignature", witness=witness.name, why=why)
        return None

    async def _cosignature(self, witness: Witness, newest: StoredCheckpoint) -> str:
        """Asks again, once, if the witness knows another size than this process thought."""
        old = self._sizes.get(witness)
        if old is None:
            published = await reading(self._database, newest_published)
            old = published.size if published else 0
        old = min(old, newest.size)
        answer = await self._sent(witness, newest, old)
        if answer.status == 409 and answer.media == SIZE:
            old = await self._conceded(witness, newest, old, parse_size(bytes(answer.body)))
            answer = await self._sent(witness, newest, old)
        if answer.status != 200:
            raise Unanswered(f"status {answer.status}")
        line = witness.cosignature(parse_note(newest.note.encode()), bytes(answer.body))
        self._sizes[witness] = newest.size
        return line

    async def _sent(self, witness: Witness, newest: StoredCheckpoint, old: int) -> Answer:
        asked = await reading(self._database, partial(request, checkpoint=newest, old=old))
        return await post(f"{witness.prefix}/add-checkpoint", asked.render())

    async def _conceded(
        self, witness: Witness, newest: StoredCheckpoint, old: int, known: int
    ) -> int:
        """The size that a witness knows, to ask with; Unanswered where that leads nowhere."""
        self._sizes[witness] = known
        if known == old:
            raise Unanswered("it knows another tree of this size" if old else "status 409")
        if known <= newest.size:
            return known
        head = await reading(self._database, newest_checkpoint)
        if head is not None and known <= head.size:
            raise Unanswered("overtaken by another process")
        raise Unanswered("it knows more of this log than this node")
