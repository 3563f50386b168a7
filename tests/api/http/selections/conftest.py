"""A study that a project of researchers makes of a node."""

import gzip
from typing import Any

import orjson
import pytest

from api.research.making import Keeper
from tests.api.http.outside import Node
from tests.builders import DAY

FIELDS = """id state progress requestedAt asOf generation madeAt expiresAt problem rowCount
  subjectCount withheldCount manifestUrl files { format url sha256 byteCount }"""
ASK = f"""mutation($i: ExportSelectionInput!) {{ exportSelection(input: $i) {{ __typename
  ... on SelectionChanged {{ selection {{ {FIELDS} }} }} ... on Refusal {{ code path message }}
}} }}"""
CANCEL = """mutation($i: CancelSelectionInput!) { cancelSelection(input: $i) { __typename
  ... on SelectionChanged { selection { state } } ... on Refusal { code path } } }"""
LIST = f"{{ selections {{ totalCount nodes {{ {FIELDS} }} }} }}"
ISSUE = """mutation($all: [IssueSanctionInput!]!) { issueSanctions(input: { sanctions: $all }) {
  results { ... on SanctionIssued { sanction { id } } } } }"""
BODY = {"explanation": "Named three neighbours", "reason": "You threatened somebody"}
ALL = {"formats": ["PARQUET", "CSV", "NDJSON"]}


class Study:
    """A node whose platform suspended twelve accounts some days ago, one of them twice."""

    def __init__(self, node: Node) -> None:
        self.node, self.team = node, node.world.team("mod.example")
        node.world.team("host.example")
        self.accounts = [f"acct:person{n}@host.example" for n in range(12)]
        more = [{"subject": account} for account in self.accounts]
        more += [{"subject": a, "measure": "SERVICE_RESTRICTED"} for a in self.accounts[:10]]
        batch = [node.body(**BODY, **one) for one in more]
        results = node.data(ISSUE, {"all": batch}, self.team.issuer)["issueSanctions"]["results"]
        issued = [result["sanction"]["id"] for result in results]
        self.ids, self.again = issued[:12], issued[12:]
        node.clock.forward(10 * DAY)
        self.keeper = Keeper(node.world.database, node.settings, node.clock)
        self.by = self.team.researcher

    def issue(self, subject: str, **changes: Any) -> str:
        told = self.node.issue(self.team.issuer, subject=subject, **{**BODY, **changes})
        sanction_id: str = told["sanction"]["id"]
        return sanction_id

    def ask(self, by: Any = None, **given: Any) -> dict[str, Any]:
        found = self.node.data(ASK, {"i": given}, by or self.by)["exportSelection"]
        assert isinstance(found, dict)
        return found

    def asked(self, by: Any = None, **given: Any) -> dict[str, Any]:
        """A selection that was asked for and made."""
        ident = self.ask(by, **given)["selection"]["id"]
        assert self.keeper.make()
        return self.found(ident, by)

    def found(self, ident: str, by: Any = None) -> dict[str, Any]:
        nodes = self.node.data(LIST, None, by or self.by)["selections"]["nodes"]
        [found] = [one for one in nodes if one["id"] == ident]
        assert isinstance(found, dict)
        return found

    def rows(self, selection: dict[str, Any]) -> list[dict[str, Any]]:
        [file] = [f for f in selection["files"] if f["format"] == "NDJSON"]
        data = gzip.decompress(self.node.client.get(file["url"]).content)
        return [orjson.loads(line) for line in data.splitlines()]


@pytest.fixture
def study(still: None, node: Node) -> Study:
    """Return a study on each engine."""
    return Study(node)


@pytest.fixture
def lite_study(still: None, lite: Node) -> Study:
    """Return a study on SQLite, for what has nothing to do with the database."""
    return Study(lite)
