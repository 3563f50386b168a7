"""What was changed in an export is found, wherever it was changed."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from governance.exporting import comparing
from governance.exporting import days as exporting
from governance.exporting.files import register
from governance.exporting.manifests import Manifest, open_manifest, path_of
from governance.exporting.places import ExportFailed, Folder
from governance.exporting.verifying import verify
from governance.log.canonical import canonical
from governance.log.errors import Malformed, Unproven
from governance.log.notes import Note
from governance.log.signers import Signer
from governance.words import ExportFormat
from tests.builders import DAY, LOG_KEY, NOW
from tests.governance.exporting.conftest import FIRST, Days

KEY = [LOG_KEY.verifier()]
CLOSED = Signer("closed.example/log", bytes([8] * 32))
STRANGER = Signer("tests.example/log", bytes([7] * 32))


def faults(days: Days) -> str:
    return "\n".join(verify(days.folder, KEY).faults)


def resigned(folder: Path, change: Callable[[Manifest], Manifest], signer: Signer) -> None:
    """What somebody with the signer's key could make of the first day."""
    path = folder / path_of(FIRST)
    path.write_bytes(change(open_manifest(path.read_bytes())).signed(signer))


def rehashed(folder: Path, manifest: Manifest) -> Manifest:
    """The manifest of the files as they are now."""
    files = []
    for file in manifest.files:
        data = (folder / file.path).read_bytes()
        files.append(replace(file, sha256=sha256(data).hexdigest(), bytes=len(data)))
    return replace(manifest, files=tuple(files))


def test_how_far_a_check_is_is_told_within_a_large_day(
    lite_days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (comparing, exporting):
        monkeypatch.setattr(module, "BATCH", 1)
    lite_days.export()
    told: list[tuple[int, int]] = []
    assert not verify(lite_days.folder, KEY, lambda *how_far: told.append(how_far)).faults
    [size] = {total for _, total in told}
    assert [*dict(told)] == [*range(1, size + 1)]
    [*_, newest] = sorted((lite_days.folder / "manifests").glob("*-??.note"))
    newest.write_bytes(b"something else")
    told.clear()
    assert verify(lite_days.folder, KEY, lambda *how_far: told.append(how_far)).faults
    [end] = {total for _, total in told}
    assert max(done for done, _ in told) == end < size


@pytest.mark.parametrize("form", ExportFormat)
@pytest.mark.parametrize("dataset", ["statements", "appeals", "events", "explanations"])
def test_a_changed_byte_is_found(lite_days: Days, dataset: str, form: ExportFormat) -> None:
    lite_days.export()
    [path] = (lite_days.folder / form.lower() / dataset / f"day={FIRST}").iterdir()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert f"{path.name} isn't the file that was signed" in faults(lite_days)


def test_a_row_that_its_entry_does_not_lead_to_is_found(lite_days: Days) -> None:
    """Even where the node itself signed it."""
    lite_days.export()
    path = lite_days.folder / f"ndjson/statements/day={FIRST}/statements.ndjson.gz"
    text = gzip.decompress(path.read_bytes()).replace(b"VIOLENCE", b"SCAMFRAU")
    path.write_bytes(gzip.compress(text))
    resigned(lite_days.folder, lambda m: rehashed(lite_days.folder, m), LOG_KEY)
    assert "a row of NDJSON isn't what its entry says" in faults(lite_days)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: replace(m, root=m.edge[0]), "don't lead to the root"),
        (lambda m: replace(m, size=m.size + 1), "the root that was signed"),
        (lambda m: replace(m, edge=m.edge[1:]), "the tree before it isn't"),
        (lambda m: replace(m, first=m.first + 1), "the day before ended at"),
        (lambda m: replace(m, files=m.files[1:]), "other files than those"),
        (lambda m: replace(m, day=(NOW + DAY).date()), "it is of"),
        (lambda m: replace(m, origin="other.example/log"), "it is of the log other.example/log"),
    ],
)
def test_a_manifest_that_does_not_fit_is_found(
    lite_days: Days, change: Callable[[Manifest], Manifest], said: str
) -> None:
    lite_days.export()
    resigned(lite_days.folder, change, LOG_KEY)
    assert said in faults(lite_days)


