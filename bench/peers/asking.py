"""The same questions in the words of each server, and what their answers have in common."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from bench import questions
from governance.identifiers import SubjectKind, lookup_key, parse_subject

PARTS = "nodes { id measure category validity issuedAt expiresAt platform { domain name }"
HELD = "id measure effectiveAt expiresAt platform { domain name }"
Read = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Sanctions that a platform is to issue, as `questions.decisions` makes them up."""

    platform_id: str
    decisions: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Words:
    """A question's document, how its variables are called, and where the answer has its rows."""

    document: str
    variables: Callable[[Any], dict[str, Any]]
    rows: Read


def body(words: Words, asked: Any) -> bytes:
    """A request's body."""
    return orjson.dumps({"query": words.document, "variables": words.variables(asked)})


def comity() -> dict[str, Words]:
    """The node's own, and its limit's."""
    return {
        "S": Words(
            questions.STATUS,
            lambda uri: {"s": uri},
            lambda data: data["suspensionStatus"]["sanctions"],
        ),
        "L": Words(
            questions.LIST, lambda m: {"f": {"measures": [m]}}, lambda data: data["sanctions"]
        ),
        "S1000": Words(
            questions.STATUSES,
            lambda uris: {"s": uris},
            lambda data: [one["until"] for one in data["suspensionStatuses"]],
        ),
        "B1000": Words(
            questions.ISSUE,
            lambda batch: {"input": {"sanctions": batch.decisions}},
            lambda data: [one["sanction"]["id"] for one in data["issueSanctions"]["results"]],
        ),
    }


def resolvers(secret: bytes) -> dict[str, Words]:
    """Mercurius' and Strawberry's. They get keys, and needn't make them of URIs."""
    return {
        "S": Words(
            f"""query ($k: String!) {{ suspensionStatus(key: $k) {{
              isSuspended isPermanent until sanctions {{ {HELD} }} }} }}""",
            lambda uri: {"k": _key(secret, uri)},
            lambda data: data["suspensionStatus"]["sanctions"],
        ),
        "L": Words(
            f"""query ($m: String!) {{ sanctions(measure: $m, first: 50) {{
              {PARTS} appeals(first: 5) {{ nodes {{ id state outcome }} }} }}
              pageInfo {{ hasNextPage endCursor }} }} }}""",
            lambda measure: {"m": measure},
            lambda data: data["sanctions"],
        ),
        "S1000": Words(
            """query ($k: [String!]!) { suspensionStatuses(keys: $k) {
              isSuspended isPermanent until } }""",
            lambda uris: {"k": [_key(secret, uri) for uri in uris]},
            lambda data: [one["until"] for one in data["suspensionStatuses"]],
        ),
        "B1000": Words(
            """mutation ($p: ID!, $b: [SanctionInput!]!) {
              issueSanctions(platformId: $p, sanctions: $b) { id } }""",
            lambda batch: {"p": batch.platform_id, "b": _keyed(secret, batch)},
            lambda data: [one["id"] for one in data["issueSanctions"]],
        ),
    }


def postgraphile(secret: bytes) -> dict[str, Words]:
    """PostGraphile's, over tables and two functions. Which keys have no row it needn't say."""
    return {
        "S": Words(
            f"query ($k: String!) {{ suspensions(key: $k) {{ nodes {{ {HELD} }} }} }}".replace(
                "{ id ", "{ id: rowId "
            ),
            lambda uri: {"k": _key(secret, uri)},
            lambda data: data["suspensions"]["nodes"],
        ),
        "L": Words(
            f"""query ($m: String!) {{ sanctions(
              condition: {{ measure: $m }}, first: 50, orderBy: [ISSUED_AT_DESC, ROW_ID_DESC]) {{
              {PARTS} appeals(first: 5, orderBy: [FILED_AT_ASC, ROW_ID_ASC]) {{
              nodes {{ id state outcome }} }} }}
              pageInfo {{ hasNextPage endCursor }} }} }}""".replace("{ id ", "{ id: rowId "),
            lambda measure: {"m": measure},
            lambda data: data["sanctions"],
        ),
        "S1000": Words(
            "query ($k: [String]!) { suspended(keys: $k) { nodes { key sanction { endsAt } } } }",
            lambda uris: {"k": list(dict.fromkeys(_key(secret, uri) for uri in uris))},
            _latest,
        ),
        "B1000": Words(
            """mutation ($p: String!, $b: JSON!) {
              issueBatch(input: { platformId: $p, batch: $b }) { result } }""",
            lambda batch: {"p": batch.platform_id, "b": _keyed(secret, batch)},
            lambda data: data["issueBatch"]["result"],
        ),
    }


def alike(name: str, words: Words, answer: bytes) -> Any:
    """What every server's answer has to have: rows in order, instants as such; or ids of rows that
    have to be alike."""
    rows = words.rows(orjson.loads(answer)["data"])
    if name == "B1000":
        return rows
    if name == "S1000":
        return sorted(_plain(until) for until in rows if until is not None)
    if name == "L":
        return [_plain(row) for row in rows["nodes"]], rows["pageInfo"]["hasNextPage"]
    return [{key: value for key, value in _plain(row).items() if key != "effect"} for row in rows]


def _latest(data: Any) -> list[Any]:
    ends: dict[str, list[str]] = defaultdict(list)
    for row in data["suspended"]["nodes"]:
        ends[row["key"]].append(row["sanction"]["endsAt"])
    return [max(found, key=_plain) for found in ends.values()]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str) and value[10:11] == "T":
        return datetime.fromisoformat(value).astimezone(UTC)
    return value


def _keyed(secret: bytes, batch: Batch) -> list[dict[str, Any]]:
    return [one | {"subjectKey": _key(secret, one["subject"])} for one in batch.decisions]


def _key(secret: bytes, uri: str) -> str:
    return lookup_key(secret, SubjectKind.ACCOUNT, parse_subject(uri).uri)
