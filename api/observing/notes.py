"""What is noted of one request while it is answered."""

import contextlib
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

LONGEST_NAME = 64  # characters of an operation's name
INTROSPECTION = frozenset({"__schema", "__type"})
UNTRACED = contextlib.nullcontext()
_IDS = random.Random()
# No id has the shape of our tokens and appeal secrets, which must not get into a log by mistake.
_REQUEST_ID = re.compile(r"(?!.*(cty_|[0-9a-f]{64}))[A-Za-z0-9._-]{1,128}")


class Spans(Protocol):
    """Where spans go; see `api.observing.traces`."""

    def span(self, name: str) -> contextlib.AbstractContextManager[Any]: ...


_counts: Callable[[], dict[str, int]] = partial(defaultdict, int)  # Counters take longer to make


Told = tuple[str, str, str | None]  # of an operation: its kind, root field and name


def told_of(operation: OperationDefinitionNode, document: DocumentNode) -> Told:
    """What is told of a document's operation."""
    name = operation.name.value if operation.name else None
    named = name if name and len(name) <= LONGEST_NAME else None
    return operation.operation.value, _root(operation.selection_set, document), named


_NAMED = "kind", "root", "name", "statements", "second_path"
_COUNTED = "refusals", "errors"


@dataclass(slots=True)
class Note:
    """Codes, counts and names of the schema; never who asks, about whom, or in what words."""

    request_id: str = ""
    spans: Spans | None = None
    status: int = 0  # 0 until an answer begins
    size: int = 0  # bytes of its body, if that was read as GraphQL
    kind: str = ""  # query, mutation, subscription; empty unless a document was accepted
    root: str = ""  # its root field, `several` of them, or `introspection`
    name: str | None = None  # the operation's name in the document
    statements: int = 0
    second_path: str = ""  # why a query wasn't answered straight from its plans
    refusals: dict[str, int] = field(default_factory=_counts)
    errors: dict[str, int] = field(default_factory=_counts)

    def operation(self, told: Told) -> None:
        """Notes an operation that is valid against the schema."""
        self.kind, self.root, self.name = told

    def told(self) -> dict[str, Any]:
        """What the process that asked for this part of the request is told of it."""
        noted = {name: getattr(self, name) for name in _NAMED}
        return noted | {name: dict(getattr(self, name)) for name in _COUNTED}

    def add(self, told: Mapping[str, Any]) -> None:
        """Adds what another process noted of the same request."""
        for name in _NAMED:
            setattr(self, name, told[name])
        for name in _COUNTED:
            getattr(self, name).update(told[name])

    def span(self, name: str) -> contextlib.AbstractContextManager[Any]:
        """A span of the request's trace; nothing where none is made."""
        return UNTRACED if self.spans is None else self.spans.span(name)


_current: ContextVar[Note | None] = ContextVar("note", default=None)


def current() -> Note:
    """The note of the request that is answered; one that nobody reads outside of requests."""
    return _current.get() or Note()


class noting:
    """Makes the note the current one."""

    def __init__(self, note: Note) -> None:
        self._note = note

    def __enter__(self) -> Note:
        self._token = _current.set(self._note)
        return self._note

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The caller's X-Request-Id if it is well-formed, else one that is made."""
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(text := value.decode("latin-1")):
            return text
    return made_id()


def made_id() -> str:
    """A random id of a request."""
    return f"{_IDS.getrandbits(128):032x}"


def _root(selections: SelectionSetNode, document: DocumentNode) -> str:
    names = set(_fields(selections, document, set()))
    if names & INTROSPECTION:
        return "introspection"
    if len(names) > 1:
        names.discard("__typename")
    return names.pop() if len(names) == 1 else "several"


def _fields(
    selections: SelectionSetNode, document: DocumentNode, spread: set[str]
) -> Iterator[str]:
    """Names of the selected fields, fragments spelled out; each fragment is looked at once."""
    for node in selections.selections:
        if isinstance(node, FieldNode):
            yield node.name.value
        elif isinstance(node, FragmentSpreadNode):
            if node.name.value not in spread:
                spread.add(node.name.value)
                for found in document.definitions:
                    if (
                        isinstance(found, FragmentDefinitionNode)
                        and found.name.value == node.name.value
                    ):
                        yield from _fields(found.selection_set, document, spread)
        else:
            yield from _fields(node.selection_set, document, spread)  # type: ignore[attr-defined]
