"""The files of a day, read side by side with what its entries lead to, a batch at a time."""

import gzip
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Self

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from governance.exporting.columns import DATASETS, EVENTS, EXPLANATIONS, Dataset, rows_of
from governance.exporting.formats import csv_header, csv_lines, ndjson_lines
from governance.exporting.manifests import Manifest
from governance.exporting.parquet import schema_of, table_of
from governance.log.commitments import Opening
from governance.log.leaves import Leaf, parse_leaf
from governance.log.notes import decode
from governance.log.tree import leaf_hash
from governance.words import ExportFormat as Format

BATCH = 5_000  # rows in memory; of as many entries explanations are written together
Entry = tuple[int, bytes, Leaf]
Rows = list[dict[str, Any]]


class Unfit(Exception):
    """A file isn't what it should be."""


class _Files:
    """The files of datasets, each read once from its beginning."""

    def __init__(self, folder: Path, manifest: Manifest, datasets: tuple[Dataset, ...]) -> None:
        self._paths = {(f.dataset, f.format): folder / f.path for f in manifest.files}
        self._told = {(f.dataset, f.format): f.rows for f in manifest.files}
        self._texts: dict[tuple[str, Format], BinaryIO] = {}
        self._counts = {dataset.name: 0 for dataset in datasets}
        self._tables = {d.name: _Table(self._paths[d.name, Format.PARQUET], d) for d in datasets}
        self._datasets = datasets
        self._open = ExitStack()

    def __enter__(self) -> Self:
        for key, path in self._paths.items():
            if key[1] is not Format.PARQUET:
                self._texts[key] = self._open.enter_context(gzip.open(path))  # type: ignore[assignment]
        for dataset in self._datasets:
            self._expect_text(dataset, Format.CSV, csv_header(dataset))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def count(self) -> int:
        return sum(self._counts.values())

    def _expect(self, dataset: Dataset, rows: Rows) -> None:
        """That these rows are next in the formats of text."""
        self._counts[dataset.name] += len(rows)
        self._expect_text(dataset, Format.CSV, csv_lines(dataset, rows))
        self._expect_text(dataset, Format.NDJSON, ndjson_lines(dataset, rows))

    def _expect_text(self, dataset: Dataset, form: Format, text: bytes) -> None:
        if self._texts[dataset.name, form].read(len(text)) != text:
            raise Unfit(f"{dataset.name}: a row of {form} isn't what its entry says")

    def end(self) -> None:
        for (name, form), file in self._texts.items():
            if file.read(1):
                raise Unfit(f"{name}: {form} has more rows than there are entries")
        for name, table in self._tables.items():
            if table.take(1).num_rows:
                raise Unfit(f"{name}: Parquet has more rows than there are entries")
        for (name, _), told in self._told.items():
            if told != self._counts[name]:
                raise Unfit(f"{name}: it says {told} rows; there are {self._counts[name]}")


class DayRows(_Files):
    """Each row must be what its entry says, in every format."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        super().__init__(folder, manifest, DATASETS)

    def entries(self) -> Iterator[list[Entry]]:
        file = pq.ParquetFile(self._paths[EVENTS.name, Format.PARQUET], pre_buffer=False)
        for batch in file.iter_batches(BATCH, columns=["logIndex", "entry"]):
            indices, texts = batch.to_pydict().values()
            data = [text.encode() for text in texts]
            yield list(zip(indices, map(leaf_hash, data), map(parse_leaf, data), strict=True))

    def compare(self, entries: list[Entry]) -> None:
        for dataset in DATASETS:
            rows = rows_of(dataset, entries)
            self._expect(dataset, rows)
            if not self._tables[dataset.name].take(len(rows)).equals(table_of(dataset, rows)):
                raise Unfit(f"{dataset.name}: a row of Parquet isn't what its entry says")


class Texts(_Files):
    """Each explanation must be what its sanction's entry commits to, and the same in every format;
    where its key is lost, it can't be proved. They lie in the order of their entries' batches."""

    def __init__(self, folder: Path, name: str, manifest: Manifest) -> None:
        super().__init__(folder, manifest, (EXPLANATIONS,))
        self._name = name
        self._next: Rows = []  # those that are read and not yet compared

    def compare(self, entries: list[Entry]) -> None:
        """That the next rows are what these entries commit to, as far as they are of them."""
        commitments = {
            leaf.case: leaf.decision["commitments"]
            for _, _, leaf in entries
            if "statement" in leaf.decision
        }
        while self._read():
            ours = 0
            for row in self._next:
                if row["sanctionId"] not in commitments:
                    break
                self._check(row, commitments[row["sanctionId"]])
                ours += 1
            self._expect(EXPLANATIONS, self._next[:ours])
            self._next = self._next[ours:]
            if self._next:
                return

    def end(self) -> None:
        for row in self._next:
            self._check(row, {})
        super().end()

    def _read(self) -> bool:
        """Whether there are more rows."""
        self._next = self._next or self._tables[EXPLANATIONS.name].take(BATCH).to_pylist()
        return bool(self._next)

    def _check(self, row: Mapping[str, Any], commitments: Mapping[str, str]) -> None:
        told, value = row["field"], row["value"]
        if told not in commitments:
            raise Unfit(f"{self._name}: {row['sanctionId']} commits to no {told}")
        if row["key"] is not None:
            value = orjson.loads(value) if told == "policyReference" else value
            Opening(told, value, decode(row["key"])).check(decode(commitments[told]))


class _Table:
    """The rows of a file of Parquet."""

    def __init__(self, path: Path, dataset: Dataset) -> None:
        self._name, self._schema = dataset.name, schema_of(dataset)
        self._batches = pq.ParquetFile(path, pre_buffer=False).iter_batches(BATCH)
        self._left = self._schema.empty_table()

    def take(self, count: int) -> pa.Table:
        """The next rows, fewer at the end."""
        while self._left.num_rows < count and (batch := next(self._batches, None)) is not None:
            if batch.schema.names != self._schema.names:
                raise Unfit(f"{self._name}: Parquet has other columns")
            read = pa.Table.from_batches([batch]).cast(self._schema)
            # An empty table would keep what it is cut from.
            self._left = pa.concat_tables([self._left, read]) if self._left.num_rows else read
        taken, self._left = self._left.slice(0, count), self._left.slice(count)
        return taken
