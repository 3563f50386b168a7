"""Every operation by everybody on every kind of record: what the table says is what happens.

Audience and state of a record decide nothing here but for notices and after an erasure; asking
for every cell shows that they don't.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import pytest
from sqlmodel import Session

from api.schema.build import changes
from governance.fields import new_id
from governance.identifiers import SubjectKind
from governance.membership import Actor
from governance.rules.lifecycle import APPEAL_STEPS
from governance.rules.permissions import OPERATIONS, Circle, Operation, Permission
from governance.selections import Selection
from governance.words import AppealMove, Audience, Author, Role
from tests.api.http.matrix import MEASURES, Caller, Matrix, Record, State
from tests.api.http.outside import Node
from tests.builders import NOW
from tests.signing import key_of, public, text

REFUSALS = {"FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED"}
MOVES = [operation for operation in Operation if operation.name in AppealMove.__members__]
BY_PERSON = {Operation.FILE, Operation.ANSWER, Operation.WITHDRAW, Operation.ESCALATE}
KEYS = {Operation.REGISTER_KEY, Operation.RETIRE_KEY}
NAMES_NO_RECORD = {
    Operation.ISSUE, Operation.PREVIEW, Operation.ERASE, Operation.FOLLOW, *KEYS,
    Operation.SELECT, Operation.CANCEL_SELECTION,
}  # fmt: skip
SANCTIONS = {
    Operation.APPROVE, Operation.SHORTEN, Operation.LIFT, Operation.VOID, Operation.OVERTURN,
    Operation.FILE, Operation.RECORD_NOTICE, Operation.ADOPT, Operation.ANSWER_SANCTION,
    Operation.REMEDY,
}  # fmt: skip
FOR_OTHERS = {Operation.ADOPT, Operation.ANSWER_SANCTION}
MORE: dict[Operation, dict[str, Any]] = {
    Operation.SHORTEN: {"expiresAt": "2026-03-02T12:00:00Z", "reason": "r"},
    Operation.LIFT: {"reason": "r"},
    Operation.VOID: {"reason": "r", "code": "TEST"},
    Operation.OVERTURN: {"reason": "r"},
    Operation.FILE: {"grounds": "Not me"},
    Operation.REFUSE: {"code": "UNFOUNDED"},
    Operation.ASK: {"message": "When?"},
    Operation.ANSWER: {"message": "Then"},
    Operation.RECORD_FINAL: {"outcome": "UPHELD"},
    Operation.INVITE: {"platform": "partner.example"},
    Operation.DECIDE: {"outcome": "UPHELD", "statement": "It stands"},
    Operation.RECORD_NOTICE: {"outcome": "DELIVERED"},
    Operation.ADOPT: {"reason": "r"},
    Operation.ANSWER_SANCTION: {"answer": "NOTED"},
    Operation.REMEDY: {"remedy": "REMEDIED"},
}
Cell = tuple[Caller, Operation, Record]


def expected(caller: Caller, operation: Operation, record: Record) -> str | None:
    """The code of the refusal; None where the operation is reached, whatever comes of it then."""
    permission = OPERATIONS[operation]
    if caller.by is None:
        holds = caller.circle is Circle.HOLDER and caller.circle in permission.circles
        if not holds:
            return "UNAUTHENTICATED"
        return "NOT_FOUND" if record.is_redacted else None  # the secret went with the rest
    if not caller.roles & set(permission.roles):
        return "FORBIDDEN"
    if caller.is_service and permission.persons_only:
        return "FORBIDDEN"
    if operation in NAMES_NO_RECORD or caller.circle in circles(permission, operation, record):
        return None
    return "NOT_FOUND"


def circles(permission: Permission, operation: Operation, record: Record) -> frozenset[Circle]:
    """A notice is recorded by the host; of what it may not know by the issuing platform. Another
    platform's sanction is answered by who may know the subject."""
    if operation in FOR_OTHERS:
        return frozenset(c for c in permission.circles if _knows_subject(c, record))
    if operation is not Operation.RECORD_NOTICE:
        return permission.circles
    if record.is_redacted:
        return frozenset()
    teller = Circle.HOST if record.audience is Audience.PARTNERS else Circle.OWN
    return permission.circles & {teller}


def _knows_subject(circle: Circle, record: Record) -> bool:
    if record.is_redacted or record.kind is SubjectKind.SERVER or circle is Circle.GUEST:
        return not record.is_redacted
    is_retained = record.state is not State.PAST or circle is Circle.HOST
    return record.audience is Audience.PARTNERS and is_retained


