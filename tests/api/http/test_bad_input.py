"""Bad input, seen: each a refusal with its code and its path, and nothing written."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.http.outside import ACCOUNT, Node
from tests.builders import DAY, NOW, Team

LONG = "x" * 5_001


@pytest.fixture(scope="module")
def lite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Yield one node for all tests that ask for it, which write nothing, on SQLite."""
    folder = tmp_path_factory.mktemp("lite")
    file = shutil.copyfile(sqlite_template, folder / "comity.db")
    with Node(f"sqlite:///{file}", folder / "comity.key") as node:
        yield node


@pytest.fixture(scope="module")
def lite_team(lite: Node) -> Team:
    """Return a platform of that node with its members."""
    return lite.world.team("mod.example")


def refused(node: Node, team: Team, code: str, path: list[str], **changes: object) -> None:
    """Expects the same refusal from the single mutation and from a batch's item."""
    body = node.body(**changes)
    before = node.records()
    answer = node.do("IssueSanction", team.issuer, **body)
    assert answer["__typename"] == "Refusal", answer
    assert (answer["code"], answer["path"]) == (code, ["input", *path]), answer
    assert 0 < len(answer["message"]) < 500
    batch = node.do("IssueSanctions", team.issuer, sanctions=[body])
    [item] = batch["results"]
    assert item == {**answer, "path": ["input", "sanctions", "0", *path]}
    assert node.records() == before


@pytest.mark.parametrize("field", ["effectiveAt", "expiresAt", "conductFrom", "contentDate"])
@pytest.mark.parametrize(
    "instant",
    [
        "2026-03-05T12:00:00",  # naive
        "2026-03-05",
        "2026-03-05 12:00:00Z",
        "2026-03-05T12:00Z",
        "2026-02-30T12:00:00Z",
        "2026-03-05T24:00:00Z",
        "2026-03-05T12:00:60Z",
        "2026-03-05T12:00:00+24:00",
        "10000-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
        "20260305T120000Z",
        "1772712000",
        "tomorrow",
        "",
        "２０２６-03-05T12:00:00Z",
        "2026-03-05T12:00:00Z\n",
    ],
)
def test_instants_that_are_none_are_refused(
    lite: Node, lite_team: Team, field: str, instant: str
) -> None:
    refused(lite, lite_team, "INVALID_INPUT", [field], **{field: instant})


BAD_URIS = [
    "",
    " ",
    "alice",
    "@alice@elsewhere.example",
    "alice@elsewhere.example",
    "acct:@user@host@other.example",
    "acct:alice@",
    "acct:@elsewhere.example",
    "acct:alice@localhost",
    "acct:alice@elsewhere..example",
    "acct:al ice@elsewhere.example",
    "acct:al\u200bice@elsewhere.example",
    "acct:alice@exa\u202emple.example",
    "http://elsewhere.example/@alice",
    "https://user:pass@elsewhere.example/@alice",
    "https://elsewhere.example:99999/@alice",
    "https://elsewhere.example\\@alice",
    "https://",
    "https:///@alice",
    "did:plc:short",
    "urn:uuid:1234",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "acct:alice@xn--zzzzzz---.example",
    "https://elsewhere.example/%zz",
    "https://elsewhere.example/" + "a" * 3_000,
    "acct:nul\x00@elsewhere.example",
]


