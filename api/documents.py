"""Documents: parsed, validated and limited once, then kept."""

from collections.abc import Hashable, Sequence
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

from api.reads.plans import Kept
from governance.settings import Settings

KEPT_DOCUMENTS = 1_000
LONGEST_KEPT = 20_000  # characters; longer documents are not worth their memory


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document with its one operation, or with what is wrong with it."""

    key: Hashable | None  # None where nothing made of it is kept
    document: DocumentNode | None = None
    operation: OperationDefinitionNode | None = None
    errors: Sequence[GraphQLError] = ()


class Documents:
    """A bounded memory of documents by text and operation name."""

    def __init__(self, schema: GraphQLSchema, settings: Settings) -> None:
        self._schema = schema
        self._settings = settings
        self.kept: Kept[Parsed] = Kept(KEPT_DOCUMENTS)

    def parsed(self, text: str, operation_name: str | None) -> Parsed:
        key = (text, operation_name)
        if len(text) + len(operation_name or "") > LONGEST_KEPT:
            return self._parsed(None, text, operation_name)
        return self.kept.get(key, lambda: self._parsed(key, text, operation_name))

    def _parsed(self, key: Hashable | None, text: str, operation_name: str | None) -> Parsed:
        try:
            document = parse(text, max_tokens=self._settings.max_tokens, no_location=False)
        except (GraphQLSyntaxError, RecursionError) as error:
            return Parsed(key, errors=[_coded(error, "SYNTAX_ERROR")])
        limited = self._over_limits(document)
        if limited:
            return Parsed(key, errors=[limited])
        errors = validate(self._schema, document, max_errors=20)
        if errors:
            return Parsed(key, errors=[_coded(error, "BAD_DOCUMENT") for error in errors])
        operation = get_operation_ast(document, operation_name)
        if operation is None:
            message = "expected operationName to name one of the document's operations"
            return Parsed(key, errors=[_coded(GraphQLError(message), "BAD_DOCUMENT")])
        return Parsed(key, document, operation)

    def _over_limits(self, document: DocumentNode) -> GraphQLError | None:
        """Depth and aliases, fragments spelled out, before anything else looks at it."""
        try:
            depth, aliases = _Measure(document, self._settings).worst()
        except _TooMuch as over:
            return _coded(GraphQLError(str(over)), "LIMIT_EXCEEDED")
        except RecursionError as error:
            return _coded(error, "LIMIT_EXCEEDED")
        if depth > self._settings.max_depth:
            message = f"expected at most {self._settings.max_depth} levels of fields, got {depth}"
        elif aliases > self._settings.max_aliases:
            message = f"expected at most {self._settings.max_aliases} aliases, got {aliases}"
        else:
            return None
        return _coded(GraphQLError(message), "LIMIT_EXCEEDED")


class _TooMuch(Exception):
    """Counting itself went over a limit."""


class _Measure:
    """How deep a document is and how many aliases it has. The depth of introspection isn't
    counted: its standard query is deep, and validation limits what of it may nest."""

    def __init__(self, document: DocumentNode, settings: Settings) -> None:
        self._fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._operations = [
            d for d in document.definitions if isinstance(d, OperationDefinitionNode)
        ]
        self._known: dict[str, tuple[int, int]] = {}
        self._open: set[str] = set()
        self._settings = settings

    def worst(self) -> tuple[int, int]:
        found = [self._set(operation.selection_set) for operation in self._operations]
        return max((d for d, _ in found), default=0), max((a for _, a in found), default=0)

    def _set(self, selections: SelectionSetNode) -> tuple[int, int]:
        depth = aliases = 0
        for node in selections.selections:
            deeper, more = 0, 0
            if isinstance(node, FieldNode):
                if node.selection_set:
                    deeper, more = self._set(node.selection_set)
                is_introspection = node.name.value in ("__schema", "__type")
                deeper = 0 if is_introspection else deeper + 1
                more += node.alias is not None
            elif isinstance(node, InlineFragmentNode):
                deeper, more = self._set(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                deeper, more = self._fragment(node.name.value)
            depth, aliases = max(depth, deeper), aliases + more
            if aliases > self._settings.max_aliases:
                raise _TooMuch(f"expected at most {self._settings.max_aliases} aliases")
        return depth, aliases

    def _fragment(self, name: str) -> tuple[int, int]:
        if name not in self._fragments or name in self._open:
            return 0, 0  # validation tells unknown fragments and cycles
        if name not in self._known:
            self._open.add(name)
            self._known[name] = self._set(self._fragments[name].selection_set)
            self._open.discard(name)
        return self._known[name]


def _coded(error: BaseException, code: str) -> GraphQLError:
    if not isinstance(error, GraphQLError):
        error = GraphQLError("the document is nested too deeply to be read")
    error.extensions = {**(error.extensions or {}), "code": code}
    return error
