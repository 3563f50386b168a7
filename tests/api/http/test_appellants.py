"""An appeal secret opens the exchange of its own case, and nothing behind it."""

from tests.api.http.outside import Node
from tests.builders import Team

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