@pytest.mark.parametrize("uri", BAD_URIS)
def test_strange_uris_are_refused_with_the_reason(lite: Node, lite_team: Team, uri: str) -> None:
    refused(lite, lite_team, "INVALID_INPUT", ["subject"], subject=uri)
    asked = lite.run("SuspensionStatus", lite_team.reader, subject=uri)
    assert asked["data"] == {"suspensionStatus": None}
    assert asked["errors"][0]["extensions"] == {"code": "INVALID_INPUT"}


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("ACCT:Alice@Elsewhere.EXAMPLE", ACCOUNT),
        ("acct:@alice@elsewhere.example.", ACCOUNT),
        ("acct:%61lice@elsewhere.example", ACCOUNT),
        ("acct:alice@ｅlsewhere.example", ACCOUNT),
        ("acct:bob@bücher.example", "acct:bob@xn--bcher-kva.example"),
        ("acct:bob@XN--BCHER-KVA.example", "acct:bob@xn--bcher-kva.example"),
        ("HTTPS://Elsewhere.Example:443/@alice#bio", "https://elsewhere.example/@alice"),
        ("https://elsewhere.example./@alice", "https://elsewhere.example/@alice"),
        ("https://elsewhere.example:8443/@alice", "https://elsewhere.example:8443/@alice"),
        ("https://Spam.Example:443/", "https://spam.example"),
        ("urn:uuid:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6",
         "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
    ],
)  # fmt: skip
def test_every_spelling_of_a_subject_is_one_subject(
    node: Node, team: Team, spelling: str, canonical: str
) -> None:
    is_server = canonical == "https://spam.example"
    measure = "SERVER_SUSPENDED" if is_server else "ACCOUNT_SUSPENDED"
    node.issue(team.issuer, subject=spelling, measure=measure)
    for asked in (spelling, canonical):
        status = node.ask("SuspensionStatus", team.reader, subject=asked)
        assert (status["subject"], status["isSuspended"]) == (canonical, True)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"issuerReference": ""}, ["issuerReference"]),
        ({"issuerReference": " \t"}, ["issuerReference"]),
        ({"issuerReference": "x" * 501}, ["issuerReference"]),
        ({"reason": ""}, ["reason"]),
        ({"reason": LONG}, ["reason"]),
        ({"facts": LONG}, ["facts"]),
        ({"explanation": LONG}, ["explanation"]),
        ({"reason": "NUL \x00 here"}, ["reason"]),
        ({"caseReference": "\x00"}, ["caseReference"]),
        ({"groundReference": "   "}, ["groundReference"]),
        ({"keywords": ["PHISHING"]}, ["keywords"]),
        ({"keywords": ["COORDINATED_HARM", "NUDITY"]}, ["keywords"]),
        ({"conductFrom": "2026-02-02T00:00:00Z", "conductTo": "2026-02-01T23:59:59Z"},
         ["conductTo"]),
        ({"otherMeasure": "A description"}, ["otherMeasure"]),
        ({"measure": "MONETIZATION_OTHER"}, ["otherMeasure"]),
        ({"contentLanguage": "Deutsch, bitte"}, ["contentLanguage"]),
        ({"territorialScope": ["DE", "XX"]}, ["territorialScope", "1"]),
        ({"contentUri": "nonsense"}, ["contentUri"]),
        ({"aliases": ["acct:a@b.example"] * 6}, ["aliases"]),
        ({"aliases": ["acct:a@b.example", "nonsense"]}, ["aliases", "1"]),
        ({"aliases": ["https://server.example"]}, ["aliases", "0"]),
        ({"policyReference": {"rule": ""}}, ["policyReference", "rule"]),
        ({"policyReference": {"rule": "x", "url": "y" * 2_049}}, ["policyReference", "url"]),
        ({"measure": "SERVER_SUSPENDED"}, ["subject"]),
        ({"measure": "CONTENT_REMOVED"}, ["subject"]),
        ({"subjectKind": "SERVER"}, ["subjectKind"]),
        ({"subject": "https://elsewhere.example/@alice", "measure": "WARNING"}, ["subjectKind"]),
        ({"supersedes": "san_unknown"}, ["supersedes"]),
        ({"supersedes": "plt_unknown"}, ["supersedes"]),
        ({"supersedes": "s" * 65}, ["supersedes"]),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_draft_cannot_be_is_refused_by_field(
    lite: Node, lite_team: Team, changes: dict[str, Any], path: list[str]
) -> None:
    refused(lite, lite_team, "INVALID_INPUT", path, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": " "}, "expected text"),
        ({"reason": "x" * 5_001}, "expected at most 5,000 characters"),
        ({"aliases": ["acct:a@x.example"] * 6}, "expected at most 5, got 6"),
        ({"contentLanguage": "German"}, "expected a BCP 47 tag, such as en or pt-BR"),
    ],
)
def test_what_is_wrong_is_said_plainly(
    lite: Node, lite_team: Team, changes: dict[str, Any], said: str
) -> None:
    answer = lite.do("IssueSanction", lite_team.issuer, **lite.body(**changes))
    assert answer["message"] == said


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"expiresAt": "2026-03-01T12:00:00Z"}, "END_BEFORE_START", "expiresAt"),  # zero
        ({"expiresAt": "2026-02-01T12:00:00Z"}, "END_BEFORE_START", "expiresAt"),
        ({"effectiveAt": "2026-03-09T12:00:00Z"}, "END_BEFORE_START", "expiresAt"),
        ({"effectiveAt": "2026-03-01T11:58:59.999999Z"}, "BACKDATED", "effectiveAt"),
        ({"effectiveAt": "1970-01-01T00:00:00Z", "expiresAt": "1970-01-02T00:00:00Z"},
         "BACKDATED", "effectiveAt"),
        ({"conductFrom": None, "conductTo": None}, "CONDUCT_REQUIRED", "conductFrom"),
    ],
    ids=str,
)  # fmt: skip
def test_times_that_do_not_fit_are_refused(
    node: Node, team: Team, changes: dict[str, Any], code: str, path: str
) -> None:
    refused(node, team, code, [path], **changes)


def test_a_minute_of_clock_skew_is_forgiven(node: Node, team: Team) -> None:
    sanction = node.issue(team.issuer, effectiveAt="2026-03-01T11:59:00Z")["sanction"]
    assert sanction["effectiveAt"] == "2026-03-01T11:59:00.000000Z"


