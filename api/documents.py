"""Documents: parsed, validated and limited once, then kept."""

import re
from collections.abc import Hashable, Sequence, Set
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_operation_ast,
    parse,
    validate,
)

from api.limiting.costs import Cost, cost_of
from api.limiting.merging import Merging
from api.observing.notes import Told, told_of
from api.reads.caches import Kept
from api.reads.plans import Operation
from api.reads.selections import Document
from api.variables import Coercers, Plain
from governance.settings import Settings

KEPT_DOCUMENTS = 1_000
SHORT = 1_000  # characters, which take some milliseconds at most
LONGEST = 200_000  # characters
KEPT_CHARACTERS = 1_000_000  # a parsed document takes a hundred times its length
LONGEST_KEPT = 20_000  # characters; longer documents are not worth their memory
MOST_PAIRS = 10_000  # of selections that validation compares; 5 microseconds each
_TOO_MANY_TOKENS = "tokens. Parsing aborted."  # as graphql-core says it
# A token and what is before it; numbers and dots aren't counted. Nothing is tried twice.
_BLOCK = r'"""(?:[^"\\]|\\"""|\\(?!""")|"(?!""))*+"""'
_STRING = r'"(?!"")(?:[^"\\\n\r]|\\.)*+"'
_TOKEN = (
    r'(?:[^_A-Za-z!$&():=@[\]{}|"#]++|#[^\n\r]*+)*+'
    rf"(?>[_A-Za-z][_0-9A-Za-z]*+|[!$&():=@[\]{{}}|]|{_BLOCK}|{_STRING})"
)
_COMMENT = re.compile(r"#[^\n\r]*")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document with its one operation, or with what is wrong with it."""

    key: Hashable | None  # None where nothing made of it is kept
    document: DocumentNode | None = None
    operation: OperationDefinitionNode | None = None
    errors: Sequence[GraphQLError] = ()
    read: Operation | None = None  # the same, as plans are made of it
    cost: Cost = lambda _: 0  # what it may cost, by its variables
    plain: Plain | None = None  # how its variables are coerced
    told: Told = ("", "", None)  # what is noted of it


class Documents:
    """A bounded memory of documents by text and operation name."""

    def __init__(
        self, schema: GraphQLSchema, settings: Settings, trusted: Set[str] = frozenset()
    ) -> None:
        self._schema, self._coercers = schema, Coercers(schema)
        self._settings = settings
        self._too_many = more_than(settings.max_tokens)
        self._trusted = trusted  # texts that hold nothing of a person
        self.kept: Kept[Parsed] = Kept(KEPT_DOCUMENTS, KEPT_CHARACTERS, _length)

    def known(self, text: str, operation_name: str | None) -> Parsed | None:
        """A query that is kept."""
        key = self._key(text, operation_name)
        parsed = None if key is None else self.kept.known(key)
        return parsed if parsed is not None and parsed.told[0] == "query" else None

    def is_quick(self, text: str, operation_name: str | None) -> bool:
        """Whether it is had at once: a long one that isn't kept takes as long as many answers."""
        return len(text) <= SHORT or self._key(text, operation_name) in self.kept

    def parsed(self, text: str, operation_name: str | None, made: Parsed | None = None) -> Parsed:
        """What is kept of it; else what was made, or is now."""
        key = self._key(text, operation_name)
        if key is None:
            return made or self.made(text, operation_name)
        return self.kept.get(key, lambda: made or self.made(text, operation_name), _is_valid)

    def made(self, text: str, operation_name: str | None) -> Parsed:
        """The document parsed now; in a thread, if need be."""
        if len(text) > LONGEST:
            message = f"expected a document of at most {LONGEST:,} characters, got {len(text):,}"
            return Parsed(None, errors=[_coded(GraphQLError(message), "LIMIT_EXCEEDED")])
        # The parser takes as long for the last one that is allowed as for a thousand answers.
        if len(text) > SHORT and self._too_many.match(text):
            return Parsed(None, errors=[self._too_many_tokens()])
        return self._parsed(self._key(text, operation_name), text, operation_name)

    def _too_many_tokens(self) -> GraphQLError:
        message = f"expected a document of at most {self._settings.max_tokens:,} tokens"
        return _coded(GraphQLError(message), "LIMIT_EXCEEDED")

    def _key(self, text: str, operation_name: str | None) -> Hashable | None:
        """Under what it is kept; None if it isn't."""
        # Text written into a document may be a person's, and nothing of somebody erased is to
        # stay in memory: only names are kept. Variables are for everything else.
        plain = _COMMENT.sub("", text) if "#" in text else text
        is_plain = '"' not in plain or text in self._trusted
        if not is_plain or len(text) + len(operation_name or "") > LONGEST_KEPT:
            return None
        return plain, operation_name

    def _parsed(self, key: Hashable | None, text: str, operation_name: str | None) -> Parsed:
        try:
            document = parse(text, max_tokens=self._settings.max_tokens, no_location=False)
        except (GraphQLSyntaxError, RecursionError) as error:
            if isinstance(error, GraphQLError) and error.message.endswith(_TOO_MANY_TOKENS):
                return Parsed(key, errors=[self._too_many_tokens()])
            return Parsed(key, errors=[_coded(error, "SYNTAX_ERROR")])
        limited = self._over_limits(document, is_fresh=key is None)
        if limited:
            return Parsed(key, errors=[limited])
        errors = validate(self._schema, document, max_errors=20)
        if errors:
            return Parsed(key, errors=[_coded(error, "BAD_DOCUMENT") for error in errors])
        operation = get_operation_ast(document, operation_name)
        if operation is None:
            message = "expected operationName to name one of the document's operations"
            return Parsed(key, errors=[_coded(GraphQLError(message), "BAD_DOCUMENT")])
        read = Operation(key, Document.of(self._schema, document))
        cost, plain = cost_of(read.document, operation), self._coercers.of(operation)
        told = told_of(operation, document)
        return Parsed(key, document, operation, (), read, cost, plain, told)

    def _over_limits(self, document: DocumentNode, *, is_fresh: bool) -> GraphQLError | None:
        """Depth, aliases and fields, fragments spelled out, before anything else looks at it."""
        try:
            found = _Measure(document).worst()
        except RecursionError as error:
            return _coded(error, "LIMIT_EXCEEDED")
        settings = self._settings
        # What isn't kept is planned anew each time.
        most_fields = settings.max_fresh_fields if is_fresh else settings.max_fields
        for what, got, most in (
            ("levels of fields", found.depth, settings.max_depth),
            ("aliases", found.aliases, settings.max_aliases),
            ("fields", found.fields, most_fields),
            ("directives", found.directives, settings.max_directives),
        ):
            if got > most:
                message = f"expected at most {most:,} {what}, fragments spelled out; got {got:,}"
                return _coded(GraphQLError(message), "LIMIT_EXCEEDED")
        return _over_pairs(document)


