"""An appeal secret opens the exchange of its own case, and nothing behind it."""

from contextlib import suppress
from random import Random
from typing import Any

import pytest
from sqlmodel import select

from governance import appealing
from governance.appeals import Appeal
from governance.errors import Refused
from governance.fields import print_instant
from governance.membership import Actor
from governance.rules import filing
from governance.rules.lifecycle import APPEAL_STEPS
from governance.sanctions import Sanction
from governance.words import AppealMove, Author, Outcome
from tests.api.http.outside import Node
from tests.builders import DAY, HOUR, MICRO, NOW, Team

ALICE, BOB = "acct:alice@elsewhere.example", "acct:bob@elsewhere.example"
VIEW = """query ($id: ID!, $secret: String!) {
  appellantView(sanctionId: $id, appealSecret: $secret) {
    appeals { id messages { text } sanction { appeals { nodes { messages { text } } } } }
    sanction {
      supersedes { id appeals { nodes { messages { text } } } }
      appeals { nodes { messages { text } } }
    }
  }
}"""


def test_a_secret_never_opens_the_exchange_of_another_case(node: Node, team: Team) -> None:
    first = node.issue(team.issuer, subject=ALICE, aliases=[BOB])
    secret = first["appealSecret"]
    filed = node.do(
        "FileAppeal", sanctionId=first["sanction"]["id"], grounds="Alice's own", appealSecret=secret
    )
    # The replacement shares one alias, and the open appeal moves to it.
    second = node.issue(team.issuer, subject=BOB, supersedes=first["sanction"]["id"])
    seen = node.post(VIEW, {"id": second["sanction"]["id"], "secret": second["appealSecret"]}).text
    assert '"appeals":[]' in seen
    assert "Alice's own" not in seen
    assert first["sanction"]["id"] not in seen
    own = node.post(VIEW, {"id": first["sanction"]["id"], "secret": filed["appealSecret"]}).json()[
        "data"
    ]["appellantView"]
    assert own["appeals"][0]["messages"] == [{"text": "Alice's own"}]


def test_whoever_acts_by_the_secret_reads_the_exchange(node: Node, team: Team) -> None:
    issued = node.issue(team.issuer, subject=ALICE)
    query = """mutation ($input: FileAppealInput!) { fileAppeal(input: $input) {
      ... on AppealChanged { appealSecret appeal { messages { author text } sanction { reason } } }
    } }"""
    given = {"sanctionId": issued["sanction"]["id"], "appealSecret": issued["appealSecret"]}
    filed = node.data(query, {"input": {**given, "grounds": "Not me"}})["fileAppeal"]
    assert filed["appeal"]["messages"] == [{"author": "APPELLANT", "text": "Not me"}]
    assert filed["appeal"]["sanction"]["reason"] is None  # `appellantView` tells it
    wrong = {**given, "grounds": "Not me either"}
    assert node.answer(query, {"input": wrong})["data"]["fileAppeal"] == {}


def test_the_public_cannot_walk_from_one_record_of_an_account_to_the_next(
    node: Node, team: Team, partner: Team
) -> None:
    first = node.issue(team.issuer, subject=ALICE)["sanction"]["id"]
    second = node.issue(team.issuer, subject=ALICE, supersedes=first)["sanction"]["id"]
    query = "query ($id: ID!) { sanction(id: $id) { supersedes { id } supersededBy { id } } }"
    assert node.data(query, {"id": second})["sanction"]["supersedes"] is None
    assert node.data(query, {"id": first})["sanction"]["supersededBy"] is None
    assert node.data(query, {"id": second}, partner.reader)["sanction"]["supersedes"] == {
        "id": first
    }


FILING = """query ($id: ID!, $secret: String!) {
  appellantView(sanctionId: $id, appealSecret: $secret) {
    appealBarred appealableUntil replacedBy { id expiresAt }
  }
}"""


def by_rule(node: Node, sanction_id: str) -> dict[str, Any]:
    """What `appellantView` is to tell of filing."""
    with node.world.database.reading() as session:
        origin = session.get_one(Sanction, sanction_id)
        last, barred = appealing.in_place(session, origin), None
        try:
            appealing.may_file(session, last, origin, Author.APPELLANT, node.clock.now)
        except Refused as refused:
            barred = refused.code.value
        until = filing.closes_at(last.ends_at, last.issued_at, last.notified_at)
        end = last.expires_at and print_instant(last.expires_at)
        return {
            "appealBarred": barred,
            "appealableUntil": until and print_instant(until),
            "replacedBy": {"id": last.id, "expiresAt": end} if last.id != sanction_id else None,
        }


