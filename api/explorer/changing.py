"""Changes that forms send: the mutations of GraphQL, and nothing beside them."""

from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse

from api.explorer.asking import Data, Desk
from api.explorer.site import PRIVATE
from governance.membership import Actor

# What has to be there. It is sent though nothing was typed: the refusal says so beside the form.
NEEDED = {"grounds", "statement", "platform"}
# Fields of inputs that are called otherwise in forms.
_TYPED = {
    "grounds": "message",
    "statement": "message",
    "domain": "platform",
    "replacementId": "replacement",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """What a form sent, shown again where it was refused."""

    place: str = ""  # which form
    error: str = ""
    values: QueryParams | None = None
    field: str = ""  # the one that the error is about, if it is about one

    def value(self, place: str, name: str) -> str:
        """What was typed into a field of a form that was refused."""
        if place != self.place or self.values is None:
            return ""
        return str(self.values.get(name, ""))

    def is_wrong(self, place: str, name: str) -> bool:
        """Whether a form was refused for this field."""
        return bool(self.error) and (place, name) == (self.place, self.field)


async def change(
    desk: Desk, request: Request, name: str, given: dict[str, Any], actor: Actor | None = None
) -> Data:
    """The payload of a mutation, or its Refusal."""
    told = {field: value for field, value in given.items() if value or field in NEEDED}
    data = await desk.ask(request, name, {"input": told}, actor=actor, changes=True)
    return dict(data["done"])


def refused(payload: Data, place: str, form: QueryParams) -> Sent | None:
    """What is shown again of a form that was refused; None if the change was made."""
    if payload["__typename"] != "Refusal":
        return None
    field = (payload["path"] or [""])[-1]
    return Sent(place, payload["message"], form, _TYPED.get(field, field))


def onward(path: str) -> RedirectResponse:
    """To a page that shows what came of it; loading it again sends nothing again."""
    return RedirectResponse(path, status_code=303, headers=PRIVATE)


def text(form: QueryParams, name: str) -> str:
    """A field's text, as people type it."""
    return str(form.get(name, "")).replace("\r\n", "\n").strip()


def instant(form: QueryParams, name: str) -> str:
    """A field's instant in UTC, as RFC 3339 has it; what it isn't is left for the API to refuse."""
    typed = text(form, name)
    return f"{typed}:00Z" if len(typed) == len("2026-03-01T12:00") else typed
