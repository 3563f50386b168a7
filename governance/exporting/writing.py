"""Files of rows, written in every form at once, a batch at a time."""

import errno
import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from hashlib import file_digest
from pathlib import Path

from governance.exporting.columns import Dataset
from governance.exporting.formats import WRITERS, Writer
from governance.exporting.manifests import File
from governance.exporting.places import STAYS, ExportFailed
from governance.words import ExportFormat as Format

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def written(
    work: Path,
    paths: Mapping[tuple[Dataset, Format], str],
    batches: Iterable[Mapping[str, list[dict[str, object]]]],
) -> tuple[File, ...]:
    """Writes rows, which come by their dataset's name, to paths below a folder; what the files
    are."""
    counts = {dataset.name: 0 for dataset, _ in paths}
    with ExitStack() as stack:
        writers: list[tuple[str, Writer]] = []
        for (dataset, form), path in paths.items():
            target = work / path
            target.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(open(target, "wb"))
            writer: Writer = WRITERS[form](file, dataset)
            writers.append((dataset.name, stack.enter_context(writer)))
        for rows in batches:
            for name, writer in writers:
                writer.write(rows[name])
            for name, some in rows.items():
                counts[name] += len(some)
    return tuple(
        _file(work, path, dataset.name, form, counts[dataset.name])
        for (dataset, form), path in paths.items()
    )


def _file(work: Path, path: str, dataset: str, form: Format, rows: int) -> File:
    with open(work / path, "rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
        size = os.fstat(file.fileno()).st_size
    return File(path, dataset, form, digest, size, rows)


def stopped(where: str, error: OSError | sqlite3.Error) -> ExportFailed:
    """Why an export stopped, for people."""
    if isinstance(error, OSError):
        is_full, why = error.errno in _FULL, error.strerror or str(error)
    else:
        name = getattr(error, "sqlite_errorname", "")
        is_full, why = name == "SQLITE_FULL", name or type(error).__name__
    return ExportFailed(f"{where}: {'the disk is full' if is_full else why}: {STAYS}")
