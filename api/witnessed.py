"""What witnesses know of this node's log, asked before it goes on signing.

A machine that was restored as a whole, with the file that remembers what was signed, can't tell
that it is behind. Its witnesses can.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

import anyio

from api.posting import Unanswered, post
from governance.database import Database
from governance.entries import StoredCheckpoint
from governance.errors import RolledBack
from governance.log.checkpoints import Checkpoint
from governance.log.errors import LogError
from governance.log.notes import parse_note
from governance.log.sequencing import newest_checkpoint
from governance.log.tree import EMPTY_ROOT
from governance.log.witnesses import SIZE, AddCheckpoint, Witness, parse_size
from governance.settings import Settings

PATIENCE = timedelta(seconds=5)  # for all of them


def require_newest(database: Database, settings: Settings) -> None:
    """RolledBack where a witness cosigned more of the log than there is.

    One that doesn't answer is passed over: witnesses gate what is published, and nothing else.
    """
    if not settings.witnesses:
        return
    log = settings.sequencer()
    newest, note = _newest(database), log.signed(Checkpoint(log.origin, 0, EMPTY_ROOT))
    if newest is not None:
        note = parse_note(newest.note.encode())
    told = anyio.run(_known, settings.witnesses, AddCheckpoint(0, (), note))
    newest = _newest(database)  # others may have signed more meanwhile
    size = newest.size if newest else 0
    for name, known in told:
        if known > size:
            raise RolledBack(
                f"the witness {name} cosigned {known:,} entries of this log, and there are "
                f"{size:,}: bring them back from a copy of the log with `comity log recover`; a "
                "witness that errs has to leave COMITY_WITNESSES"
            )


def _newest(database: Database) -> StoredCheckpoint | None:
    with database.reading() as session:
        return newest_checkpoint(session)


async def _known(witnesses: Iterable[Witness], asked: AddCheckpoint) -> list[tuple[str, int]]:
    """How many entries each knows; from the old size 0, it tells (tlog-witness)."""
    found = []

    async def ask(witness: Witness) -> None:
        with suppress(Unanswered, LogError):
            answer = await post(f"{witness.prefix}/add-checkpoint", asked.render())
            if answer.status == 409 and answer.media == SIZE:
                found.append((witness.name, parse_size(bytes(answer.body))))

    with anyio.move_on_after(PATIENCE.total_seconds()):
        async with anyio.create_task_group() as asking:
            for witness in witnesses:
                asking.start_soon(ask, witness)
    return found