def test_a_manifest_by_another_key_is_found(lite_days: Days) -> None:
    lite_days.export()
    resigned(lite_days.folder, lambda m: m, STRANGER)
    assert "no known key signed" in faults(lite_days)


def test_days_that_a_closed_log_signed_hold_by_its_key(lite_days: Days) -> None:
    lite_days.export()
    resigned(lite_days.folder, lambda m: replace(m, origin=CLOSED.name), CLOSED)
    keys = [*KEY, CLOSED.verifier()]
    assert verify(lite_days.folder, keys).faults == []
    assert f"it is of the log {CLOSED.name}, of which no key was given" in faults(lite_days)
    resigned(lite_days.folder, lambda m: m, LOG_KEY)
    assert "no known key signed" in "\n".join(verify(lite_days.folder, keys).faults)


def test_a_missing_day_is_found(lite_days: Days) -> None:
    lite_days.export()
    (lite_days.folder / path_of(FIRST)).unlink()
    assert "the day before ended at" in faults(lite_days)


@pytest.mark.parametrize(
    "place", ["statements/day=2026-03-01/more.parquet", "statements/day=2027-01-01/new.parquet"]
)
def test_a_file_that_nobody_signed_is_found(lite_days: Days, place: str) -> None:
    """Who reads `*/*.parquet` would read its rows."""
    lite_days.export()
    [signed] = (lite_days.folder / f"parquet/statements/day={FIRST}").iterdir()
    path = lite_days.folder / "parquet" / place
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(signed.read_bytes())
    assert verify(lite_days.folder, KEY).faults == [f"parquet/{place}: no manifest names it"]


def test_explanations_without_their_manifest_are_found(lite_days: Days) -> None:
    lite_days.export()
    (lite_days.folder / path_of(FIRST, of_explanations=True)).unlink()
    assert faults(lite_days).count("no manifest names it") == len(ExportFormat)


@pytest.mark.parametrize("manifest", [b"", b"not a note"])
def test_what_is_wrong_with_a_day_is_told_of_it_alone(lite_days: Days, manifest: bytes) -> None:
    lite_days.export()
    (lite_days.folder / path_of(FIRST)).write_bytes(manifest)
    [fault] = verify(lite_days.folder, KEY).faults
    assert fault.startswith(path_of(FIRST))


def retold(folder: Path, **changes: object) -> bytes:
    """The first day's manifest with other values, signed as if it were right."""
    heading, told, _ = open_manifest((folder / path_of(FIRST)).read_bytes()).text.split("\n")
    values = orjson.loads(told) | changes
    text = f"{heading}\n{orjson.dumps(values, option=orjson.OPT_SORT_KEYS).decode()}\n"
    return Note(text, (LOG_KEY.sign(text),)).render()


FILE = {"path": "x", "dataset": "x", "format": "CSV", "sha256": "x", "bytes": 1, "rows": 1}
ANY: list[Any] = [None, -1, 1.5, "1", "abc", [], [1], [[]], {}, [{}]]
STRANGE = [
    *({name: value} for name in ("first", "next", "size", "origin", "root") for value in ANY),
    *({name: value} for name in ("edge", "day", "files", "schemaVersion", "more") for value in ANY),
    *({"files": [FILE | {name: value}]} for name in FILE for value in ANY),
    {"files": [FILE | {"path": "a\0b"}]},
]


def test_a_manifest_with_strange_values_is_told_of_and_stops_an_export(lite_days: Days) -> None:
    lite_days.export()
    place, path = Folder(lite_days.folder), lite_days.folder / path_of(FIRST)
    good = path.read_bytes()
    for changes in STRANGE:
        path.write_bytes(good)
        path.write_bytes(retold(lite_days.folder, **changes))
        fault, *_ = verify(lite_days.folder, KEY).faults
        assert fault.startswith(f"{path_of(FIRST)}: "), changes
        if "the manifest doesn't have the form" in fault:
            with pytest.raises(ExportFailed, match=f"{path_of(FIRST)}: the manifest doesn't"):
                register(lite_days.world.database, place)
    path.write_bytes(b"")
    with pytest.raises(ExportFailed, match="move it aside, and it is made anew"):
        lite_days.export()
    path.unlink()
    assert lite_days.export().days == 1
    assert verify(lite_days.folder, KEY).faults == []