def cells(matrix: Matrix) -> Iterator[Cell]:
    """All that is asked: where the record can decide, of every record; else of some, each time
    others, so that every cell has its turn."""
    for turn, (caller, operation) in enumerate(product(matrix.callers, Operation)):
        # The person moves the own appeal; members move what the platform filed.
        by_person = caller.circle is Circle.HOLDER and operation in BY_PERSON
        filed_by = Author.APPELLANT if by_person else Author.PLATFORM
        records = [record for record in matrix.records if record.filed_by is filed_by]
        for place, record in enumerate(records, start=turn):
            cell = caller, operation, record
            if place % _step(cell) == 0:
                yield cell


def _step(cell: Cell) -> int:
    """One in how many records is asked about."""
    caller, operation, _ = cell
    code = expected(*cell)
    is_guess = code == "NOT_FOUND" and caller.by is None  # which only so many may make
    if is_guess or code in ("FORBIDDEN", "UNAUTHENTICATED"):
        return 5
    is_elsewhere = code == "NOT_FOUND" and operation is not Operation.RECORD_NOTICE
    return 3 if is_elsewhere or operation in NAMES_NO_RECORD else 1


def fields(node: Node, caller: Caller, operation: Operation, record: Record) -> dict[str, Any]:
    if operation in {Operation.ISSUE, Operation.PREVIEW}:
        about = {"subject": record.subject, "subjectKind": record.kind, "audience": record.audience}
        other = {"otherMeasure": "x"} if MEASURES[record.kind].endswith("_OTHER") else {}
        return node.body(**about, **other, measure=MEASURES[record.kind])
    if operation is Operation.FOLLOW:
        return {"url": "https://127.0.0.1"}  # reached by those who may, and refused then
    if operation is Operation.SELECT:
        return {"formats": ["CSV"]}
    if operation is Operation.CANCEL_SELECTION:
        return {"selectionId": _selection(node, caller)}
    if operation is Operation.ERASE:
        return {"subject": record.subject, "reason": "r"}
    if operation is Operation.REGISTER_KEY:
        return {"key": public(key_of("nobody's")), "signature": text(bytes(64))}
    if operation is Operation.RETIRE_KEY:
        return {"key": public(key_of(caller.by.platform_id if caller.by else "nobody's"))}
    named = "sanctionId" if operation in SANCTIONS else "appealId"
    found: dict[str, Any] = {
        named: record.sanction_id if operation in SANCTIONS else record.appeal_id
    }
    if operation in MOVES:
        found["move"] = operation.name
    if caller.circle is Circle.HOLDER and (operation in MOVES or operation is Operation.FILE):
        found["appealSecret"] = record.secret
    if operation is Operation.ADOPT:
        reference = node.body()["issuerReference"]
        found |= {"measure": MEASURES[record.kind], "issuerReference": reference}
    return {**found, **MORE.get(operation, {})}


def _selection(node: Node, caller: Caller) -> str:
    """A selection of the caller's, or one that isn't there for who can have none."""
    if caller.by is None or Role.RESEARCHER not in caller.roles:
        return f"sel_{'a' * 26}"
    return node.world.do(_asked_for, caller.by)


def _asked_for(session: Session, by: Actor) -> str:
    made = Selection(
        id=new_id("sel"), project_id=by.member_id, wanted={}, formats=[],
        requested_at=NOW, as_of=NOW,
    )  # fmt: skip
    session.add(made)
    return made.id


def mutations(operation: Operation) -> list[str]:
    """The root fields that are this operation; the batch has tests of its own."""
    names = [part.split(" ")[0] for part in operation.split(", ")]
    return [name for name in names if name != "issueSanctions"]


def codes(node: Node, by: Any, name: str, inputs: Sequence[dict[str, Any]]) -> list[Any]:
    """What a mutation answers to each input, many in one request: a whole refusal, or {}."""
    draft = changes()[name].draft.__name__
    is_query = name == "previewSanction"
    kind = "query" if is_query else "mutation"
    given = ", ".join(f"$i{n}: {draft}!" for n in range(len(inputs)))
    told = "refusal { code message path }" if is_query else "... on Refusal { code message path }"
    roots = " ".join(f"r{n}: {name}(input: $i{n}) {{ {told} }}" for n in range(len(inputs)))
    answer = node.answer(
        f"{kind}({given}) {{ {roots} }}", {f"i{n}": each for n, each in enumerate(inputs)}, by
    )
    if answer["data"] is None:  # nobody known: the whole request is refused
        return [error["extensions"] for error in answer["errors"]]
    results = [answer["data"][f"r{n}"] for n in range(len(inputs))]
    return [result["refusal"] or {} if is_query else result for result in results]


