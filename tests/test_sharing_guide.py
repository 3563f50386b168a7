"""What the guide to sharing prints is what a node answers."""

from pathlib import Path
from typing import Any

from tests.api.http.outside import Node
from tests.test_integration_guide import Shortened, Stage, exchanges

GUIDE = (Path(__file__).parent.parent / "docs" / "sharing.md").read_text(encoding="utf-8")


def by_domain(answer: dict[str, Any]) -> dict[str, Any]:
    """Receipts of one instant in the order of their platforms: their ids are random."""
    receipts = ((answer["data"] or {}).get("sanction") or {}).get("receipts", {"nodes": []})
    receipts["nodes"].sort(key=lambda receipt: receipt["platform"]["domain"])
    return answer


def test_each_request_is_answered_as_the_guide_prints(database_url: str, tmp_path: Path) -> None:
    short = Shortened()
    with Node(database_url, tmp_path / "comity.key") as node:
        stage = Stage(node, "lantern.example")
        for exchange in exchanges(GUIDE):
            real = by_domain(stage.ask(exchange.query, short.spelled_out(exchange.variables)))
            short.bind(exchange.answer, real)
            assert short.spelled_out(exchange.answer) == real, exchange.query


def test_each_request_has_an_answer_in_the_guide() -> None:
    answered = {exchange.query for exchange in exchanges(GUIDE)}
    assert len(answered) == GUIDE.count("```graphql\n") > 6
