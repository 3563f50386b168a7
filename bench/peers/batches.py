"""Batches that are issued: requests that are each sent once, and the rows that are there then."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import psycopg

TABLES = ("sanctions", "disclosures", "subject_keys", "events")
SIZE = 1_000

_STORED = """select d.subject, d.issuer_reference, d.ground_reference, d.reason, length(d.seed),
  k.key, s.platform_id, s.measure, s.ground, s.category, s.keywords::text, s.expires_at,
  s.conduct_from, s.is_automated_detection, s.automation, s.source, s.content_type::text,
  s.territorial_scope::text, s.audience, s.subject_kind, s.time_precision, s.validity,
  s.policy_conflicts::text, s.is_binding, s.ends_at, s.end_reason,
  s.effective_at = s.issued_at, s.starts_at = s.issued_at,
  s.lasts = extract(epoch from s.ends_at - s.starts_at) * 1000000, s.reduced_after_end,
  s.secret_generation, e.type, e.occurred_at = s.issued_at, e.recorded_at = s.recorded_at,
  e.platform_id, e.validity, e.expires_at, e.starts_at = s.starts_at, e.ends_at, e.end_reason
from unnest(%s::text[]) with ordinality i(id, place) join sanctions s using (id)
join disclosures d on d.sanction_id = id join subject_keys k on k.sanction_id = id
join events e on e.sanction_id = id order by place"""


class Fresh(Iterator[bytes]):
    """Requests that are made as they are needed, or ahead."""

    def __init__(self, make: Callable[[int], bytes]) -> None:
        self._making = map(make, count())
        self._made = deque[bytes]()

    def stock(self, size: int) -> None:
        """Has so many at hand."""
        while len(self._made) < size:
            self._made.append(next(self._making))

    def __next__(self) -> bytes:
        return self._made.popleft() if self._made else next(self._making)


def stored(url: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
    """What a database says of sanctions, in this order, beside what each server draws."""
    with psycopg.connect(url) as connection:
        return connection.execute(_STORED, [list(ids)]).fetchall()


def counted(url: str) -> list[int]:
    """How many rows each table has."""
    with psycopg.connect(url) as connection:
        counts = ", ".join(f"(select count(*) from {table})" for table in TABLES)
        [found] = connection.execute(f"select {counts}").fetchall()
        return list(found)