def asked(node: Node, found: Sequence[Cell], *, absent: bool = False) -> list[Any]:
    """The answers to cells of one caller and one operation."""
    caller, operation, _ = found[0]
    inputs = [fields(node, *cell) for cell in found]
    if absent:
        inputs = [{k: _nowhere(k, v) for k, v in each.items()} for each in inputs]
    answers: list[Any] = []
    for name in mutations(operation):
        step = len(inputs) if caller.by is not None else 1  # one refused stops the others
        for start in range(0, len(inputs), step):
            answers += codes(node, caller.by, name, inputs[start : start + step])
    return answers


def _nowhere(name: str, value: Any) -> Any:
    return value[:4] + "a" * 26 if name in ("sanctionId", "appealId") else value


def grouped(matrix: Matrix, wanted: Callable[[str | None], bool]) -> list[list[Cell]]:
    """The cells of such an expectation, by caller and operation."""
    groups: dict[tuple[str, Operation], list[Cell]] = {}
    for cell in cells(matrix):
        if wanted(expected(*cell)):
            groups.setdefault((cell[0].name, cell[1]), []).append(cell)
    return list(groups.values())


def test_every_cell(matrix: Matrix) -> None:
    """The refused ones first, which write nothing."""
    node, wrong = matrix.node, []
    before = matrix.written()
    for group in grouped(matrix, lambda code: code is not None):
        answers = asked(node, group)
        for cell, answer in zip(group * len(mutations(group[0][1])), answers, strict=True):
            if answer.get("code") != expected(*cell):
                wrong.append((cell[0].name, cell[1].name, str(cell[2]), answer))
    assert wrong == []
    assert matrix.written() == before
    reached = grouped(matrix, lambda code: code is None)
    for group in sorted(reached, key=lambda group: group[0][1] is Operation.ERASE):
        answers = asked(node, group)
        for cell, answer in zip(group * len(mutations(group[0][1])), answers, strict=True):
            if answer.get("code") in REFUSALS:
                wrong.append((cell[0].name, cell[1].name, str(cell[2]), answer))
    assert wrong == []


def test_absent_and_not_yours_are_answered_alike(matrix: Matrix) -> None:
    for group in grouped(matrix, lambda code: code == "NOT_FOUND"):
        some = group[::7]
        assert asked(matrix.node, some) == asked(matrix.node, some, absent=True), some[0]


@pytest.mark.parametrize("token", ["expired", "revoked"])
def test_a_dead_token_reaches_nothing(matrix: Matrix, token: str) -> None:
    node, record = matrix.node, matrix.records[0]
    caller = matrix.caller("OWN all")
    given = {operation: fields(node, caller, operation, record) for operation in Operation}
    before = matrix.written()
    for operation in Operation:
        for name in mutations(operation):
            draft = changes()[name].draft.__name__
            kind = "query" if name == "previewSanction" else "mutation"
            document = f"{kind}($i: {draft}!) {{ {name}(input: $i) {{ __typename }} }}"
            variables = {"i": given[operation]}
            response = node.post(document, variables, matrix.dead[token])
            assert response.status_code == 401
            assert "data" not in response.json()
    assert matrix.written() == before


def test_a_batch_is_refused_like_one(matrix: Matrix) -> None:
    batch = """mutation($i: IssueSanctionsInput!) { issueSanctions(input: $i) {
      issuedCount results { ... on Refusal { code } } } }"""
    before = matrix.written()
    for caller in matrix.callers:
        if caller.by is not None and Role.ISSUER not in caller.roles:
            asked = {"i": {"sanctions": [matrix.node.body(), matrix.node.body(subject="x")]}}
            done = matrix.node.data(batch, asked, caller.by)["issueSanctions"]
            assert done == {"issuedCount": 0, "results": [{"code": "FORBIDDEN"}] * 2}
    assert matrix.written() == before


def test_every_mutation_is_in_the_table() -> None:
    named = {part.split(" ")[0] for operation in Operation for part in operation.split(", ")}
    assert set(changes()) == named
    assert set(OPERATIONS) == set(Operation)


def test_every_step_of_an_appeal_is_in_the_table_as_whose_it_is() -> None:
    assert {Operation[move].value for move in AppealMove} == {f"moveAppeal {m}" for m in AppealMove}
    for move, step in APPEAL_STEPS.items():
        by_person = step.by is Author.APPELLANT
        assert (Circle.HOLDER in OPERATIONS[Operation[move]].circles) is by_person
