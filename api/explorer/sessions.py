"""Sessions: what a visitor showed, sealed into a cookie that only this node can open.

Nothing is kept on the server. A form holds a token that only its own session's cookie has, so that
no other site can send it (CSRF); the cookie itself is SameSite=Strict. Whoever enters or leaves
gets another session, so that nobody can bring one along (fixation).
"""

from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from api.bodies import BadRequest, body_of
from api.explorer.asking import Problem
from api.transport import CLOSE
from governance.settings import Keys

FIELD = "csrf"  # of forms
MOST_BYTES = 100_000  # of a form
EXPIRED = Problem(
    403, "This form has expired", "open its page again and send it from there; nothing was changed"
)


@dataclass(frozen=True, slots=True)
class Session:
    """What a visitor showed; `token` goes into every form."""

    token: str
    held: dict[str, Any]

    @classmethod
    def begun(cls, **held: Any) -> "Session":
        """A session whose forms no page of before can send, wherever its cookie came from."""
        return cls(token_urlsafe(16), held)

    def holding(self, **held: Any) -> "Session":
        """The same session that holds something else."""
        return replace(self, held=held)

    def left(self) -> "Session":
        """A session that holds nothing; another one if this held anything."""
        return Session.begun() if self.held else self


class Sessions:
    """The sessions of one part of the site, under its path."""

    def __init__(self, keys: Keys, path: str, lifetime: timedelta) -> None:
        self._cookie = f"comity-{path.strip('/')}"
        self._path = path
        self._lifetime = lifetime
        self._seal = Fernet(urlsafe_b64encode(keys.derived(f"session{path}")))

    def of(self, request: Request, now: datetime) -> Session:
        """The visitor's session; a new one, holding nothing, where there is none that counts."""
        sealed = request.cookies.get(self._cookie, "")
        seconds = int(self._lifetime.total_seconds())
        try:
            opened = self._seal.decrypt_at_time(sealed, seconds, int(now.timestamp()))
        except (InvalidToken, ValueError):
            return Session.begun()
        token, held = orjson.loads(opened)
        return Session(token, held)

    async def form(self, request: Request, session: Session) -> QueryParams:
        """The fields of a form that this session's page sent; Problem for any other."""
        kind = request.headers.get("content-type", "").partition(";")[0]
        if kind != "application/x-www-form-urlencoded":
            raise Problem(415, "That can’t be read", "expected the form of the page")
        try:
            body = await body_of(request, MOST_BYTES)
        except BadRequest as bad:
            raise Problem(bad.status, "That can’t be read", bad.message, CLOSE) from None
        form = QueryParams(body)
        if not compare_digest(form.get(FIELD, "").encode(), session.token.encode()):
            raise EXPIRED
        return form

    def keep(self, request: Request, response: Response, session: Session, now: datetime) -> None:
        """Seals the session into the visitor's cookie, for as long again."""
        sealed = self._seal.encrypt_at_time(
            orjson.dumps([session.token, session.held]), int(now.timestamp())
        )
        response.set_cookie(
            self._cookie,
            sealed.decode(),
            max_age=int(self._lifetime.total_seconds()),
            path=self._path,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )

    def end(self, response: Response) -> None:
        response.delete_cookie(self._cookie, path=self._path, httponly=True, samesite="strict")