@pytest.mark.parametrize("cut", [1, 9, 40])
def test_a_file_that_was_cut_and_signed_is_found(lite_days: Days, cut: int) -> None:
    lite_days.export()
    file = lite_days.folder / f"ndjson/events/day={FIRST}/events.ndjson.gz"
    file.write_bytes(file.read_bytes()[:-cut])
    resigned(lite_days.folder, lambda manifest: rehashed(lite_days.folder, manifest), LOG_KEY)
    fault, *_ = verify(lite_days.folder, KEY).faults
    assert fault.startswith(f"{path_of(FIRST)}: ")


def test_a_missing_file_is_told_of_its_day_alone(lite_days: Days) -> None:
    lite_days.export()
    path = lite_days.folder / f"csv/events/day={FIRST}/events.csv.gz"
    path.unlink()
    done = verify(lite_days.folder, KEY)
    assert done.faults == [f"{path_of(FIRST)}: {path} isn't there"]
    assert done.days == 3


def test_an_explanation_that_differs_by_format_is_found(lite_days: Days) -> None:
    """Even where the node itself signed it."""
    lite_days.export()
    path = lite_days.folder / path_of(FIRST, of_explanations=True)
    file = lite_days.folder / f"ndjson/explanations/day={FIRST}/explanations.ndjson.gz"
    text = gzip.decompress(file.read_bytes()).replace(b"neighbours", b"colleagues")
    file.write_bytes(gzip.compress(text))
    path.write_bytes(rehashed(lite_days.folder, open_manifest(path.read_bytes())).signed(LOG_KEY))
    assert "explanations: a row of NDJSON isn't what its entry says" in faults(lite_days)


def test_an_explanation_that_was_not_committed_to_is_found(lite_days: Days) -> None:
    lite_days.export()
    path = lite_days.folder / path_of(FIRST, of_explanations=True)
    [table] = (lite_days.folder / "parquet/explanations" / f"day={FIRST}").iterdir()
    from pyarrow import parquet

    rows = parquet.read_table(table)
    told = rows.to_pylist()
    told[0]["value"] = "Something else"
    parquet.write_table(type(rows).from_pylist(told, rows.schema), table)
    path.write_bytes(rehashed(lite_days.folder, open_manifest(path.read_bytes())).signed(LOG_KEY))
    assert "is not of this commitment" in faults(lite_days)


def test_a_file_outside_the_folder_is_not_read(lite_days: Days) -> None:
    lite_days.export()

    def outside(manifest: Manifest) -> Manifest:
        first, *others = manifest.files
        return replace(manifest, files=(replace(first, path="../../secret"), *others))

    resigned(lite_days.folder, outside, LOG_KEY)
    assert "outside the export" in faults(lite_days)


def test_an_empty_folder_proves_nothing(tmp_path: Path) -> None:
    assert verify(tmp_path).faults == ["manifests: none is there"]


def test_a_manifest_is_no_checkpoint_and_no_checkpoint_a_manifest(lite_days: Days) -> None:
    from governance.log.checkpoints import Checkpoint, open_checkpoint

    lite_days.export()
    note = (lite_days.folder / path_of(FIRST)).read_bytes()
    with pytest.raises(Malformed):
        open_checkpoint(note, "tests.example/log", verifiers=KEY)
    with pytest.raises(Malformed):
        open_manifest(Checkpoint("tests.example/log", 0, bytes(32)).signed(LOG_KEY).render(), KEY)
    with pytest.raises(Unproven):
        open_manifest(note, [STRANGER.verifier()])
    assert open_manifest(note, KEY).signed(LOG_KEY) == note


