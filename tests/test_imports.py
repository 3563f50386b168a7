"""The import graph is a tree: api rests on governance, rules on nothing that touches the world."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
IO = {"sqlmodel", "sqlalchemy", "os", "pathlib", "time", "socket", "subprocess", "io", "secrets"}
CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    module_name(path): path
    for package in ("governance", "api")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "versions" not in path.parts
}
LOG_MATHEMATICS = {
    f"governance.log.{noun}"
    for noun in (
        *("auditing", "authorship", "canonical", "checkpoints", "commitments", "descent"),
        *("errors", "forms", "growth", "histories", "kinds", "leaves", "notes", "proofs"),
        *("signers", "skimming", "tiles", "tree", "witnesses"),
    )
}
PURE = [
    name
    for name in SOURCES
    if name.startswith(("governance.rules", "governance.words")) or name in LOG_MATHEMATICS
]


def imports(name: str) -> set[str]:
    """The modules that importing this one imports, as far as its first level says so."""
    path = SOURCES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in _at_import(ast.parse(path.read_text()).body):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            start = ".".join([*base, *([node.module] if node.module else [])])
            source = start if node.level else (node.module or "")
            for alias in node.names:
                whole = f"{source}.{alias.name}"
                found.add(whole if whole in SOURCES else source)
    return found


def _at_import(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements that run when the module is imported; what only types need doesn't."""
    found: list[ast.stmt] = []
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        found.append(node)
        for block in ("body", "orelse", "finalbody"):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found += _at_import(getattr(node, block, []))
    return found


@pytest.mark.parametrize("name", [n for n in SOURCES if n.startswith("governance")])
def test_governance_never_imports_api(name: str) -> None:
    for node in ast.walk(ast.parse(SOURCES[name].read_text())):
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            named = [node.module or ""]
        else:
            continue
        assert not [other for other in named if other.split(".")[0] == "api"]


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {name: imports(name) & set(SOURCES) for name in SOURCES}
    list(TopologicalSorter(graph).static_order())  # names the cycle if there is one


@pytest.mark.parametrize("name", PURE)
def test_rules_do_no_io_and_read_no_clock(name: str) -> None:
    assert {other.split(".")[0] for other in imports(name)}.isdisjoint(IO)
    for node in ast.walk(ast.parse(SOURCES[name].read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in CLOCKS, f"{name}: line {node.lineno} reads a clock"
        if isinstance(node, ast.Name):
            assert node.id not in {"open", "print", "input"}