@dataclass(frozen=True, slots=True)
class _Size:
    """How deep a selection is and how much is in it, fragments spelled out."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    directives: int = 0

    def beside(self, other: "_Size") -> "_Size":
        return _Size(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.fields + other.fields,
            self.directives + other.directives,
        )


class _Measure:
    """The size of a document. Each fragment is measured once, however often it is spread. The
    depth of introspection isn't counted: its standard query is deep, and validation limits it."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._operations = [
            d for d in document.definitions if isinstance(d, OperationDefinitionNode)
        ]
        self._known: dict[str, _Size] = {}
        self._open: set[str] = set()

    def worst(self) -> _Size:
        """The largest of each over the document's operations."""
        found = [self._set(operation.selection_set) for operation in self._operations] or [_Size()]
        return _Size(
            max(size.depth for size in found),
            max(size.aliases for size in found),
            max(size.fields for size in found),
            max(size.directives for size in found),
        )

    def _set(self, selections: SelectionSetNode) -> _Size:
        whole = _Size()
        for node in selections.selections:
            whole = whole.beside(_Size(directives=len(node.directives or ())))
            if isinstance(node, FieldNode):
                whole = whole.beside(self._field(node))
            elif isinstance(node, InlineFragmentNode):
                whole = whole.beside(self._set(node.selection_set))
            elif isinstance(node, FragmentSpreadNode):
                whole = whole.beside(self._fragment(node.name.value))
        return whole

    def _field(self, node: FieldNode) -> _Size:
        below = self._set(node.selection_set) if node.selection_set else _Size()
        is_introspection = node.name.value in ("__schema", "__type")
        depth = 0 if is_introspection else below.depth + 1
        aliases = below.aliases + (node.alias is not None)
        return _Size(depth, aliases, below.fields + 1, below.directives)

    def _fragment(self, name: str) -> _Size:
        if name not in self._fragments or name in self._open:
            return _Size()  # validation tells unknown fragments and cycles
        if name not in self._known:
            self._open.add(name)
            self._known[name] = self._set(self._fragments[name].selection_set)
            self._open.discard(name)
        return self._known[name]


def _over_pairs(document: DocumentNode) -> GraphQLError | None:
    definitions = document.definitions
    fragments = {d.name.value: d for d in definitions if isinstance(d, FragmentDefinitionNode)}
    for operation in definitions:
        if isinstance(operation, OperationDefinitionNode):
            merging = Merging(fragments, MOST_PAIRS)
            merging.add([operation.selection_set])
            if merging.pairs > MOST_PAIRS:
                message = "expected the same objects or fragments less often in one place"
                return _coded(GraphQLError(message), "LIMIT_EXCEEDED")
    return None


def _length(parsed: Parsed) -> int:
    return len(parsed.key[0]) if isinstance(parsed.key, tuple) else 0


def _is_valid(parsed: Parsed) -> bool:
    return not parsed.errors


def _coded(error: BaseException, code: str) -> GraphQLError:
    if isinstance(error, GraphQLError) and isinstance(error.original_error, ValueError):
        # Python reads numbers of up to 4,300 digits.
        error = GraphQLError("expected a value that can be read", error.nodes)
    if not isinstance(error, GraphQLError):
        error = GraphQLError("the document is nested too deeply to be read")
    error.extensions = {**(error.extensions or {}), "code": code}
    return error


def more_than(tokens: int) -> re.Pattern[str]:
    """What a document matches that surely has more tokens than that, if it is one at all."""
    return re.compile(f"(?:{_TOKEN}){{{tokens + 1}}}")
