"""What docs/data.md says of data is true."""

from pathlib import Path

import pytest

from api.schema.statistics import StatisticsRow
from governance.exporting.columns import ALL, Dataset
from governance.words import DurationBucket

GUIDE = (Path(__file__).parent.parent / "docs" / "data.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("dataset", ALL.values(), ids=lambda d: d.name)
def test_every_column_is_described(dataset: Dataset) -> None:
    lines = ["| column | type | what |", "|---|---|---|"]
    for column in dataset.columns:
        kind = column.kind.value + (", or null" if column.is_nullable else "")
        lines.append(f"| `{column.name}` | {kind} | {column.description} |")
    assert f"### `{dataset.name}`\n\n" + "\n".join(lines) + "\n" in GUIDE


def test_every_figure_and_bucket_is_explained() -> None:
    names = {field.alias or name for name, field in StatisticsRow.model_fields.items()}
    camel = ["".join(p if not n else p.title() for n, p in enumerate(x.split("_"))) for x in names]
    for word in (*(c for c in camel if c != "keys"), *DurationBucket):
        assert f"`{word}`" in GUIDE, word
