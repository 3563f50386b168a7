"""Rows as Parquet."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, BinaryIO, Self

import pyarrow as pa
import pyarrow.parquet as pq

from governance.exporting.columns import SCHEMA_VERSION, Column, Dataset, Kind
from governance.exporting.formats import Rows


class Parquet:
    """Parquet with zstd; a batch is a row group. The schema version is in its metadata."""

    def __init__(self, file: BinaryIO, dataset: Dataset) -> None:
        self._dataset = dataset
        self._writer = pq.ParquetWriter(file, schema_of(dataset), compression="zstd")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _v: BaseException | None, _tb: TracebackType | None
    ) -> None:
        if kind is None:
            self._writer.close()
        self._writer.is_open = False  # or it closes itself once more, into a file that is closed

    def write(self, rows: Rows) -> None:
        if rows:
            self._writer.write_table(table_of(self._dataset, rows))


_INSTANT = pa.timestamp("us", "UTC")
_TYPES: Mapping[Kind, pa.DataType] = {
    Kind.TEXT: pa.string(),
    Kind.LONG: pa.int64(),
    Kind.FLAG: pa.bool_(),
    Kind.INSTANT: _INSTANT,
    Kind.TEXTS: pa.list_(pa.string()),
}


def schema_of(dataset: Dataset) -> pa.Schema:
    """The dataset's columns as Arrow has them."""
    fields = [pa.field(c.name, _TYPES[c.kind], nullable=c.is_nullable) for c in dataset.columns]
    return pa.schema(fields, {"comity.schemaVersion": str(SCHEMA_VERSION)})


def table_of(dataset: Dataset, rows: Rows) -> pa.Table:
    arrays = [_array([row[c.name] for row in rows], c) for c in dataset.columns]
    return pa.Table.from_arrays(arrays, schema=schema_of(dataset))


def _array(values: list[Any], column: Column) -> pa.Array:
    if column.kind is Kind.INSTANT:
        return pa.array(values, pa.string()).cast(_INSTANT)
    return pa.array(values, _TYPES[column.kind])
