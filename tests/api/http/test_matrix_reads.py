"""Every reading by everybody of every record: what the table says is what is answered."""

from typing import Any

import pytest

from governance.fields import print_instant
from governance.identifiers import SubjectKind
from governance.membership import viewer_of
from governance.rules.disclosure import is_entitled, knows_of
from governance.rules.permissions import READS, Circle, Reach, Reading
from governance.words import Audience, EventType, Role
from tests.api.http.matrix import Caller, Matrix, Record, State
from tests.builders import DAY, NOW

TEXTS = {
    "explanation": Reading.PUBLIC_TEXTS,
    "groundReference": Reading.PUBLIC_TEXTS,
    "reason": Reading.PRIVATE_TEXTS,
    "facts": Reading.PRIVATE_TEXTS,
    "otherMeasure": Reading.PRIVATE_TEXTS,
    "contentUri": Reading.PRIVATE_TEXTS,
    "issuerReference": Reading.OWN_REFERENCES,
    "caseReference": Reading.OWN_REFERENCES,
}
PARTS = f"""fragment Parts on Sanction {{
  id subject aliases server receipts {{ nodes {{ state reason platform {{ domain }} }} }}
  policyReference {{ rule }} {" ".join(TEXTS)}
  appeals {{ nodes {{ id messages {{ text }} }} }}
}}"""
WAYS = f"""query($id: ID!, $ids: [ID!]!) {{
  sanctions(first: 1000) {{ totalCount nodes {{ ...Parts }} edges {{ node {{ ...Parts }} }} }}
  node(id: $id) {{ ...Parts }}
  nodes(ids: $ids) {{ ...Parts }}
  appeals(first: 1000) {{ nodes {{ sanction {{ ...Parts }} }} }}
  eventPage(first: 1000) {{ nodes {{
    type subject sanction {{ ...Parts }} notice {{ reason appealSecret }} }} }}
}} {PARTS}"""
VIEW = f"""query($id: ID!, $secret: String!) {{
  appellantView(sanctionId: $id, appealSecret: $secret) {{
    reason sanction {{ ...Parts }} appeals {{ messages {{ text }} }} }} }} {PARTS}"""
NOTICES = {"NOTICE_DUE", "NOTICE_RECORDED"}


def reads(matrix: Matrix, caller: Caller, reading: Reading, record: Record) -> bool:
    """Whether the table lets the caller read it; rows are `rules.disclosure`'s."""
    circle = caller.circle
    if circle is Circle.HOST and record.is_redacted:
        circle = Circle.PARTNER  # who hosts it is erased too
    reach = READS[reading].get(circle)
    if reach is not Reach.ENTITLED:
        return reach is Reach.YES
    case = record.case(*matrix.platform_ids)
    return is_entitled(viewer_of(caller.by), case, NOW)


def subject_reading(record: Record) -> Reading:
    return Reading.SERVER if record.kind is SubjectKind.SERVER else Reading.SUBJECT


def expected(matrix: Matrix, caller: Caller, record: Record) -> dict[str, Any]:
    """What the caller sees of the sanction, by whatever way."""

    def text(reading: Reading, value: str | None) -> str | None:
        told = not record.is_redacted and reads(matrix, caller, reading, record)
        return value if told else None

    is_server = record.kind is SubjectKind.SERVER
    rule = text(Reading.PUBLIC_TEXTS, record.texts["explanation"])
    shown = {name: text(of, record.texts[_snake(name)]) for name, of in TEXTS.items()}
    receipt = {
        "state": "DISPUTED",
        "platform": {"domain": "answering.example"},
        "reason": text(Reading.RECEIPT_REASON, record.answer),
    }
    has_receipt = record.answer and reads(matrix, caller, Reading.RECEIPTS, record)
    message = {"text": record.message}
    kept = [] if record.is_redacted else [message]
    messages = kept if reads(matrix, caller, Reading.MESSAGES, record) else None
    return {
        "id": record.sanction_id,
        "subject": text(subject_reading(record), record.subject),
        "aliases": None if text(subject_reading(record), record.subject) is None else [],
        "server": text(Reading.SERVER, record.subject) if is_server else None,
        "receipts": {"nodes": [receipt] if has_receipt else []},
        "policyReference": {"rule": rule.replace("explanation", "rule")} if rule else None,
        **shown,
        "appeals": {"nodes": [{"id": record.appeal_id, "messages": messages}]},
    }


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def members(matrix: Matrix) -> list[Caller]:
    return [c for c in matrix.callers if c.circle is not Circle.HOLDER]


