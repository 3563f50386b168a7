"""Compiles a root field's selection to one SQL expression that yields its JSON.

Rows of outer objects are always meant by reference: every nested select is correlated to all
but its own source, since SQLAlchemy looks only one level up by itself.
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

import sqlalchemy as sa
from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_list_type,
)
from graphql.type import GraphQLNonNull

from api.reads.fields import Read, Row
from api.reads.followings import compiled_following
from api.reads.groups import compiled_groups
from api.reads.nodes import All, Following, Groups, Node, Nothing, One, Stretch, Variants
from api.reads.pages import compiled_page
from api.reads.pieces import Written
from api.reads.selections import Document, below, variables_in
from api.reads.stretches import compiled_stretch
from api.reads.texts import Text, concatenated, flag, grouped, literal, name_of
from api.reads.values import arguments, shape

Methods = Mapping[tuple[str, str], Callable[..., Any] | str]

NUMBERS = frozenset({"Int", "Long", "Float"})
PLAIN = frozenset({"ID"})  # needs no escaping: made of our own letters
TYPE_KEY = ":type"
MOST_JOINED = 3  # to a row: PostgreSQL orders eight tables well, of more whichever come first


@dataclass(frozen=True, slots=True)
class Compiler:
    """One operation's compilation: its document, the values its shape fixes, and the methods
    that each type's fields come from. `typed` adds what resolves abstract types. Caches may use the
    operation's key, if there is one."""

    document: Document
    variables: Mapping[str, Any]
    methods: Methods
    typed: bool = False
    operation: Hashable | None = None

    def key(self, nodes: Sequence[FieldNode], but_in: Collection[str]) -> Hashable | None:
        """What the JSON of fields depends on, but for arguments that only tell of which rows."""
        if self.operation is None:
            return None
        named = variables_in(self.document, nodes, but_in)
        others = {name: value for name, value in self.variables.items() if name in named}
        name = nodes[0].alias or nodes[0].name
        return self.operation, name.value, self.typed, shape(others)

    def root(self, type_name: str, nodes: Sequence[FieldNode], read: Read) -> Text:
        """The JSON of one root field."""
        return self._field(type_name, nodes, None, read)

    def objects(
        self,
        type_name: str,
        nodes: Sequence[FieldNode],
        row: Row,
        read: Read,
        joined: list[One] | None = None,
    ) -> Text:
        """The JSON of one object: its selected fields, by response key. A caller that joins more
        rows to the object's finds in `joined` which."""
        parts: list[Text | str] = []  # nested objects, and groups of all that stands between
        plain: list[Text | str] = ["{"]
        if self.typed:
            plain.append(f'"{TYPE_KEY}":"{type_name}"')
        is_first = not self.typed
        for key, selected in self.below(type_name, nodes).items():
            plain.append(f'"{key}":' if is_first else f',"{key}":')
            is_first = False
            json = self._field(type_name, selected, row, read, joined)
            if selected[0].selection_set:
                parts += [grouped(plain), json]
                plain = []
            else:
                plain.append(json)
        return concatenated([*parts, grouped([*plain, "}"])])

    def below(self, type_name: str, nodes: Sequence[FieldNode]) -> dict[str, list[FieldNode]]:
        """What nodes of one response key select, by response key."""
        return below(self.document, type_name, nodes, self.variables)

    def _field(
        self,
        type_name: str,
        nodes: Sequence[FieldNode],
        row: Row,
        read: Read,
        joined: list[One] | None = None,
    ) -> Text:
        name = nodes[0].name.value
        if name == "__typename":
            return literal(f'"{type_name}"')
        parent = self.document.schema.type_map[type_name]
        assert isinstance(parent, GraphQLObjectType)
        definition = parent.fields[name]
        method = self.methods[type_name, name]
        if isinstance(method, str):
            return scalar(read, definition.type, row[method])
        given = {a.name.value: a.value for a in nodes[0].arguments or ()}
        bound = arguments(definition, given, self.variables)
        named = {python_name(name): value for name, value in bound.items()}
        found = method(row, read, **named)
        if (
            isinstance(found, One)
            and found.is_joinable
            and joined is not None
            and len(joined) < MOST_JOINED
        ):
            joined.append(found)
            return self.objects(name_of(found.type), nodes, found.source.c, read)
        if isinstance(found, Node):
            return self._node(definition, nodes, found, read)
        return scalar(read, definition.type, found)

    def _node(
        self, definition: GraphQLField, nodes: Sequence[FieldNode], node: Node, read: Read
    ) -> Text:
        if isinstance(node, Nothing):
            return literal("null")
        if isinstance(node, Variants):
            return self._variants(nodes, node, read)
        if isinstance(node, One):
            found = self._one(nodes, node, read)
            if isinstance(definition.type, GraphQLNonNull):
                return found
            return sa.func.coalesce(found, literal("null"), type_=sa.Text())
        if isinstance(node, All):
            return self._all(nodes, node, read)
        if isinstance(node, Following):
            return compiled_following(self, nodes, node, read)
        named = get_named_type(definition.type)
        assert isinstance(named, GraphQLObjectType)
        if isinstance(node, Stretch):
            return compiled_stretch(self, named.name, nodes, node, read)
        if isinstance(node, Groups):
            return compiled_groups(self, named.name, nodes, node, read)
        return compiled_page(self, named.name, nodes, node, read)

    def _variants(self, nodes: Sequence[FieldNode], node: Variants, read: Read) -> Text:
        options = (self._one(nodes, option, read) for option in node.options)
        return sa.func.coalesce(*options, literal("null"), type_=sa.Text())

    def _one(self, nodes: Sequence[FieldNode], node: One, read: Read) -> Text:
        json = self.objects(name_of(node.type), nodes, node.source.c, node.read or read)
        found = sa.select(json).select_from(node.source).where(*node.where)
        return found.correlate_except(node.source).scalar_subquery()

    def _all(self, nodes: Sequence[FieldNode], node: All, read: Read) -> Text:
        if isinstance(node.source, Written):
            key = self.key(nodes, [a.name.value for a in nodes[0].arguments or ()])
            return node.source.before(read.piece(key, lambda read: self._listed(nodes, node, read)))
        whole: Text = self._listed(nodes, node, read).scalar_subquery()
        if node.only_if is not None:
            whole = sa.case((node.only_if, whole), else_=literal("[]"))
        return whole if node.whole is None else sa.case((node.whole, whole), else_=literal("null"))

    def _listed(self, nodes: Sequence[FieldNode], node: All, read: Read) -> sa.Select[Any]:
        row = node.source.c if node.row is None else node.row
        if node.each is not None:
            json = self._variants(nodes, node.each(row), read)
        else:
            json = self.objects(name_of(node.type), nodes, row, node.read or read)
        if node.present is not None:
            json = sa.case((node.present, json), else_=literal("null"))
        items = sa.select(json.label("item")).select_from(node.source).where(*node.where)
        return read.dialect.gathered(items.correlate_except(node.source), node.order)


