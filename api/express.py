"""Answers requests that came whole without parser, server and application.

What takes a request through those takes as long as what answers it. A client sends the same head
again and again, and it says the same each time: what a head said is recalled by its hash, and a
request that begins with one needs a look at its body alone. Its connection (`api.connections`) asks
here first. What isn't answered takes the other way, as if it had never been here: nothing of it is
told or counted.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from time import perf_counter

from api.asking import Answer, Request
from api.auth import Members, key_of
from api.bodies import ENCODING, LARGE, json_of
from api.errors import is_unreachable
from api.execution import Executor
from api.limiting.counting import network_of
from api.media import accepted, is_json
from api.observing.metrics import Metrics
from api.observing.middleware import failed, tell
from api.observing.notes import Note, made_id, noting
from api.proofs import Proof
from api.reads.caches import Kept
from api.shortcut import Shortcut
from api.transport import Told, fields_of, header, parameters

EXPRESS = "express"  # in the state that the application's lifespan yields
PATH = "/graphql"
FORWARDED = b"x-forwarded-for"  # by a proxy: who asks, if the server trusts that
IDENTIFYING = frozenset({b"x-request-id", b"traceparent"})  # one request: no other begins so
MOST_HEADS = 10_000

Asked = tuple[Request, Proof | None, datetime]
Answered = tuple[int, Told, bytes]  # a status, fields of the header, and the body


@dataclass(frozen=True, slots=True)
class Head:
    """What the head of a request to `PATH` by POST says, without what opens anything."""

    length: int  # of the body
    media: str  # to answer with
    member: bytes | None  # the hash of a credential


class Express:
    """Answers requests whose head is known."""

    def __init__(
        self, executor: Executor, members: Members, metrics: Metrics, most_bytes: int
    ) -> None:
        self._executor, self._shortcut = executor, Shortcut(executor)
        self._members, self._metrics = members, metrics
        self._most_bytes = most_bytes
        self._heads: Kept[Head] = Kept(MOST_HEADS)
        self.is_at_once = executor.reader.store.answers_at_once

    def recalled(self, head: bytes) -> Head | None:
        """What a head says that was learned."""
        return self._heads.known(sha256(head).digest())

    def learn(self, head: bytes, headers: Told, length: int) -> None:
        """Keeps what a head says, if requests that begin so may be answered here."""
        fields = fields_of(headers)
        media, _ = accepted(fields.get(b"accept", b""))
        shown = fields.get(b"authorization")
        if media is None or not is_json(fields.get(b"content-type", b"")) or ENCODING in fields:
            return
        if not IDENTIFYING.isdisjoint(fields):
            return
        if shown is None and FORWARDED in fields:
            return  # whose budget it is tells the server, to the application alone
        if length < LARGE and length <= self._most_bytes:
            made = Head(length, media, key_of(shown))
            self._heads.get(sha256(head).digest(), lambda: made)

    def answer(self, head: Head, body: bytes, host: str) -> Answered | None:
        """What is to be sent, made without waiting for anything; None where a request takes the
        other way."""
        begun, note = perf_counter(), Note(made_id())
        with noting(note):
            try:
                answer = self._shortcut.at_once(*self._request(head, body, host))
            except Exception:  # it is met again, and told, the other way
                return None
            return None if answer is None else self._told(head, note, answer, begun)

    async def waited(self, head: Head, body: bytes, host: str) -> Answered | None:
        """The same, once it is there. Who waited in vain for the database doesn't once more."""
        begun, note = perf_counter(), Note(made_id())
        with noting(note):
            try:
                answer = await self._shortcut.answer(*self._request(head, body, host))
            except Exception as error:
                answer = failed(error) if is_unreachable(error) else None
            return None if answer is None else self._told(head, note, answer, begun)

    def _request(self, head: Head, body: bytes, host: str) -> Asked:
        now = self._executor.now()
        proof = self._members.recalled(head.member, now)
        if proof is None and head.member is not None:
            raise LookupError
        query, variables, name, extensions = parameters(json_of(body, "expected a body of JSON"))
        text = self._executor.trusted.text(query, extensions)
        actor = proof.actor if proof else None
        return Request(text, variables, name, actor, network_of(host)), proof, now

    def _told(self, head: Head, note: Note, answer: Answer, begun: float) -> Answered:
        note.status = answer.status
        tell(self._metrics, note, "POST", PATH, perf_counter() - begun)
        told = *answer.fields, (b"x-request-id", note.request_id.encode())
        return answer.status, header(answer.body, head.media, told), answer.body
