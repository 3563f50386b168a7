"""What is in the files is what their columns are said to be."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from governance import demo
from governance.database import Database
from governance.exporting.columns import ALL, Column, Dataset, Kind
from governance.exporting.days import export
from governance.exporting.places import Folder
from governance.settings import Keys
from tests.builders import sequencer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TYPES = {
    Kind.TEXT: pa.string(),
    Kind.LONG: pa.int64(),
    Kind.FLAG: pa.bool_(),
    Kind.INSTANT: pa.timestamp("us", "UTC"),
    Kind.TEXTS: pa.list_(pa.string()),
}


@pytest.fixture
def folder(sqlite_url: str, tmp_path: Path) -> Iterator[Path]:
    """Yield the export of a world with something of everything."""
    log = sequencer(tmp_path)
    database = Database(sqlite_url, log)
    demo.load(database, Keys(b"k" * 32), now=NOW, sanctions=200)
    export(database, log, Folder(tmp_path / "out"), now=NOW + timedelta(days=2))
    yield tmp_path / "out"
    database.close()


def faults(column: Column, found: pa.ChunkedArray) -> Iterator[str]:
    """What a column isn't that it should be."""
    if found.type != TYPES[column.kind]:
        yield f"{column.name}: {found.type}"
    if found.null_count and not column.is_nullable:
        yield f"{column.name}: null"
    values = found.combine_chunks()
    told = values.flatten() if column.kind is Kind.TEXTS else values
    if column.words is not None:
        yield from {str(one) for one in told.drop_null().to_pylist()} - {*column.words}


def read(folder: Path, dataset: Dataset) -> pa.Table:
    paths = sorted(folder.glob(f"parquet/{dataset.name}/*/*.parquet"))
    return pa.concat_tables([pq.ParquetFile(path).read() for path in paths])


def test_every_column_holds_what_it_is_said_to(folder: Path) -> None:
    for dataset in ALL.values():
        table = read(folder, dataset)
        assert table.num_rows > 100
        assert table.column_names == [column.name for column in dataset.columns]
        for column in dataset.columns:
            assert list(faults(column, table[column.name])) == []
            is_told = table[column.name].null_count < table.num_rows
            assert is_told or column.name == "signedBy", f"{column.name} is always null"
