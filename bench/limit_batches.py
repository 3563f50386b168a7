"""A batch as its limit takes it in: rows by hand, and COPY into the tables that a node writes."""

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import orjson

from governance.identifiers import SubjectKind, lookup_key, parse_subject

ENTRY = "x" * 815  # as long as what the log says of such a decision
NOTHING = "[]"

COLUMNS = {
    "sanctions": (
        *("id", "platform_id", "reference_key", "measure", "ground", "category", "keywords"),
        *("expires_at", "conduct_from", "is_automated_detection", "automation", "source"),
        *("content_type", "territorial_scope", "audience", "subject_kind", "issued_at"),
        *("effective_at", "time_precision", "validity", "policy_conflicts", "recorded_at"),
        *("is_binding", "starts_at", "ends_at", "end_reason", "reduced_after_end"),
        *("secret_generation", "lasts", "first_event", "first_entry"),
    ),
    "disclosures": (
        *("sanction_id", "seed", "subject", "issuer_reference", "ground_reference", "reason"),
        "lookup_keys",
    ),
    "subject_keys": ("key", "sanction_id"),
    "events": (
        *("position", "type", "occurred_at", "recorded_at", "platform_id", "sanction_id"),
        *("validity", "expires_at", "starts_at", "ends_at", "end_reason"),
    ),
    "log_entries": ("index", "platform_id", "seq", "data"),
}
Rows = dict[str, list[tuple[Any, ...]]]


class LimitBatches:
    """The only writer of a database."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", secret: bytes) -> None:
        self._pool, self._secret = pool, secret
        self._places: Iterator[tuple[int, int]] | None = None  # in the log and in the feed

    async def issue(self, given: Sequence[Any], platform: str, now: datetime) -> str:
        """Writes the rows of sanctions in one transaction, and answers their ids."""
        if self._places is None:
            last = await self._pool.fetchrow(
                'select (select max("index") from log_entries), (select max(position) from events)'
            )
            assert last is not None
            self._places = zip(*(count(one + 1) for one in last), strict=True)
        ids = [f"san_{secrets.token_hex(16)}" for _ in given]
        rows = self._rows(ids, given, platform, now, self._places)
        async with self._pool.acquire() as connection, connection.transaction():
            for table, columns in COLUMNS.items():
                await connection.copy_records_to_table(table, columns=columns, records=rows[table])
        results = [{"sanction": {"id": ident}} for ident in ids]
        told = {"issuedCount": len(ids), "refusedCount": 0, "results": results}
        return orjson.dumps({"data": {"issueSanctions": told}}).decode()

    def _rows(
        self,
        ids: Sequence[str],
        given: Sequence[Any],
        platform: str,
        now: datetime,
        places: Iterator[tuple[int, int]],
    ) -> Rows:
        rows: Rows = {table: [] for table in COLUMNS}
        sanctions, disclosures, keys, events, entries = rows.values()
        for ident, one, (index, position) in zip(ids, given, places, strict=False):
            until = datetime.fromisoformat(one["expiresAt"])
            uri, reference = parse_subject(one["subject"]).uri, one["issuerReference"]
            sanctions.append(
                (
                    *(ident, platform, reference, one["measure"], one["ground"]),
                    *(one["category"], NOTHING, until, datetime.fromisoformat(one["conductFrom"])),
                    *(one["isAutomatedDetection"], one["automation"], one["source"], NOTHING),
                    *(NOTHING, "PARTNERS", "ACCOUNT", now, now, "INSTANT", "STANDING", NOTHING),
                    *(now, True, now, until, "EXPIRED", False, 0),
                    *((until - now) // timedelta(microseconds=1), position, index),
                )
            )
            texts = uri, reference, one["groundReference"], one["reason"]
            key = lookup_key(self._secret, SubjectKind.ACCOUNT, uri)
            disclosures.append((ident, secrets.token_bytes(32), *texts, f'["{key}"]'))
            keys.append((key, ident))
            happened = position, "SANCTION_ISSUED", now, now, platform, ident, "STANDING"
            events.append((*happened, until, now, until, "EXPIRED"))
            entries.append((index, platform, index, ENTRY))
        return rows
