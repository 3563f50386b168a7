"""What files of exports are called, by their formats; and the manifest beside a selection's."""

from governance.words import ExportFormat as Format

ENDINGS = {Format.CSV: "csv.gz", Format.NDJSON: "ndjson.gz", Format.PARQUET: "parquet"}
MANIFEST = "manifest.note"