def test_every_field_by_every_way(matrix: Matrix) -> None:
    ids = [record.sanction_id for record in matrix.records]
    wrong: list[Any] = []
    for caller in members(matrix):
        data = matrix.node.data(WAYS, {"id": ids[0], "ids": ids}, caller.by)
        assert data["sanctions"]["totalCount"] == len(ids)
        wanted = {record.sanction_id: expected(matrix, caller, record) for record in matrix.records}
        ways = {
            "sanctions": data["sanctions"]["nodes"],
            "edges": [edge["node"] for edge in data["sanctions"]["edges"]],
            "nodes": [data["node"], *data["nodes"]],
            "appeals": [appeal["sanction"] for appeal in data["appeals"]["nodes"]],
            "events": [event["sanction"] for event in data["eventPage"]["nodes"]],
        }
        for way, found in ways.items():
            assert {one["id"] for one in found} == set(ids)
            wrong += [(caller.name, way, one) for one in found if one != wanted[one["id"]]]
        wrong += _wrong_events(matrix, caller, data["eventPage"]["nodes"])
    assert wrong == []


def _wrong_events(matrix: Matrix, caller: Caller, events: list[dict[str, Any]]) -> list[Any]:
    """Events tell the subject as the sanction does; notices are for those they concern."""
    of: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        of.setdefault(event["sanction"]["id"], []).append(event)
    wrong: list[Any] = []
    for record in matrix.records:
        told = of[record.sanction_id]
        subject = expected(matrix, caller, record)["subject"]
        wrong += [(caller.name, event) for event in told if event["subject"] != subject]
        case = record.case(*matrix.platform_ids)
        is_due = record.audience is Audience.PARTNERS  # what is kept to itself is told itself
        wanted = is_due and reads(matrix, caller, Reading.NOTICE_EVENTS, record)
        assert wanted is (is_due and knows_of(viewer_of(caller.by), EventType.NOTICE_DUE, case))
        notices = [event for event in told if event["type"] in NOTICES]
        if wanted is not bool(notices):
            wrong.append((caller.name, str(record), notices))
        held = reads(matrix, caller, Reading.NOTICE, record) and not record.is_redacted
        reason = record.texts["reason"] if held else None
        for event in told:
            notice = event["notice"] or {"reason": None}
            if notice["reason"] != (reason if event["type"] == "NOTICE_DUE" else None):
                wrong.append((caller.name, str(record), event))
    return wrong


def test_a_filter_by_subject_finds_what_is_read(matrix: Matrix) -> None:
    names = [f"f{n}" for n in range(len(matrix.records))]
    given = ", ".join(f"${name}: URI!" for name in names)
    roots = " ".join(
        f"{name}: sanctions(filter: {{ subject: ${name} }}, first: 1000) "
        "{ totalCount nodes { id } pageInfo { hasNextPage startCursor } edges { cursor } }"
        for name in names
    )
    variables = {name: r.subject for name, r in zip(names, matrix.records, strict=True)}
    for caller in members(matrix):
        data = matrix.node.data(f"query({given}) {{ {roots} }}", variables, caller.by)
        for name, record in zip(names, matrix.records, strict=True):
            same = [r for r in matrix.records if r.subject == record.subject and not r.is_redacted]
            found = {r.sanction_id for r in same if reads(matrix, caller, subject_reading(r), r)}
            told = data[name]
            assert {node["id"] for node in told["nodes"]} == found, (caller.name, str(record))
            assert told["totalCount"] == len(told["edges"]) == len(found)
            assert (told["pageInfo"]["startCursor"] is None) is (not found)


