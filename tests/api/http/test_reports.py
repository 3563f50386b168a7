"""Transparency reports over HTTP: the contract's query, and the CSV that it names."""

from typing import Any

from governance import reporting
from governance.complaints import COMPLAINTS
from governance.exporting.templates import Part, read
from governance.periods import Period
from tests.api.http.outside import Node
from tests.api.http.test_contract_research import asked
from tests.builders import DAY, Team

MARCH = {"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}
DAYS = "2026-03-01/2026-03-31"


def told(node: Node, domain: str = "mod.example", **period: str) -> Any:
    asking = {"platform": domain, **MARCH, **period}
    return asked(node, "TransparencyReport", **asking)["transparencyReport"]


def test_a_draft_is_made_of_the_records_and_a_published_one_stays(node: Node, team: Team) -> None:
    issued = node.issue(team.issuer)
    node.under_review(team, issued["sanction"])
    draft = told(node)
    assert (draft["publishedAt"], draft["version"], len(draft["rows"])) == (None, 0, 47)
    first, second, *_ = draft["rows"]
    assert first == {
        "section": "Internal complaints mechanism",
        "indicator": COMPLAINTS,
        "scope": "Total number",
        "value": "1",
    }
    assert second["value"] == "0"
    assert draft["rows"][-1]["value"] is None
    node.clock.forward(60 * DAY)
    node.world.do(reporting.publish, "mod.example", Period.of_days(DAYS), now=node.clock.now)
    published = told(node)
    assert (published["publishedAt"], published["version"]) == (node.at(), 1)
    assert published["rows"] == draft["rows"]


def test_the_csv_is_in_the_shape_of_the_template(node: Node, team: Team) -> None:
    node.issue(team.issuer)
    response = node.client.get(told(node)["csvUrl"])
    assert (response.status_code, response.headers["content-type"]) == (
        200,
        "text/csv; charset=utf-8",
    )
    part, domain, days, values = read(response.text)
    assert (part, domain, days) == (Part.APPEALS, "mod.example", DAYS)
    assert values[COMPLAINTS, "Total number"] == "0"
    for other in Part:
        address = f"/reports/mod.example/{other}.csv?from={MARCH['from']}&to={MARCH['to']}"
        assert read(node.client.get(address).text)[0] is other


def test_what_can_not_be_reported_is_refused(lite: Node, team: Team) -> None:
    assert told(lite, "no.example") is None
    query = "query($f: DateTime!, $t: DateTime!) {" + (
        ' transparencyReport(platform: "mod.example", from: $f, to: $t) { version } }'
    )
    for start, end in (
        (MARCH["to"], MARCH["from"]),
        (MARCH["from"], MARCH["from"]),
        ("2026-03-01", MARCH["to"]),
        (MARCH["from"], "tomorrow"),
    ):
        answer = lite.answer(query, {"f": start, "t": end})
        assert [e["extensions"]["code"] for e in answer["errors"]] == ["INVALID_INPUT"]
        address = f"/reports/mod.example/{Part.APPEALS}.csv?from={start}&to={end}"
        assert lite.client.get(address).status_code == 400
    for path in ("mod.example/9_human_resources", "no.example/4_notices"):
        address = f"/reports/{path}.csv?from={MARCH['from']}&to={MARCH['to']}"
        assert lite.client.get(address).status_code == 404
