"""Answers requests within the turn of the loop that they came in, without ASGI.

What takes a request through a server, a task and an application takes as long as what answers it.
So its connection (`api.connections`) asks here first. What isn't answered at once and by 200 takes
that way, as if it had never been here: nothing of it is told or counted.
"""

from time import perf_counter

from api.asking import Request
from api.auth import Members
from api.bodies import BadRequest
from api.execution import Executor
from api.limiting.counting import network_of
from api.media import accepted, is_json
from api.observing.metrics import Metrics
from api.observing.middleware import tell
from api.observing.notes import Note, noting, request_id
from api.shortcut import Shortcut
from api.transport import Fields, Reply, Told, answered, fields_of, json_of, parameters
from api.trusting import Untrusted
from governance.errors import Unauthenticated

EXPRESS = "express"  # in the state that the application's lifespan yields
PATH = "/graphql"


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
            reply = self._reply(fields_of(headers), body, host)
            if reply is None:
                return None
            note.status = reply.status
            tell(self._metrics, note, "POST", PATH, perf_counter() - begun)
        return [*reply.header(), (b"x-request-id", note.request_id.encode())], reply.body

    def _reply(self, fields: Fields, body: bytes, host: str) -> Reply | None:
        media, _ = accepted(fields.get(b"accept", b""))
        if media is None or not is_json(fields.get(b"content-type", b"")):
            return None
        if len(body) > self._most_bytes:
            return None
        shown, now = fields.get(b"authorization"), self._executor.now()
        try:
            proof = self._members.recalled(shown, now)
            if proof is None and shown is not None:
                return None
            given = json_of(body, "expected a body of JSON")
            query, variables, name, extensions = parameters(given)
            text = self._executor.trusted.text(query, extensions)
        except (BadRequest, Unauthenticated, Untrusted):
            return None
        actor = proof.actor if proof else None
        request = Request(text, variables, name, actor, network_of(host))
        answer = self._shortcut.at_once(request, proof, now)
        return None if answer is None else answered(answer, media)
