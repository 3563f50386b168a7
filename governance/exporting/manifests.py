"""Manifests: what the files of a day are, signed as checkpoints are (C2SP signed-note).

The text is a line that no checkpoint begins with, and one line of JSON. It names the tree that the
day's entries are in, so that each row can be proved against the log.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import date

import orjson

from governance.exporting.columns import SCHEMA_VERSION
from governance.exporting.names import ENDINGS
from governance.exporting.places import ExportFailed, Place
from governance.log.errors import LogError, Malformed, Unproven
from governance.log.notes import Note, parse_note
from governance.log.signers import Signer, Verifier, signed_by
from governance.words import ExportFormat as Format

HEADING = "comity export v1"


@dataclass(frozen=True, slots=True)
class File:
    """One file, by its path below the export's folder."""

    path: str
    dataset: str
    format: Format
    sha256: str
    bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of a day. It has the entries from `first` up to, but without, `next`; `edge` are
    the hashes of the complete subtrees before them. `size` and `root` are the tree's as they were
    when the files were made: of a day's own files, just after its last entry."""

    origin: str
    day: date
    first: int
    next: int
    edge: tuple[str, ...]
    size: int
    root: str
    files: tuple[File, ...]
    schemaVersion: int = SCHEMA_VERSION

    @property
    def text(self) -> str:
        """The text to sign."""
        told = asdict(self) | {"day": self.day.isoformat()}
        return f"{HEADING}\n{orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode()}\n"

    def signed(self, signer: Signer) -> bytes:
        return Note(self.text, (signer.sign(self.text),)).render()


def open_manifest(data: bytes, verifiers: Iterable[Verifier] = ()) -> Manifest:
    """Reads a manifest; Malformed unless it has the form, Unproven unless one of the keys signed
    it, which has its log's name. Without keys, whose it is isn't checked."""
    note = parse_note(data)
    heading, _, rest = note.text.partition("\n")
    if heading != HEADING:
        raise Malformed("it isn't a manifest of an export")
    try:
        told = orjson.loads(rest)
        files = tuple(_file(one) for one in told.pop("files"))
        found = Manifest(
            **told | {"day": date.fromisoformat(told["day"])} | {"edge": tuple(told["edge"])},
            files=files,
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Malformed("the manifest doesn't have the form") from None
    if not files or not _has_kinds(found) or not all(map(_has_kinds, files)):
        raise Malformed("the manifest doesn't have the form")
    if found.text != note.text:
        raise Malformed("the manifest isn't written in the one way")
    trusted = list(verifiers)
    if trusted:
        named = [key for key in trusted if key.name == found.origin]
        if not named:
            raise Unproven(f"it is of the log {found.origin}, of which no key was given")
        signed_by(note, named)
    return found


def manifest_at(place: Place, path: str) -> Manifest:
    """A manifest that is there; ExportFailed where it isn't one any longer."""
    try:
        return open_manifest(place.read(path) or b"")
    except LogError as error:
        told = f"{error}: move it aside, and it is made anew"
        raise ExportFailed(f"{place.name}: {path}: {told}") from None


def _file(told: dict[str, object]) -> File:
    return File(**told | {"format": Format[str(told["format"])]})  # type: ignore[arg-type]


def _has_kinds(told: Manifest | File) -> bool:
    """Whether its texts are texts, and its numbers whole and not negative."""
    given = [(getattr(told, one.name), one.type) for one in fields(told)]
    texts = [value for value, kind in given if kind is str]
    numbers = [value for value, kind in given if kind is int]
    texts += told.edge if isinstance(told, Manifest) else ()
    return {str}.issuperset(map(type, texts)) and all(type(n) is int and n >= 0 for n in numbers)


def path_of(day: date, *, of_explanations: bool = False) -> str:
    """Where a day's manifest is."""
    return f"manifests/{day}{'.explanations' if of_explanations else ''}.note"


def file_path(dataset: str, form: Format, day: date) -> str:
    """Where a file of a day is; hive-partitioned, by format and dataset first."""
    return f"{form.lower()}/{dataset}/day={day}/{dataset}.{ENDINGS[form]}"
