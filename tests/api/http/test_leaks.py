"""What is private reaches nobody else by any way round: text, count, link, error, effort."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.reads.values import Env, Late
from api.schema.subjects import lookup_keys
from governance.identifiers import SubjectKind, lookup_key, parse_subject
from governance.membership import Actor
from governance.rules.disclosure import PUBLIC, Viewer, viewer
from governance.rules.permissions import Circle, Reading
from governance.words import Role
from tests.api.http.conftest import Lines
from tests.api.http.matrix import Matrix, Record
from tests.api.http.outside import Node
from tests.api.http.test_matrix_reads import members, reads
from tests.builders import DAY, NOW, Team

ALICE = "acct:alice@host.example"
NOBODY = "acct:nobody@host.example"
SANCTION = """fragment S on Sanction { id subject server reason facts otherMeasure contentUri
  issuerReference caseReference supersedes { id subject } supersededBy { id subject } }
fragment A on Appeal { id messages { author text } }"""
EVERY_WAY = [
    f"{{ sanctions(first: 1000) {{ edges {{ node {{ ...S appeals {{ edges {{ node {{ ...A }} }} }}"
    f" }} }} }} }} {SANCTION}",
    f"{{ appeals(first: 1000) {{ nodes {{ ...A sanction {{ ...S }} }} }} }} {SANCTION}",
    f"{{ eventPage(first: 1000) {{ nodes {{ subject notice {{ reason appealSecret }}"
    f" sanction {{ ...S }} appeal {{ ...A }} }} }} }} {SANCTION}",
    f"query($s: [URI!]!) {{ suspensionStatuses(subjects: $s) {{ subject sanctions {{ ...S"
    f" appeals {{ nodes {{ ...A }} }} }} }} }} {SANCTION}",
    f"query($i: [ID!]!) {{ nodes(ids: $i) {{ id ...S ...A }} }} {SANCTION}",
]
LISTED = """query($f: SanctionFilter) { sanctions(filter: $f) {
  totalCount nodes { id } edges { cursor } pageInfo { startCursor endCursor hasNextPage } } }"""
PREVIEW = """query($i: IssueSanctionInput!) { previewSanction(input: $i) { isAccepted
  refusal { code message path } startsAt issuedBefore { id } ends { id } overlaps { id }
  advice { seconds basis { id } } } }"""
STATUS = """query($s: URI!, $at: DateTime) { suspensionStatus(subject: $s, at: $at) {
  isSuspended isPermanent until sanctions { id reason facts supersedes { id } supersededBy { id } }
} }"""


@pytest.fixture
def host(node: Node) -> Team:
    """Return the platform where the accounts live."""
    return node.world.team("host.example")


def needles(matrix: Matrix, record: Record) -> Iterator[tuple[Reading, str]]:
    """The private texts of a record, each of which names it."""
    texts = record.texts
    for name in ("reason", "facts", "other_measure", "content_uri"):
        if texts[name] is not None:
            yield Reading.PRIVATE_TEXTS, str(texts[name])
    yield Reading.OWN_REFERENCES, str(texts["issuer_reference"])
    yield Reading.OWN_REFERENCES, str(texts["case_reference"])
    yield Reading.MESSAGES, record.message
    yield Reading.NOTICE, record.secret
    if record.kind is not SubjectKind.SERVER:
        yield Reading.SUBJECT, f'"{record.subject}"'


def test_no_answer_holds_what_its_caller_may_not_read(matrix: Matrix) -> None:
    subjects = sorted({record.subject for record in matrix.records})
    ids = [i for record in matrix.records for i in (record.sanction_id, record.appeal_id)]
    for caller in members(matrix):
        if caller.circle is Circle.OWN:
            continue
        said = ""
        for document in EVERY_WAY:
            answer = matrix.node.answer(document, {"s": subjects, "i": ids}, caller.by)
            for status in answer["data"].get("suspensionStatuses") or ():
                if status:
                    status.pop("subject", None)  # as it was asked
            said += str(answer).replace("'", '"')
        leaked = [
            (caller.name, str(record), text)
            for record in matrix.records
            for reading, text in needles(matrix, record)
            if text in said and (record.is_redacted or not reads(matrix, caller, reading, record))
        ]
        assert leaked == []


def hidden(node: Node, team: Team) -> str:
    """Suspends Alice, known to the platform alone."""
    ident: str = node.issue(team.issuer, subject=ALICE, audience="OWN")["sanction"]["id"]
    return ident


def strangers(node: Node, team: Team, partner: Team, host: Team) -> list[Actor | None]:
    return [None, team.researcher, partner.researcher, partner.admin, host.admin, host.issuer]


def test_a_filter_by_a_hidden_subject_is_a_filter_by_nobody(
    node: Node, team: Team, partner: Team, host: Team
) -> None:
    hidden(node, team)
    more: list[dict[str, Any]] = [
        {}, {"platform": "mod.example"}, {"effects": ["IN_FORCE"]}, {"subjectKinds": ["ACCOUNT"]},
        {"measures": ["ACCOUNT_SUSPENDED"]}, {"isBinding": True},
    ]  # fmt: skip
    for by in strangers(node, team, partner, host):
        for given in more:
            hit = node.post(LISTED, {"f": {**given, "subject": ALICE}}, by)
            miss = node.post(LISTED, {"f": {**given, "subject": NOBODY}}, by)
            assert hit.content == miss.content
            assert hit.json()["data"]["sanctions"]["totalCount"] == 0
    found = node.data(LISTED, {"f": {"subject": ALICE}}, team.reader)["sanctions"]
    assert found["totalCount"] == 1


def test_status_and_preview_of_a_hidden_subject_are_those_of_nobody(
    node: Node, team: Team, partner: Team, host: Team
) -> None:
    hidden(node, team)
    body = node.body()
    for by in (partner.reader, partner.admin, host.issuer):
        for at in (None, node.at(-DAY), node.at(DAY)):
            assert node.data(STATUS, {"s": ALICE, "at": at}, by) == node.data(
                STATUS, {"s": NOBODY, "at": at}, by
            )
    for by in (partner.issuer, host.issuer):
        hit = node.data(PREVIEW, {"i": {**body, "subject": ALICE}}, by)
        assert hit == node.data(PREVIEW, {"i": {**body, "subject": NOBODY}}, by)


def test_what_others_do_about_a_hidden_subject_comes_to_the_same(
    node: Node, team: Team, partner: Team, host: Team
) -> None:
    ident = hidden(node, team)
    absent = ident[:4] + "a" * 26
    for subject in (ALICE, NOBODY):
        erased = node.do("EraseSubject", partner.admin, subject=subject, reason="asked")
        assert (erased["erasedCount"], erased["deferredCount"]) == (0, 0)
    refusals = [
        node.do("IssueSanction", partner.issuer, **node.body(subject=ALICE, supersedes=one))
        for one in (ident, absent)
    ]
    assert refusals[0] == refusals[1]
    assert refusals[0]["path"] == ["input", "supersedes"]
    # Nothing is told of the other's decision to who takes one about the same conduct.
    again = node.data("{ sanctions { nodes { conductFrom conductTo } } }")["sanctions"]["nodes"][0]
    issued = node.do("IssueSanction", partner.issuer, **node.body(subject=ALICE, **again))
    assert issued["__typename"] == "SanctionIssued"


def test_a_replacement_links_no_subject_to_a_sanction_that_hides_it(
    node: Node, team: Team, partner: Team, host: Team
) -> None:
    """What is shared took the place of what is not, and the other way round."""
    links = "query($i: [ID!]!) { nodes(ids: $i) { ... on Sanction { subject supersedes { id }"
    links += " supersededBy { id } } } }"
    for first, second in (("OWN", "PARTNERS"), ("PARTNERS", "OWN")):
        old = node.issue(team.issuer, subject=ALICE, audience=first)["sanction"]["id"]
        new = node.issue(team.issuer, subject=ALICE, audience=second, supersedes=old)
        ids = [old, new["sanction"]["id"]]
        for by in strangers(node, team, partner, host):
            for told in node.data(links, {"i": ids}, by)["nodes"]:
                assert (told["supersedes"], told["supersededBy"]) == (None, None)
            status = node.data(STATUS, {"s": ALICE}, by)["suspensionStatus"] if _asks(by) else None
            for held in status["sanctions"] if status else ():
                assert (held["supersedes"], held["supersededBy"]) == (None, None)
        own = node.data(links, {"i": ids}, team.reader)["nodes"]
        assert (own[0]["supersededBy"], own[1]["supersedes"]) == ({"id": ids[1]}, {"id": ids[0]})


def _asks(by: Actor | None) -> bool:
    return by is not None and by.viewer.platform_id is not None


def test_a_past_status_of_a_server_tells_what_is_private_no_longer_than_now(
    node: Node, team: Team, partner: Team
) -> None:
    """The end that counts is the one there was, not the one once planned."""
    uri = "https://spam.example"
    told = {"subject": uri, "measure": "SERVER_SUSPENDED", "expiresAt": node.at(100 * DAY)}
    ident = node.issue(team.issuer, **told, facts="Logs")["sanction"]["id"]
    then = node.at()
    node.clock.forward(DAY)
    node.do("LiftSanction", team.issuer, sanctionId=ident, reason="Enough")

    def texts(by: Actor) -> list[Any]:
        status = node.data(STATUS, {"s": uri, "at": then}, by)["suspensionStatus"]
        [held] = status["sanctions"]
        return [held["reason"], held["facts"]]

    known = ["You threatened somebody", "Logs"]
    assert texts(partner.reader) == texts(team.reader) == known
    node.clock.forward(30 * DAY)
    assert texts(partner.reader) == [None, None]
    assert texts(team.reader) == known


def test_the_host_hears_nothing_of_what_a_platform_keeps_to_itself(
    node: Node, team: Team, host: Team
) -> None:
    hidden(node, team)
    page = "{ eventPage { nodes { type subject notice { reason appealSecret } } } }"
    for by in (host.admin, host.reader):
        nodes = node.data(page, by=by)["eventPage"]["nodes"]
        assert nodes == [{"type": "SANCTION_ISSUED", "subject": None, "notice": None}]


@pytest.mark.parametrize("who", ["partner", "host"])
def test_a_hit_costs_as_many_statements_as_a_miss(
    node: Node, team: Team, partner: Team, host: Team, lines: Lines, who: str
) -> None:
    hidden(node, team)
    by: Team = {"partner": partner, "host": host}[who]
    body = node.body()

    def spent(subject: str) -> list[int]:
        before = len(lines.of("request"))
        node.answer(STATUS, {"s": subject}, by.reader)
        node.answer(STATUS, {"s": subject, "at": node.at(-DAY)}, by.reader)
        node.answer(LISTED, {"f": {"subject": subject}}, by.reader)
        node.answer(LISTED, {"f": {"subject": subject}})
        node.answer(PREVIEW, {"i": {**body, "subject": subject}}, by.issuer)
        node.do("EraseSubject", by.admin, subject=subject, reason="asked")
        return [line["statements"] for line in lines.of("request")[before:]]

    spent(NOBODY)  # tokens are made
    hit, miss = spent(ALICE), spent(NOBODY)
    assert hit == miss
    assert len(hit) == 6


@pytest.mark.parametrize(
    ("viewer", "kinds"),
    [
        (PUBLIC, {SubjectKind.SERVER}),
        (viewer("plt_a", frozenset({Role.RESEARCHER})), {SubjectKind.SERVER}),
        (viewer("plt_a", frozenset({Role.READER})), set(SubjectKind)),
    ],
    ids=["public", "researcher", "partner"],
)
def test_who_sees_no_accounts_looks_for_none(viewer: Viewer, kinds: set[SubjectKind]) -> None:
    """Or those that are known would take longer than others."""
    asked = lookup_keys(Late(lambda env: env.variables["subject"]), "filter")
    for uri in (ALICE, "https://host.example", "https://host.example/@alice"):
        env = Env({"subject": uri}, NOW, viewer, b"key")
        named = sorted(parse_subject(uri).kinds & kinds)
        assert asked(env) == [lookup_key(b"key", kind, uri) for kind in named]


def test_errors_repeat_nothing_private(node: Node, team: Team, partner: Team) -> None:
    issued = node.issue(team.issuer, subject=ALICE, reason="a secret reason", facts="secret facts")
    asked = [
        ("{ sanction(id: 5) { reason } }", None),
        (f'{{ sanction(id: "{issued["sanction"]["id"]}") {{ reasons }} }}', None),  # did you mean
        ("query($s: URI!) { suspensionStatus(subject: $s) { until } }", {"s": ALICE}),
        ('{ sanctions(after: "x") { nodes { reason } } }', None),
        ('{ eventPage(after: "feed~x") { nodes { subject } } }', None),
    ]
    for document, variables in asked:
        said = node.post(document, variables).text
        assert "errors" in said
        assert not re.search("secret", said.replace("appealSecret", ""))
        assert "alice" not in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"reason": ...}, "Expected value of type 'IssueSanctionInput' to include required field"),
        ({"color": "red"}, "Expected value of type 'IssueSanctionInput' not to include unknown"),
        ({"facts": {"who": "Alice"}}, "at .facts: String cannot represent a non string value"),
        ({"aliases": [["Alice"]]}, "at .aliases[0]: Expected value of type 'URI'"),
    ],
)
def test_what_is_wrong_with_an_input_repeats_nothing_else_of_it(
    node: Node, team: Team, given: dict[str, Any], said: str
) -> None:
    body = {**node.body(facts="Alice did it"), **given}
    body = {name: value for name, value in body.items() if value is not ...}
    answer = node.post(
        "mutation($i: IssueSanctionInput!) { issueSanction(input: $i) { __typename } }",
        {"i": body},
        team.issuer,
    )
    [error] = answer.json()["errors"]
    assert said in error["message"]
    assert "Alice" not in answer.text
    assert error["extensions"] == {"code": "BAD_DOCUMENT"}
