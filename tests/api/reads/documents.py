"""Writes random valid documents over all of Query, with variables for them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)

from api.schema.build import changes, computations

ABSENT = object()
ON_ONE_PATH = changes().keys() | computations().keys()  # Python answers these
DEEPEST = 12


class Pool:
    """By the name of an argument or of an input's field: values worth trying."""

    def __init__(self, values: Mapping[str, Sequence[Any]]) -> None:
        self.values = values


@dataclass(frozen=True, slots=True)
class Written:
    """A document and the variables to send with it."""

    text: str
    variables: dict[str, Any]


@dataclass(slots=True)
class Writer:
    """One document in the making."""

    random: Random
    schema: GraphQLSchema
    pool: Pool
    fields_left: int
    serial: int = 0
    declared: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    fragments: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    unaliased: dict[tuple[str, str], str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)

    def write(self) -> Written:
        body = self.selections("Query", DEEPEST)
        text = f"query{self._declarations()} {body}"
        for name, (kind, _, selections) in self.fragments.items():
            text += f"\nfragment {name} on {kind} {selections}"
        return Written(text, self.variables)

    def selections(self, kind: str, room: int) -> str:
        """A selection set, at most `room` levels of fields deep."""
        parts = [self._selection(kind, room) for _ in range(self.random.randint(1, 5))]
        return "{ " + " ".join(parts) + " }"

    def _selection(self, kind: str, room: int) -> str:
        pick = self.random.random()
        if pick < 0.08:
            return f"{self._alias()}__typename{self._directives()}"
        if pick < 0.16:
            condition = self._condition(kind)
            on = f" on {condition}" if condition != kind or self._chance(0.5) else ""
            return f"...{on}{self._directives()} {self.selections(condition, room)}"
        if pick < 0.22:
            return f"...{self._fragment(self._condition(kind), room)}{self._directives()}"
        return self._field(kind, room)

    def _field(self, kind: str, room: int) -> str:
        parent = self.schema.type_map[kind]
        assert isinstance(parent, GraphQLObjectType | GraphQLInterfaceType)
        self.fields_left -= 1
        is_small = room <= 2 or self.fields_left <= 0
        possible = [
            name
            for name, definition in parent.fields.items()
            if not (kind == "Query" and name in ON_ONE_PATH)
            if kind == "Query" or not is_small or is_leaf_type(get_named_type(definition.type))
        ]
        if not possible:
            return "__typename"
        composite = [n for n in possible if not is_leaf_type(get_named_type(parent.fields[n].type))]
        name = self.random.choice(composite if composite and self._chance(0.6) else possible)
        definition = parent.fields[name]
        alias = self._alias()
        if not alias and self.types.setdefault(name, str(definition.type)) != str(definition.type):
            alias = f"a{self._next()}: "  # two types may meet where either may stand
        if alias:
            given = self._arguments(definition)
        else:  # under one response key, the arguments have to be the same
            if (kind, name) not in self.unaliased:
                self.unaliased[kind, name] = self._arguments(definition)
            given = self.unaliased[kind, name]
        text = f"{alias}{name}{given}{self._directives()}"
        below = get_named_type(definition.type)
        return text if is_leaf_type(below) else f"{text} {self.selections(below.name, room - 1)}"

    def _condition(self, kind: str) -> str:
        """A type that a fragment may be about where `kind` is selected from."""
        found = self.schema.type_map[kind]
        if isinstance(found, GraphQLInterfaceType):
            possible = [t.name for t in self.schema.get_possible_types(found)]
            return self.random.choice([*possible, kind])
        if isinstance(found, GraphQLObjectType) and found.interfaces and self._chance(0.3):
            kind = self.random.choice([i.name for i in found.interfaces])
        return kind

    def _fragment(self, kind: str, room: int) -> str:
        held = [n for n, (on, deep, _) in self.fragments.items() if on == kind and deep <= room]
        if held and self._chance(0.5):
            return self.random.choice(held)
        deep = min(room, self.random.randint(2, 5))
        text = self.selections(kind, deep)  # whatever it spreads is finished before it
        name = f"F{self._next()}"
        self.fragments[name] = kind, deep, text
        return name

    def _arguments(self, definition: GraphQLField) -> str:
        parts: list[str] = []
        for name, argument in definition.args.items():
            is_required = isinstance(argument.type, GraphQLNonNull)
            paging = name in ("last", "before")
            if not is_required and self._chance(0.85 if paging else 0.4):
                continue
            if name == "last" and any(part.startswith("first") for part in parts):
                continue
            parts.append(f"{name}: {self._value(name, argument, may_be_variable=True)}")
        return f"({', '.join(parts)})" if parts else ""

    def _value(
        self, name: str, where: GraphQLArgument | GraphQLInputField, *, may_be_variable: bool
    ) -> str:
        """A literal, a variable, or a literal with variables in it."""
        if may_be_variable and self._chance(0.4):
            return self._variable(name, where.type)
        return self._literal(name, where.type)

    def _literal(self, name: str, kind: Any) -> str:
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        elif self._chance(0.1):
            return "null"
        if isinstance(kind, GraphQLList):
            items = [
                self._variable(name, kind.of_type)
                if self._chance(0.3)
                else printed(self.plain(name, kind.of_type), kind.of_type)
                for _ in range(self.random.randint(0, 4))
            ]
            return f"[{', '.join(items)}]"
        if isinstance(kind, GraphQLInputObjectType):
            chosen = {n: f for n, f in kind.fields.items() if self._chance(0.25)}
            parts = [f"{n}: {self._value(n, f, may_be_variable=True)}" for n, f in chosen.items()]
            return "{ " + ", ".join(parts) + " }"
        return printed(self.plain(name, kind), kind)

    def plain(self, name: str, kind: Any) -> Any:
        """A value of an input type, as JSON has it."""
        if isinstance(kind, GraphQLNonNull):
            return self.plain(name, kind.of_type)
        if isinstance(kind, GraphQLList):
            return [self.plain(name, kind.of_type) for _ in range(self.random.randint(0, 4))]
        if isinstance(kind, GraphQLInputObjectType):
            chosen = {n: f for n, f in kind.fields.items() if self._chance(0.25)}
            return {
                n: None if self._chance(0.1) else self.plain(n, f.type) for n, f in chosen.items()
            }
        if isinstance(kind, GraphQLEnumType):
            return self.random.choice(list(kind.values))
        if kind.name == "Boolean":
            return self._chance(0.5)
        return self.random.choice(self.pool.values["cursor" if kind.name == "Cursor" else name])

    def _variable(self, name: str, kind: Any) -> str:
        """Declares a variable: required or not, with a default or none, given, null or absent."""
        variable = f"v{self._next()}"
        value, default = self.plain(name, kind), ""
        is_nullable = not isinstance(kind, GraphQLNonNull)
        if self._chance(0.3):
            default = f" = {printed(self.plain(name, kind), kind)}"
            value = ABSENT if self._chance(0.6) else value
            kind = kind if is_nullable or self._chance(0.5) else kind.of_type
        elif is_nullable:
            pick = self.random.random()
            value = ABSENT if pick < 0.2 else None if pick < 0.4 else value
        self.declared.append(f"${variable}: {kind}{default}")
        if value is not ABSENT:
            self.variables[variable] = value
        return f"${variable}"

    def _directives(self) -> str:
        if not self._chance(0.12):
            return ""
        name = self.random.choice(["include", "skip"])
        condition = self.random.choice(["true", "false"])
        if self._chance(0.6):
            condition = f"$v{self._next()}"
            default = self.random.choice(["", " = true", " = false"])
            self.declared.append(f"{condition}: Boolean!{default}")
            if not default or self._chance(0.5):
                self.variables[condition[1:]] = self._chance(0.7)
        return f" @{name}(if: {condition})"

    def _declarations(self) -> str:
        return f"({', '.join(self.declared)})" if self.declared else ""

    def _alias(self) -> str:
        return f"a{self._next()}: " if self._chance(0.4) else ""

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    def _next(self) -> int:
        self.serial += 1
        return self.serial


def printed(value: Any, kind: Any) -> str:
    """A value as a literal of the query language."""
    if isinstance(kind, GraphQLNonNull):
        return printed(value, kind.of_type)
    if value is None:
        return "null"
    if isinstance(kind, GraphQLList):
        return f"[{', '.join(printed(item, kind.of_type) for item in value)}]"
    if isinstance(kind, GraphQLInputObjectType):
        parts = [f"{name}: {printed(v, kind.fields[name].type)}" for name, v in value.items()]
        return "{ " + ", ".join(parts) + " }"
    return str(value) if isinstance(kind, GraphQLEnumType) else json.dumps(value)