@pytest.mark.parametrize("at", [None, NOW - 35 * DAY, NOW + DAY])
def test_suspension_status_now_then_and_later(matrix: Matrix, at: Any) -> None:
    records = matrix.records[::2]
    instant = print_instant(at) if at else None
    given = ", ".join(f"$s{n}: URI!, $k{n}: SubjectKind" for n in range(len(records)))
    roots = " ".join(
        f"r{n}: suspensionStatus(subject: $s{n}, subjectKind: $k{n}, at: $at) "
        "{ isSuspended sanctions { id } }"
        for n in range(len(records))
    )
    variables = {f"s{n}": record.subject for n, record in enumerate(records)}
    variables |= {f"k{n}": record.kind for n, record in enumerate(records)}
    document = f"query($at: DateTime, {given}) {{ {roots} }}"
    for caller in members(matrix):
        answer = matrix.node.answer(document, {**variables, "at": instant}, caller.by)
        refused = {error["path"][0]: error for error in answer.get("errors", ())}
        for n, record in enumerate(records):
            status = answer["data"][f"r{n}"]
            if record.kind is not SubjectKind.SERVER and caller.circle is Circle.PUBLIC:
                code = "FORBIDDEN" if caller.by else "UNAUTHENTICATED"
                assert status is None
                assert refused[f"r{n}"]["extensions"] == {"code": code}
                continue
            found = {one["id"] for one in status["sanctions"]}
            assert found == _held(matrix, caller, record, at), (caller.name, str(record))
            assert status["isSuspended"] is bool(found)


def _held(matrix: Matrix, caller: Caller, record: Record, at: Any) -> set[str]:
    """The suspensions of the record's subject that were in force then and are read now."""
    then = {State.IN_FORCE} if at is None or at > NOW else set(State)
    return {
        r.sanction_id
        for r in matrix.records
        if r.subject == record.subject
        and r.kind is not SubjectKind.CONTENT
        and r.state in then - {State.REDACTED}
        and reads(matrix, caller, subject_reading(r), r)
    }


def test_the_secret_opens_its_own_case_to_whoever_holds_it(matrix: Matrix) -> None:
    public = matrix.caller("public")
    for number, record in enumerate(matrix.records):
        caller = matrix.callers[number % len(matrix.callers)]
        asked = {"id": record.sanction_id, "secret": record.secret}
        view = matrix.node.data(VIEW, asked, caller.by)["appellantView"]
        if record.is_redacted:
            assert view is None
            continue
        assert view["reason"] == record.texts["reason"]
        assert view["appeals"] == [{"messages": [{"text": record.message}]}]
        assert view["sanction"] == expected(matrix, public, record)
        if number % 12 == 0:  # only so many may be wrong
            for wrong in (matrix.records[number - 1].secret, "", "x"):
                asked = {"id": record.sanction_id, "secret": wrong}
                assert matrix.node.data(VIEW, asked, caller.by) == {"appellantView": None}


@pytest.mark.parametrize("token", ["expired", "revoked"])
def test_a_dead_token_reads_nothing_not_even_what_is_public(matrix: Matrix, token: str) -> None:
    ids = [matrix.records[0].sanction_id]
    response = matrix.node.post(WAYS, {"id": ids[0], "ids": ids}, matrix.dead[token])
    assert response.status_code == 401
    assert "data" not in response.json()


def test_what_the_table_says_of_roles_is_who_reads_for_a_platform(matrix: Matrix) -> None:
    for caller in members(matrix):
        is_platform = bool(caller.roles - {Role.RESEARCHER})
        assert (caller.circle is not Circle.PUBLIC) is is_platform
        assert (viewer_of(caller.by).platform_id is not None) is is_platform