@pytest.mark.parametrize("seed", range(2))
def test_the_view_bars_what_filing_refuses_and_tells_until_when(
    node: Node, team: Team, seed: int
) -> None:
    random, world, secrets = Random(seed), node.world, dict[str, str]()
    newest: list[str] = []  # sanctions, each replaced by the next

    def issue() -> None:
        more = {"supersedes": newest[-1]} if newest else {}
        issued = world.issued(team.issuer, node.clock.now, subject=ALICE, **more)
        newest.append(issued.sanction_id)
        secrets[issued.sanction_id] = issued.appeal_secret or ""

    def file() -> None:
        of = random.choice(newest)
        secret = random.choice([secrets[of], None])
        filed = world.file(None if secret else team.admin, of, node.clock.now, secret)
        secrets[of] = filed.appeal_secret or secrets[of]

    def move() -> None:
        with world.database.reading() as session:
            appeal = random.choice(session.exec(select(Appeal)).all())
        if random.random() < 0.3:
            world.decide(team.reviewer, appeal.id, Outcome.UPHELD, node.clock.now)
        kind = random.choice(list(AppealMove))
        by_person = APPEAL_STEPS[kind].by is appeal.filed_by is Author.APPELLANT
        fields: dict[str, Any] = {"message": "Hm", "outcome": "UPHELD", "code": "UNFOUNDED"}
        fields["appeal_secret"] = secrets[appeal.origin_id] if by_person else None
        actor = None if by_person else team.reviewer
        world.move(actor, appeal.id, kind, node.clock.now, **fields)

    issue()
    seen = set[str | None]()
    for step in range(70):
        with suppress(Refused, IndexError):
            random.choice([issue, file, file, *[move] * 9])()
        if random.random() < 0.15:
            node.clock.forward(random.choice([5, 20, 90]) * DAY)
        if step == 65:
            world.overturn(team.issuer, newest[-1], node.clock.now)
        for key, secret in secrets.items():
            view = node.data(FILING, {"id": key, "secret": secret})["appellantView"]
            assert view == by_rule(node, key)
            seen.add(view["appealBarred"])
    assert seen > {None, "APPEAL_OPEN", "CONFLICT"}, seen


def test_the_window_closes_at_the_instant_that_the_view_tells(node: Node, team: Team) -> None:
    issued = node.issue(team.issuer, subject=ALICE)
    given = {"id": issued["sanction"]["id"], "secret": issued["appealSecret"]}
    for wait, barred in ((183 * DAY - MICRO, None), (MICRO, "APPEAL_WINDOW_CLOSED")):
        node.clock.forward(wait)
        view = node.data(FILING, given)["appellantView"]
        assert view["appealBarred"] == barred
        assert view["appealableUntil"] == print_instant(NOW + 183 * DAY)


def test_half_of_a_decision_is_not_told_before_the_other(node: Node, team: Team) -> None:
    issued = node.terminate(team.issuer)
    node.do("ApproveSanction", team.issuer_2, sanctionId=issued["sanction"]["id"])
    appeal_id = node.under_review(team, issued["sanction"])
    given = {"id": issued["sanction"]["id"], "secret": issued["appealSecret"]}

    def told(by: Actor, outcome: str) -> tuple[list[str], list[str]]:
        """What the appellant, and the platform, can read once somebody decided."""
        node.clock.forward(HOUR)
        decided = {"appealId": appeal_id, "outcome": outcome, "statement": f"It is {outcome}"}
        assert node.do("DecideAppeal", by, **decided)["__typename"] == "AppealChanged"
        [seen] = node.data(VIEW, given)["appellantView"]["appeals"]
        query = "query ($id: ID!) { node(id: $id) { ... on Appeal { messages { text } } } }"
        own = node.data(query, {"id": appeal_id}, team.reader)["node"]
        theirs, ours = ([m["text"] for m in each["messages"]] for each in (seen, own))
        return theirs, ours

    first, both = ["Not me", "It is UPHELD"], ["Not me", "It is UPHELD", "It is OVERTURNED"]
    assert told(team.reviewer, "UPHELD") == (["Not me"], first)
    assert told(team.reviewer_2, "OVERTURNED") == (both, both)
