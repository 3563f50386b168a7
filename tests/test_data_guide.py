"""What docs/data.md says of data is true."""

from pathlib import Path

import pytest

from api.schema.statistics import StatisticsRow
from governance.exporting.columns import ALL, Column, Dataset
from governance.exporting.grouping import ROWS, TOLD
from governance.rules.research import DATES, LEVELS
from governance.words import DurationBucket

MOST_CODES = 11  # that are listed in a table
GUIDE = (Path(__file__).parent.parent / "docs" / "data.md").read_text(encoding="utf-8")


def values(column: Column) -> str:
    """The codes that a column takes; of many, where they are."""
    if column.words is None:
        return ""
    if len(column.words) > MOST_CODES:
        return f"{len(column.words)}, in `{column.words.__name__}`"
    return ", ".join(f"`{word}`" for word in column.words)


@pytest.mark.parametrize("dataset", [*ALL.values(), ROWS], ids=lambda d: d.name)
def test_every_column_is_described(dataset: Dataset) -> None:
    lines = ["| column | type | what | values |", "|---|---|---|---|"]
    for column in dataset.columns:
        kind = column.kind.value + (", or null" if column.is_nullable else "")
        lines.append(f"| `{column.name}` | {kind} | {column.description} | {values(column)} |")
    assert f"### `{dataset.name}`\n\n" + "\n".join(lines) + "\n" in GUIDE


def test_every_figure_and_bucket_is_explained() -> None:
    names = {field.alias or name for name, field in StatisticsRow.model_fields.items()}
    camel = ["".join(p if not n else p.title() for n, p in enumerate(x.split("_"))) for x in names]
    for word in (*(c for c in camel if c != "keys"), *DurationBucket):
        assert f"`{word}`" in GUIDE, word


def test_what_each_level_of_detail_tells_is_explained() -> None:
    for detail, level in enumerate(LEVELS):
        told = [f"`{name}`" for name in TOLD if name in level.columns]
        more = set(level.columns) - set(LEVELS[detail - 1].columns if detail else ())
        added = ", ".join(f"`{name}`" for name in TOLD if name in more) or "the same"
        dates = "month" if level.is_by_month else "day"
        assert f"| {detail} | {added} | {dates} |" in GUIDE, told
    assert {"issuedOn", "endedOn"} == DATES
