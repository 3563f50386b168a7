"""Every table, imported in one place, so that the metadata is whole."""

from sqlmodel import SQLModel

from governance import (
    adoptions,
    appeals,
    entries,
    events,
    lookups,
    notices,
    peers,
    platforms,
    receivers,
    reporting,
    sanctions,
    selections,
    tallies,
    turns,
)
from governance.exporting import files

METADATA = SQLModel.metadata

__all__ = [
    "METADATA",
    "adoptions",
    "appeals",
    "entries",
    "events",
    "files",
    "lookups",
    "notices",
    "peers",
    "platforms",
    "receivers",
    "reporting",
    "sanctions",
    "selections",
    "tallies",
    "turns",
]