def test_instants_far_away_are_kept_as_they_are(node: Node, team: Team) -> None:
    """Of an outside decision, whose dates are not ours."""
    body = node.body(
        expiresAt="9999-12-31T23:59:59.999999Z",
        conductFrom="0001-01-01T00:00:00Z",
        conductTo="9999-12-31T23:59:59+00:00",
    )
    sanction = node.do("RecordOutsideDecision", team.issuer, **body)["sanction"]
    assert sanction["expiresAt"] == body["expiresAt"]
    query = "query($i: ID!) { sanction(id: $i) { conductFrom conductTo } }"
    assert node.data(query, {"i": sanction["id"]}) == {
        "sanction": {
            "conductFrom": "0001-01-01T00:00:00.000000Z",
            "conductTo": "9999-12-31T23:59:59.000000Z",
        }
    }
    for at in ("0001-01-01T00:00:01Z", "9999-12-31T23:59:59Z"):
        status = node.ask("SuspensionStatus", team.reader, subject=body["subject"], at=at)
        assert status["isSuspended"] is False


def test_the_same_conduct_is_not_sanctioned_twice(node: Node, team: Team) -> None:
    body = node.body()
    node.do("IssueSanction", team.issuer, **body)
    again = {**body, "conductFrom": "2020-01-01T00:00:00Z"}
    del again["issuerReference"]
    refused(node, team, "DOUBLE_JEOPARDY", ["conductFrom"], **again)


@pytest.mark.parametrize("first", [-1, 1_001, -(2**31), 2**31 - 1])
@pytest.mark.parametrize("field", ["sanctions", "appeals", "platforms"])
def test_pages_out_of_range_are_refused(lite: Node, field: str, first: int) -> None:
    for name in ("first", "last"):
        query = f"query($n: Int) {{ {field}({name}: $n) {{ nodes {{ id }} totalCount }} }}"
        answer = lite.answer(query, {"n": first})
        assert answer["data"] is None
        [error] = answer["errors"]
        assert (error["extensions"], error["path"]) == ({"code": "INVALID_INPUT"}, [field])
    both = lite.answer(f"{{ {field}(first: 1, last: 1) {{ totalCount }} }}")
    assert both["errors"][0]["extensions"] == {"code": "INVALID_INPUT"}


def test_foreign_cursors_are_refused(node: Node, team: Team) -> None:
    node.issue(team.issuer)
    platforms = node.ask("Platforms")["pageInfo"]["endCursor"]
    sanctions = node.ask("Sanctions")["pageInfo"]["endCursor"]
    assert node.ask("Sanctions", after=sanctions)["edges"] == []
    bad = [platforms, "", "x", sanctions + "~", sanctions[:-30], "Sanction~now~san_1", "\x00"]
    for cursor in bad:
        for name in ("after", "before"):
            answer = node.run("Sanctions", **{name: cursor})
            assert answer["data"] is None, cursor
            assert answer["errors"][0]["extensions"] == {"code": "INVALID_INPUT"}


@pytest.mark.parametrize("ident", ["", "1", "san_", "mem_abc", "SAN_ABC", "san_a'--", "san_é",
                                   "san_" + "a" * 61, "tok_abc", "\x00"])  # fmt: skip
def test_ids_of_no_kind_we_know_are_refused(lite: Node, ident: str) -> None:
    for name in ("Node", "Sanction"):
        answer = lite.run(name, id=ident)
        assert list(answer["data"].values()) == [None]
        assert answer["errors"][0]["extensions"] == {"code": "INVALID_INPUT"}


@pytest.mark.parametrize("ident", ["", "nonsense", "san_unknown", "plt_unknown", "\u00e9" * 64])
def test_changing_what_is_not_there_is_not_found(lite: Node, lite_team: Team, ident: str) -> None:
    lifted = lite.do("LiftSanction", lite_team.issuer, sanctionId=ident, reason="Enough")
    moved = lite.do("MoveAppeal", lite_team.reviewer, appealId=ident, move="ADMIT")
    assert [lifted["code"], moved["code"]] == ["NOT_FOUND", "NOT_FOUND"]


def test_shortening_is_refused_where_it_does_not_shorten(node: Node, team: Team) -> None:
    ident = node.issue(team.issuer)["sanction"]["id"]
    before = node.records()
    for end, code in (
        (node.at(7 * DAY), "TOO_LONG"),
        ("9999-12-31T23:59:59Z", "TOO_LONG"),
        (node.at(), "END_BEFORE_START"),
        ("1970-01-01T00:00:00Z", "END_BEFORE_START"),
        ("tomorrow", "INVALID_INPUT"),
        ("2026-03-02", "INVALID_INPUT"),
    ):
        fields = {"sanctionId": ident, "expiresAt": end, "reason": "Enough"}
        answer = node.do("ShortenSanction", team.issuer, **fields)
        assert (answer["code"], answer["path"]) == (code, ["input", "expiresAt"])
    assert node.records() == before
    assert node.clock.now == NOW
