"""Makes researchers' selections beside a server, for ever: one process of all that share a
database, one selection at a time. What was erased is taken out of those that are ready within a
minute."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import anyio
import anyio.from_thread
import anyio.to_thread
from sqlalchemy.exc import SQLAlchemyError

from api.leading import jittered, leading
from api.observing import logs
from api.research.filters import fit
from governance import selections
from governance.database import Database
from governance.errors import Busy
from governance.exporting.places import ExportFailed, Folder, Occupied
from governance.exporting.selecting import GaveUp, Maker, TooLarge, erasures
from governance.migrations import is_current
from governance.rules.research import MOVES
from governance.selections import Selection
from governance.settings import Settings
from governance.words import SelectionState as State

EVERY = timedelta(seconds=2)  # between looks at what waits
LOOK = timedelta(minutes=1)  # between looks at what was erased
AGAIN = timedelta(minutes=1)  # after a failure that may pass, such as a full disk


async def selecting(database: Database, settings: Settings, clock: Callable[[], datetime]) -> None:
    """Runs for ever beside a server. When the process that leads ends, another begins."""
    while True:
        await anyio.sleep(jittered(EVERY))
        try:
            if await anyio.to_thread.run_sync(is_current, database):
                with leading(database, "select") as leads:
                    if leads:
                        await _lead(database, settings, clock)
        except Exception as error:
            logs.unexpected(error, "making selections failed; it is tried again")


async def _lead(database: Database, settings: Settings, clock: Callable[[], datetime]) -> None:
    keeper = Keeper(database, settings, lambda: clock().astimezone(UTC), _check)
    looked = -LOOK.total_seconds()
    while True:
        if anyio.current_time() - looked > LOOK.total_seconds():
            looked = anyio.current_time()
            await anyio.to_thread.run_sync(keeper.renew)
        is_done = await anyio.to_thread.run_sync(keeper.make)
        pause = EVERY if is_done else AGAIN
        await anyio.sleep(jittered(pause))


def _check() -> None:
    anyio.from_thread.check_cancelled()  # whether the server stops meanwhile


class Keeper:
    """Makes what is due, and keeps what is ready as it has to be."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        clock: Callable[[], datetime],
        check: Callable[[], None] = lambda: None,
    ) -> None:
        folder = settings.selection_path
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database, self._clock, self._check = database, clock, check
        self.place = Folder(folder)
        self._maker = Maker(
            database, settings.keys(), settings.sequencer(), self.place, clock, check
        )

    def make(self) -> bool:
        """Makes what is due, one after the other. False where it stopped and is to be tried
        again."""
        while True:
            self._check()
            with self._database.reading() as session:
                due = selections.due(session)
            if due is None:
                return True
            if not self._made(due):
                return False

    def _made(self, due: Selection) -> bool:
        tell = partial(logs.tell, logging.INFO, "selection", selection=due.id)
        try:
            self._maker.make(due.id, fit(due.wanted, self._database.dialect, due.as_of))
        except GaveUp:
            self._maker.clear(due.id)
        except TooLarge:
            self._fail(due, "its files are larger than a project may keep: ask for less")
            tell(state=State.FAILED)
        except Occupied:
            return False
        except ExportFailed as error:
            tell(stopped=str(error))
            self._note(due, "the node has no room for it or can't write: it is tried again")
            return False
        except (Busy, SQLAlchemyError):
            raise  # the database is away: the same again
        except Exception as error:
            logs.unexpected(error, "a selection couldn't be made")
            self._fail(due, "the node couldn't make it; its operator finds why in the log")
        else:
            tell(state=State.READY)
        return True

    def _note(self, due: Selection, problem: str) -> None:
        with self._database.writing() as session:
            found = selections.found(session, due.id)
            found.problem = problem
            session.add(found)

    def _fail(self, due: Selection, problem: str) -> None:
        self._note(due, problem)
        with self._database.writing() as session:
            found = selections.found(session, due.id)
            if State.FAILED in MOVES[found.state]:
                selections.move(session, found, State.FAILED)

    def renew(self) -> int:
        """Lets go of what is over, and has made anew what may hold somebody who was erased since,
        or whose files are gone; how many those are."""
        idents = self._maker.idents()  # before what is kept: another process may begin
        with self._database.reading() as session:
            ready = selections.ready(session)
            mark = erasures(session)
            stale = [one for one in ready if not self._holds(one, mark)]
            kept = selections.kept(session)
        over = [one for one in ready if one.expires_at and one.expires_at <= self._clock()]
        for some, state in ((over, State.EXPIRED), (stale, State.WAITING)):
            if some:
                with self._database.writing() as session:
                    selections.end(session, some, state)
        for one in (*over, *stale):
            self._maker.drop(one)
        for ident in idents - (kept - {one.id for one in over}):
            self._maker.clear(ident)
        return len(stale)

    def _holds(self, one: Selection, mark: str) -> bool:
        """Whether nothing was erased since, and its files are here."""
        return one.erasures == mark and self._maker.is_whole(one)
