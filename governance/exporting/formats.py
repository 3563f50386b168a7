"""Writers of rows as CSV, NDJSON and Parquet: a batch at a time, so that memory stays bounded.

The same rows give the same bytes, whoever writes them and when.
"""

import csv
import gzip
import io
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

import orjson

from governance.exporting.columns import Column, Dataset, Kind
from governance.words import ExportFormat as Format

Rows = Sequence[Mapping[str, Any]]
LEVEL = 6  # of gzip


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
    columns = [_cells([row[c.name] for row in rows], c) for c in dataset.columns]
    csv.writer(text, lineterminator="\n").writerows(zip(*columns, strict=True))
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


def _parquet(file: BinaryIO, dataset: Dataset) -> Writer:
    from governance.exporting.parquet import Parquet  # only who writes it needs it

    return Parquet(file, dataset)


WRITERS: Mapping[Format, Callable[[BinaryIO, Dataset], Writer]] = {
    Format.CSV: Csv,
    Format.NDJSON: NdJson,
    Format.PARQUET: _parquet,
}


def _cells(values: list[Any], column: Column) -> list[Any]:
    """What the writer prints as it is."""
    if column.kind is Kind.FLAG:
        return [value if value is None else "true" if value else "false" for value in values]
    if column.kind is Kind.TEXTS:
        return [value if value is None else orjson.dumps(value).decode() for value in values]
    return values
