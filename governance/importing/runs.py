"""What imports share: whole batches, a dry run that is the same code rolled back, a summary.

A batch is one transaction. So whatever stops an import leaves whole batches, and the same file
again goes on where it stopped, because every decision in it has one issuerReference for good.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import Self, TypeVar

from sqlmodel import Session, select

from governance import membership
from governance.database import Database
from governance.errors import NotFound, Refused
from governance.issuing import Issued, issue_prepared
from governance.membership import Actor
from governance.platforms import Member
from governance.preparing import Prepared, prepare, prepared
from governance.requesting import Request
from governance.settings import Keys
from governance.words import MemberKind, Role

BATCH = 2_000  # rows a transaction
HANDLE = "import"  # of the member that stands for imports
NOT_STATED = "not stated"

Clock = Callable[[], datetime]
Progress = Callable[[int, int], None]  # how much is done of how much, rows or bytes
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RowRefused:
    """Why a row wasn't taken: its line (the first is 1), its column, what was expected."""

    line: int
    field: str
    reason: str
    file: str = ""  # the file within an archive

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" if self.file else f"line {self.line}"
        return f"{place}: {self.field}: {self.reason}"


@dataclass(slots=True)
class Summary:
    """What an import did, or would do; rows are `read`, everything else counts sanctions."""

    is_dry_run: bool = False
    read: int = 0
    issued: int = 0  # new and binding
    recorded: int = 0  # new, and not binding
    unchanged: int = 0
    lifted: int = 0
    superseded: int = 0
    refused: list[RowRefused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)  # how many were refused by the end of each batch

    def refuse(self, line: int, column: str, reason: str, file: str = "") -> None:
        self.refused.append(RowRefused(line, column, reason, file))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request, and the row that asks for it."""

    line: int
    request: Request
    file: str = ""


class Run:
    """One import under way: `with Run(…) as run:`, then `run.batch()` for each transaction."""

    def __init__(
        self,
        db: Database,
        keys: Keys,
        *,
        now: datetime,
        dry_run: bool,
        progress: Progress | None,
        columns: dict[str, str],
        clock: Clock | None = None,
        are_apart: bool = False,
    ) -> None:
        """`clock` tells when each batch is recorded; without one all are at `now`. `columns`
        names the file's column behind a draft's field. Where batches `are_apart`, none building
        on another, a dry run takes each back at once and keeps no writer waiting.
        """
        self.now, self.summary = now, Summary(is_dry_run=dry_run)
        self._db, self._keys, self._columns = db, keys, columns
        self._progress, self._are_apart = progress, are_apart
        self._clock = clock or (lambda: now)
        self._rehearsal = ExitStack()
        self._rehearsed: Session | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._rehearsed is not None:
            self._rehearsed.rollback()
        self._rehearsal.__exit__(kind, error, trace)

    @contextmanager
    def batch(self) -> Iterator[Session]:
        """One transaction among writers; in a dry run it is rolled back."""
        if self.summary.is_dry_run and not self._are_apart:
            if self._rehearsed is None:
                self._rehearsed = self._rehearsal.enter_context(self._db.writing())
            self.now = max(self.now, self._clock())
            yield self._rehearsed
            return
        with self._db.writing() as session:
            self.now = max(self.now, self._clock())
            yield session
            if self.summary.is_dry_run:
                session.rollback()

    def advance(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(done, total)

    def prepare(
        self, actor: Actor, domain: str, wanted: Sequence[Wanted]
    ) -> list[Prepared | Refused]:
        """What of `issue` can be done before a turn, of a platform by its domain."""
        return prepare(self._keys, actor, domain, [w.request for w in wanted], self.now)

    def issue(
        self,
        session: Session,
        actor: Actor,
        wanted: Sequence[Wanted],
        ready: Sequence[Prepared | Refused] | None = None,
    ) -> list[str | None]:
        """Issues or records what the rows ask for and counts it; ids, None where refused. `ready`
        is what `prepare` made of them."""
        if ready is None:
            ready = prepared(self._keys, actor, [w.request for w in wanted])
        answers = issue_prepared(session, self._keys, actor, ready, now=self.now)
        return [self._counted(w, answer) for w, answer in zip(wanted, answers, strict=True)]

    def _counted(self, wanted: Wanted, answer: Issued | Refused) -> str | None:
        if isinstance(answer, Refused):
            self.refuse(wanted.line, answer, wanted.file)
            return None
        if not answer.is_new:
            self.summary.unchanged += 1
            return answer.sanction_id
        if answer.is_binding:
            self.summary.issued += 1
        else:
            self.summary.recorded += 1
        self.summary.superseded += wanted.request.draft.supersedes is not None
        return answer.sanction_id

    def refuse(self, line: int, refused: Refused, file: str = "") -> None:
        """Reports a row under the file's own column."""
        name = str(refused.path[0]) if refused.path else "row"
        self.summary.refuse(line, self._columns.get(name, name), refused.message, file)


def importer(session: Session, domain: str, name: str | None, *, now: datetime) -> Actor:
    """Who imports for a platform; platform and member are added when first needed.

    The member is a service without a token. It acts as a person: the rule that a service marks its
    decisions asks who decided, and the imported decisions are as automated as their source says.
    """
    try:
        platform = membership.find_platform(session, domain)
    except NotFound:
        platform = membership.add_platform(session, domain, name, now=now)
    member = session.exec(
        select(Member).where(Member.platform_id == platform.id, Member.handle == HANDLE)
    ).first()
    if member is None:
        kind = MemberKind.SERVICE
        member = membership.add_member(
            session, platform.domain, HANDLE, [Role.ISSUER], now=now, kind=kind
        )
    return Actor(member.id, platform.id, MemberKind.PERSON, frozenset(member.roles))


def in_batches(items: Iterable[T], size: int | None = None) -> Iterator[list[T]]:
    """The items in lists of at most `size`, BATCH by default."""
    rest = iter(items)
    while batch := list(islice(rest, size or BATCH)):
        yield batch
