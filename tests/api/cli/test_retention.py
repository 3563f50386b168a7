"""`comity retention run`: what it erases, and what it says."""

from datetime import timedelta

from api.console import now
from governance.database import Database
from governance.issuing import issue_one
from governance.membership import Actor, add_member, add_platform
from governance.requesting import Dating, Request, draft
from governance.settings import read_settings
from governance.words import Role
from tests.api.cli.conftest import Comity
from tests.api.http.outside import issue_input
from tests.builders import KEYS

NOTHING = "0 erased, 0 wait for an appeal\n"


def test_what_ended_over_a_year_ago_is_erased(node: Comity, database_url: str) -> None:
    assert node("retention", "run").err == NOTHING
    database = Database(database_url, read_settings().sequencer())
    then = now() - timedelta(days=400)
    with database.writing() as session:
        platform = add_platform(session, "example.social", None, now=then)
        member = add_member(session, platform.domain, "mod", [Role.ISSUER], now=then)
        actor = Actor(member.id, platform.id, member.kind, frozenset(member.roles))
        request = Request(draft(issue_input(then)), dating=Dating(then))
        issue_one(session, KEYS, actor, request, now=then)
    database.close()
    done = node("retention", "run", "--rewrite")
    assert (done.code, done.err) == (0, "1 erased, 0 wait for an appeal\n")
    assert node("retention", "run").err == NOTHING
