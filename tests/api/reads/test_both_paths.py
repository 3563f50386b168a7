"""Generated queries: the fast path and graphql-core agree, and so do the engines."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType
from hypothesis import given, note
from hypothesis import strategies as st

from api.asking import Request
from api.shortcut import Shortcut
from governance.fields import print_instant
from governance.membership import Actor
from tests.api.reads.documents import ON_ONE_PATH, Pool, Writer, Written
from tests.api.worlds import (
    ACCOUNT,
    ALIAS,
    NASTY,
    SERVER,
    Asking,
    Cast,
    Compiling,
    Interpreting,
    asking,
)
from tests.builders import DAY, MICRO, NOW, examples
from tests.postgres import Server

LIMITS = ["fields", "fresh_fields", "aliases", "tokens", "directives", "cost"]
CALLERS = ("wrong_secrets_of_caller", "requests_of_member", "requests_of_public")
ROOMY = dict.fromkeys([*CALLERS, *(f"max_{limit}" for limit in LIMITS)], 2**31 - 1)
REFUSED = {"INVALID_INPUT", "UNAUTHENTICATED", "FORBIDDEN", "LIMIT_EXCEEDED"}
VIEWERS = ("public", "researcher", "partner", "issuer")
READABLE = (
    "Query", "Sanction", "Appeal", "AppealMessage", "Platform", "Policy", "PolicyReference",
    "SuspensionStatus", "AppellantView", "PageInfo", "SanctionConnection", "AppealConnection",
    "PlatformConnection", "SanctionEdge", "AppealEdge", "PlatformEdge", "Event", "EventPage",
    "Notice", "Log", "LogEntry", "Proof", "Statistics", "StatisticsRow", "Export",
)  # fmt: skip
ALL_CURSORS = """{
  sanctions(first: 1000) { edges { cursor node { id appeals { edges { cursor } } } } }
  appeals(first: 1000) { edges { cursor node { id } } }
  platforms(first: 1000) { edges { cursor node { id domain } } }
}"""


async def pool_of(ask: Asking, cast: Cast) -> Pool:
    """Real ids, cursors and subjects, and some that are wrong in every way."""
    found = await ask.data(ALL_CURSORS)
    ids, cursors = [], ["Nonsense~1", ""]
    for name in ("sanctions", "appeals", "platforms"):
        edges = found[name]["edges"]
        ids += [edge["node"]["id"] for edge in edges]
        cursors += [edge["cursor"] for edge in edges[:: max(1, len(edges) // 8)]]
    sanction_ids = [i for i in ids if i.startswith("san_")] + [cast.appealable] * 20
    instants = [print_instant(NOW + d) for d in (-30 * DAY, -DAY, -MICRO, 0 * DAY, MICRO, DAY)]
    instants += ["2026-03-01T13:00:00+01:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"]
    instants += ["9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00.000001Z"]
    domains = [e["node"]["domain"] for e in found["platforms"]["edges"]] + [
        "B.EXAMPLE",
        "no.example",
    ]
    subjects = [ACCOUNT, ALIAS, SERVER, "@Alice@A.Example", "acct:bot@b.example"] * 3
    subjects += ["https://secretive.example", "acct:nobody@nowhere.example", "not a uri"]
    sizes = [0, 1, 1, 2, 3, 5, 50, 1000]
    values: dict[str, list[Any]] = {
        "id": [*ids, "san_unknown", "bogus"],
        "ids": [*ids, "apl_unknown", "bogus"],
        "sanctionId": sanction_ids,
        "appealSecret": [cast.secret, cast.secret, "wrong"],
        "subject": subjects,
        "subjects": subjects,
        "at": [*instants, "yesterday"],
        "languages": ["en", "de", "pt-BR", "no_language", NASTY],
        "issuedAfter": instants,
        "issuedBefore": instants,
        "endedAfter": instants,
        "filedAfter": instants,
        "filedBefore": instants,
        "endedBefore": instants,
        "newest": [1, 5, 10_000, 0, 10_001],
        "domain": domains,
        "platform": domains,
        "first": [*sizes * 3, -1, 1001],
        "last": [*sizes * 3, -1, 1001],
        "after": cursors,
        "before": cursors,
        "cursor": ["feed~0", "feed~1", "feed~7", "feed~90", "feed~999999", "feed~-1", ""],
    }
    places = ("index", "size", "from", "to", "smallerThan")
    return Pool(values | {name: [0, 1, 2**53 - 1] for name in places})


def ordered(body: bytes) -> str:
    """The answer as text that tells the order of keys, but not how it was spaced or escaped."""
    return json.dumps(orjson.loads(body))


@dataclass(frozen=True, slots=True)
class Engine:
    """The rows on one engine, asked by either path."""

    fast: Asking  # null where it gives up
    slow: Asking


@pytest.fixture
async def engines(
    rich_file: tuple[Path, Cast], rich_template: str, postgres: Server
) -> AsyncIterator[tuple[Engine, Engine]]:
    """Yield the same rows on SQLite and on PostgreSQL."""
    async with AsyncExitStack() as stack:

        async def opened(url: str) -> Engine:
            kinds = (Compiling, Interpreting)
            both = [
                await stack.enter_async_context(asking(url, kind=k, limits=ROOMY)) for k in kinds
            ]
            return Engine(*both)

        sqlite = await opened(f"sqlite:///{rich_file[0]}")
        yield sqlite, await opened(postgres.url(rich_template))


@pytest.fixture
async def pool(engines: tuple[Engine, Engine], cast: Cast) -> Pool:
    """Return values for arguments, which are the same on both engines."""
    return await pool_of(engines[0].slow, cast)


async def answers(engine: Engine, written: Written, actor: Actor | None) -> tuple[str, str]:
    """The answer of the fast path, or null, and that of graphql-core."""
    request = Request(written.text, written.variables, None, actor)
    executor = engine.fast.executor
    fast = await executor.answer(request)
    short = await Shortcut(executor).answer(request, None, executor.now())
    assert short is None or short.body == fast.body
    slow = await engine.slow.executor.answer(request)
    return ordered(fast.body), ordered(slow.body)


@pytest.mark.property
@examples(70)
@given(seed=st.integers(0), size=st.integers(1, 60), who=st.sampled_from(VIEWERS))
async def test_both_paths_and_both_engines_give_the_same_answers(
    engines: tuple[Engine, Engine], pool: Pool, cast: Cast, seed: int, size: int, who: str
) -> None:
    written = Writer(Random(seed), engines[0].slow.executor.schema, pool, size).write()
    note(f"{written.text}\n{written.variables}")
    told = []
    for engine in engines:
        fast, slow = await answers(engine, written, cast.viewers[who])
        told.append(json.loads(slow))
        assert "data" in told[-1], slow  # what is written is valid
        if "errors" in told[-1]:
            # What nests too deep for SQLite the first path refuses by itself, as the second does.
            is_too_deep = codes(told[-1]) == {"LIMIT_EXCEEDED"} == codes(json.loads(fast) or {})
            assert fast == "null" or is_too_deep
            assert codes(told[-1]) <= REFUSED
        else:
            assert fast == slow
    sqlite, postgresql = told
    if "LIMIT_EXCEEDED" in codes(sqlite):
        return  # nests deeper than an older SQLite reads
    assert json.dumps(sqlite["data"]) == json.dumps(postgresql["data"])
    if sqlite["data"] is not None:  # otherwise the first error told may stand for all
        assert errors(sqlite) == errors(postgresql)


def codes(answer: dict[str, Any]) -> set[str]:
    return {error["extensions"]["code"] for error in answer.get("errors", ())}


def errors(answer: dict[str, Any]) -> list[str]:
    return sorted(json.dumps(error) for error in answer.get("errors", ()))


async def test_generated_documents_reach_every_field_of_every_type(
    engines: tuple[Engine, Engine], pool: Pool
) -> None:
    """Else the agreement above says little."""
    schema = engines[0].slow.executor.schema
    written = " ".join(Writer(Random(s), schema, pool, 60).write().text for s in range(300))
    used = set(re.findall(r"\w+", written))
    for name in READABLE:
        kind = schema.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        assert kind.fields.keys() - ON_ONE_PATH <= used
    for name in ("SanctionFilter", "AppealFilter"):
        filters = schema.type_map[name]
        assert isinstance(filters, GraphQLInputObjectType)
        assert set(filters.fields) <= used
