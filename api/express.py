"""Answers requests within the turn of the loop that they came in, without ASGI.

What takes a request through a server, a task and an application takes as long as what answers it.
So its connection (`api.connections`) asks here first. What isn't answered at once and by 200 takes
that way, as if it had never been here: nothing of it is told or counted.
"""

from time import perf_counter

from api.asking import Answer, Request
from api.auth import Members
from api.execution import Executor
from api.limiting.counting import network_of
from api.media import accepted, is_json
from api.observing.metrics import Metrics
from api.observing.middleware import tell
from api.observing.notes import Note, noting, request_id
from api.shortcut import Shortcut
from api.transport import Fields, Told, fields_of, header, json_of, parameters

EXPRESS = "express"  # in the state that the application's lifespan yields
PATH = "/graphql"
FORWARDED = b"x-forwarded-for"  # by a proxy: who asks, if the server trusts that


class Express:
    """Answers whole requests to `PATH` by POST."""

    def __init__(
        self, executor: Executor, members: Members, metrics: Metrics, most_bytes: int
    ) -> None:
        self._executor, self._shortcut = executor, Shortcut(executor)
        self._members, self._metrics = members, metrics
        self._most_bytes = most_bytes

    def answer(self, headers: Told, body: bytes, host: str) -> tuple[Told, bytes] | None:
        """The header's fields and the body to be sent; None where a request takes the other way."""
        begun = perf_counter()
        note = Note(request_id(headers))
        with noting(note):
            fields = fields_of(headers)
            media, _ = accepted(fields.get(b"accept", b""))
            answer = None if media is None else self._answer(fields, body, host)
            if media is None or answer is None:
                return None
            note.status = 200
            tell(self._metrics, note, "POST", PATH, perf_counter() - begun)
        told = *answer.fields, (b"x-request-id", note.request_id.encode())
        return header(answer.body, media, told), answer.body

    def _answer(self, fields: Fields, body: bytes, host: str) -> Answer | None:
        if not is_json(fields.get(b"content-type", b"")) or len(body) > self._most_bytes:
            return None
        shown, now = fields.get(b"authorization"), self._executor.now()
        if shown is None and FORWARDED in fields:
            return None  # whose budget it is tells the server, to the application alone
        try:
            proof = self._members.recalled(shown, now)
            if proof is None and shown is not None:
                return None
            given = json_of(body, "expected a body of JSON")
            query, variables, name, extensions = parameters(given)
            text = self._executor.trusted.text(query, extensions)
            actor = proof.actor if proof else None
            request = Request(text, variables, name, actor, network_of(host))
            return self._shortcut.at_once(request, proof, now)
        except Exception:  # it is met again, and told, the other way
            return None