def python_name(name: str) -> str:
    """What a field or an argument of the schema is called in Python."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return f"{snake}_" if iskeyword(snake) else snake


def scalar(read: Read, kind: GraphQLOutputType, column: sa.ColumnElement[Any]) -> Text:
    """The JSON of a scalar, an enum or a list of them, null where the column is. What is null
    stays null through `||`, so that an expensive column is computed once."""
    named = get_named_type(kind)
    if is_list_type(kind.of_type if isinstance(kind, GraphQLNonNull) else kind):
        json: Text = sa.cast(column, sa.Text())
    elif named.name == "Boolean":
        if isinstance(kind, GraphQLNonNull):
            return flag(column)
        json = sa.case((column, literal("true")), (sa.not_(column), literal("false")))
    elif named.name in NUMBERS:
        json = sa.cast(column, sa.Text())
    elif named.name == "DateTime":
        json = concatenated(['"', read.dialect.instant(column), '"'])
    elif named.name in PLAIN or isinstance(named, GraphQLEnumType):
        json = concatenated(['"', sa.type_coerce(column, sa.Text()), '"'])
    else:
        json = read.dialect.quoted(sa.type_coerce(column, sa.Text()))
    if isinstance(kind, GraphQLNonNull):
        return json
    return sa.func.coalesce(json, literal("null"), type_=sa.Text())
