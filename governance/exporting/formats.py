"""Writers of rows as CSV, NDJSON and Parquet: a batch at a time, so that memory stays bounded.

The same rows give the same bytes, whoever writes them and when.
"""

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from governance.exporting.columns import SCHEMA_VERSION, Column, Dataset, Kind
from governance.words import ExportFormat as Format

Rows = Sequence[Mapping[str, Any]]
LEVEL = 6  # of gzip


ENDINGS = {Format.CSV: "csv.gz", Format.NDJSON: "ndjson.gz", Format.PARQUET: "parquet"}


class Writer(Protocol):
    """Writes rows into a file that is open."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, _t: type[BaseException] | None, _v: BaseException | None, _tb: TracebackType | None
    ) -> None: ...
    def write(self, rows: Rows) -> None: ...


class _Zipped:
    """Text into gzip, without a time or a name in it."""

    def __init__(self, file: BinaryIO) -> None:
        self.zipped = gzip.GzipFile("", "wb", LEVEL, file, mtime=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _v: BaseException | None, _tb: TracebackType | None
    ) -> None:
        if kind is None:
            self.zipped.close()


def csv_lines(dataset: Dataset, rows: Rows) -> bytes:
    """RFC 4180 in UTF-8; null is empty, a list is JSON."""
    text = io.StringIO(newline="")
    cells = ([_cell(row[c.name], c) for c in dataset.columns] for row in rows)
    csv.writer(text, lineterminator="\n").writerows(cells)
    return text.getvalue().encode()


def csv_header(dataset: Dataset) -> bytes:
    return (",".join(column.name for column in dataset.columns) + "\n").encode()


def ndjson_lines(dataset: Dataset, rows: Rows) -> bytes:
    """One JSON object a line, every column in each."""
    names = [column.name for column in dataset.columns]
    return b"".join(orjson.dumps({name: row[name] for name in names}) + b"\n" for row in rows)


class Csv(_Zipped):
    def __init__(self, file: BinaryIO, dataset: Dataset) -> None:
        super().__init__(file)
        self._dataset = dataset
        self.zipped.write(csv_header(dataset))

    def write(self, rows: Rows) -> None:
        self.zipped.write(csv_lines(self._dataset, rows))


class NdJson(_Zipped):
    def __init__(self, file: BinaryIO, dataset: Dataset) -> None:
        super().__init__(file)
        self._dataset = dataset

    def write(self, rows: Rows) -> None:
        self.zipped.write(ndjson_lines(self._dataset, rows))


class Parquet:
    """Parquet with zstd; a batch is a row group. The schema version is in its metadata."""

    def __init__(self, file: BinaryIO, dataset: Dataset) -> None:
        self._columns, self._schema = dataset.columns, schema_of(dataset)
        self._file = file
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _v: BaseException | None, _tb: TracebackType | None
    ) -> None:
        if kind is None:
            self._writer.close()

    def write(self, rows: Rows) -> None:
        if rows:
            arrays = [_array([row[c.name] for row in rows], c) for c in self._columns]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))


WRITERS: Mapping[Format, type[Csv] | type[NdJson] | type[Parquet]] = {
    Format.CSV: Csv,
    Format.NDJSON: NdJson,
    Format.PARQUET: Parquet,
}

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


def _array(values: list[Any], column: Column) -> pa.Array:
    if column.kind is Kind.INSTANT:
        return pa.array(values, pa.string()).cast(_INSTANT)
    return pa.array(values, _TYPES[column.kind])


def _cell(value: Any, column: Column) -> str:
    if value is None:
        return ""
    if column.kind is Kind.FLAG:
        return "true" if value else "false"
    return orjson.dumps(value).decode() if column.kind is Kind.TEXTS else str(value)