@pytest.mark.parametrize(
    "changes",
    [
        {"commitments": ...},
        {"commitments": 7},
        {"statement": 7},
        {"statement": {"keywords": 7, "measure": [], "expiresAt": {}}},
        {"appeal": "apl_x", "changed": 7},
        {"type": "x.y", "changed": None, "appeal": 7},
    ],
)
def test_an_entry_that_tells_what_none_does_is_found(
    lite_days: Days, changes: dict[str, Any]
) -> None:
    """Even where the node itself signed it."""
    from pyarrow import parquet

    lite_days.export()
    [table] = (lite_days.folder / "parquet/events" / f"day={FIRST}").iterdir()
    rows = parquet.read_table(table)
    told = rows.to_pylist()
    for row in told:
        entry = json.loads(row["entry"])
        if "statement" in entry["decision"]:
            decision = entry["decision"] | changes
            entry["decision"] = {k: v for k, v in decision.items() if v is not ...}
            row["entry"] = canonical(entry).decode()
    parquet.write_table(type(rows).from_pylist(told, rows.schema), table)
    resigned(lite_days.folder, lambda m: rehashed(lite_days.folder, m), LOG_KEY)
    [fault] = verify(lite_days.folder, KEY).faults
    assert fault.startswith(path_of(FIRST))


def retabled(folder: Path, dataset: str, change: Callable[[Any], Any]) -> None:
    """What the node itself could sign with another table of the first day."""
    from pyarrow import parquet

    [path] = (folder / "parquet" / dataset / f"day={FIRST}").iterdir()
    parquet.write_table(change(parquet.read_table(path)), path)
    resigned(folder, lambda m: rehashed(folder, m), LOG_KEY)
    note = folder / path_of(FIRST, of_explanations=True)
    note.write_bytes(rehashed(folder, open_manifest(note.read_bytes())).signed(LOG_KEY))


def retyped(table: Any, name: str, value: str) -> Any:
    """The table with another value in its first row."""
    first, *others = table.to_pylist()
    return type(table).from_pylist([first | {name: value}, *others], table.schema)


@pytest.mark.parametrize(
    ("dataset", "change", "said"),
    [
        ("statements", lambda t: retyped(t, "category", "VIOLENCE2"), "a row of Parquet isn't"),
        ("events", lambda t: retyped(t, "type", "APPEAL_FILED"), "a row of Parquet isn't"),
        ("statements", lambda t: t.slice(1), "a row of Parquet isn't what its entry says"),
        ("events", lambda t: t.slice(0, t.num_rows - 1), "has more rows than there are"),
        ("statements", lambda t: type(t).from_batches(2 * t.to_batches()), "Parquet has more rows"),
        ("statements", lambda t: t.drop_columns(["platform"]), "Parquet has other columns"),
        ("explanations", lambda t: retyped(t, "sanctionId", "san_none"), "commits to no"),
        ("explanations", lambda t: t.slice(1), "a row of CSV isn't"),
        ("explanations", lambda t: t.slice(0, 1), "CSV has more rows"),
    ],
)
def test_a_table_that_is_not_what_was_logged_is_found(
    lite_days: Days, dataset: str, change: Callable[[Any], Any], said: str
) -> None:
    lite_days.export()
    retabled(lite_days.folder, dataset, change)
    assert said in faults(lite_days)


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_row_too_many_is_found(lite_days: Days, form: str) -> None:
    lite_days.export()
    path = lite_days.folder / f"{form}/events/day={FIRST}/events.{form}.gz"
    text = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(text + text.splitlines(keepends=True)[-1]))
    resigned(lite_days.folder, lambda m: rehashed(lite_days.folder, m), LOG_KEY)
    assert f"events: {form.upper()} has more rows than there are entries" in faults(lite_days)


def test_a_day_is_checked_a_batch_at_a_time(
    lite_days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Explanations beside the entries that commit to them, which aren't kept."""
    for module in (exporting, comparing):
        monkeypatch.setattr(module, "BATCH", 1)
    lite_days.export()
    assert verify(lite_days.folder, KEY).faults == []
