"""Signed links to the files of a selection, and when they are dead."""

from datetime import timedelta

import pytest
from sqlmodel import select

from governance.membership import add_member, revoke_token
from governance.platforms import Token
from governance.words import Role
from tests.api.http.selections.conftest import Study
from tests.builders import DAY, HOUR, NOW


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("signature=", "signature=0"),
        ("until=", "until=9"),
        ("until=", "until=x"),
        ("?until", "?before"),
        ("rows.parquet", "manifest.note"),
        ("rows.parquet", "..%2f..%2fcomity.key"),
        ("/sel_", "/sel_a"),
    ],
)
def test_a_link_that_the_node_did_not_sign_opens_nothing(
    lite_study: Study, part: str, other: str
) -> None:
    url = lite_study.asked()["files"][0]["url"]
    assert lite_study.node.client.get(url).status_code == 200
    assert lite_study.node.client.get(url.replace(part, other)).status_code == 404


def test_a_link_ends_after_a_day_and_another_is_had_by_asking(lite_study: Study) -> None:
    made = lite_study.asked()
    url = made["files"][0]["url"]
    lite_study.node.clock.forward(DAY - timedelta(seconds=1))
    assert lite_study.node.client.get(url).status_code == 200
    lite_study.node.clock.forward(timedelta(seconds=1))
    assert lite_study.node.client.get(url).status_code == 404
    again = lite_study.found(made["id"])["files"][0]["url"]
    assert lite_study.node.client.get(again).status_code == 200


def test_a_link_is_dead_once_its_project_may_not_ask_any_more(study: Study) -> None:
    made, node, domain = study.asked(), study.node, study.team.platform.domain
    urls = made["files"][0]["url"], made["manifestUrl"]

    def statuses() -> set[int]:
        return {node.client.get(url).status_code for url in urls}

    def change(*roles: Role) -> None:
        node.world.do(add_member, domain, "researcher", list(roles), now=NOW)

    def revoke() -> None:
        with node.world.database.writing() as session:
            own = select(Token).where(Token.member_id == study.by.member_id)
            for token in session.exec(own):
                revoke_token(session, token.id, now=NOW)

    change(Role.READER)
    assert statuses() == {404}
    change(Role.READER, Role.RESEARCHER)
    assert statuses() == {200}
    revoke()
    assert statuses() == {404}
    node.token(study.by)
    assert statuses() == {200}


def test_a_link_is_dead_once_the_last_token_of_its_project_is_over(study: Study) -> None:
    token = study.node.token(study.by, 10 * DAY + HOUR)
    url = study.asked(token)["files"][0]["url"]
    study.node.clock.forward(HOUR - timedelta(seconds=1))
    assert study.node.client.get(url).status_code == 200
    study.node.clock.forward(timedelta(seconds=1))
    assert study.node.client.get(url).status_code == 404


def test_a_file_is_fetched_in_pieces(lite_study: Study) -> None:
    url = lite_study.asked()["files"][0]["url"]
    client = lite_study.node.client
    whole = client.get(url)
    part = client.get(url, headers={"Range": "bytes=4-99"})
    assert (part.status_code, part.content) == (206, whole.content[4:100])
    tag = {"Range": "bytes=100-", "If-Range": whole.headers["etag"]}
    assert part.content + client.get(url, headers=tag).content == whole.content[4:]
