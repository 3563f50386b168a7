"""How much of a document has to merge: validation compares selections of one response key each
with each (GraphQL, 5.3.2), so a few hundred in one place would take everybody's time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from math import comb

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    SelectionSetNode,
)


class Merging:
    """Counts pairs of objects and of fragments; stops beyond `most`, which is far more than a
    document within its limit of fields selects, but for cycles of fragments."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], most: int) -> None:
        self._fragments, self._most = fragments, most
        self._visited = 0
        self.pairs = 0

    def add(self, sets: Iterable[SelectionSetNode], within: frozenset[str] = frozenset()) -> None:
        """Counts what is selected together, and below it. `within` names fragments that are
        around it: validation tells cycles."""
        objects: dict[str, list[SelectionSetNode]] = defaultdict(list)
        spread: set[str] = set()
        pending = list(sets)
        while pending:
            for node in pending.pop().selections:
                if isinstance(node, FieldNode):
                    if node.selection_set:  # others are compared in no time
                        objects[(node.alias or node.name).value].append(node.selection_set)
                elif not isinstance(node, FragmentSpreadNode):
                    pending.append(node.selection_set)  # type: ignore[attr-defined]
                elif self._is_new(name := node.name.value, within, spread):
                    spread.add(name)
                    pending.append(self._fragments[name].selection_set)
        self._visited += sum(map(len, objects.values()))
        self.pairs += comb(len(spread), 2) + sum(comb(len(all_), 2) for all_ in objects.values())
        for below in objects.values():
            if max(self.pairs, self._visited) <= self._most:
                self.add(below, within | spread)

    def _is_new(self, name: str, *seen: Set[str]) -> bool:
        return name in self._fragments and not any(name in names for names in seen)
