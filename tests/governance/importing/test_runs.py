"""Who imports, and what is told of it."""

from governance.importing.runs import RowRefused, importer
from governance.platforms import Member
from governance.words import MemberKind, Role
from tests.builders import NOW, World


def test_the_importing_member_is_a_service_that_issues_and_is_added_once(world: World) -> None:
    first = world.do(importer, "new.example", "New", now=NOW)
    assert world.do(importer, "NEW.example", None, now=NOW) == first
    with world.database.reading() as session:
        member = session.get_one(Member, first.member_id)
    assert (member.handle, member.kind, member.roles) == (
        "import",
        MemberKind.SERVICE,
        [Role.ISSUER],
    )


def test_it_acts_as_a_person_because_people_decided(world: World) -> None:
    assert world.do(importer, "new.example", None, now=NOW).kind is MemberKind.PERSON


def test_a_member_whose_roles_were_changed_keeps_them(world: World) -> None:
    team = world.team("old.example")
    world.member(team, Role.READER, handle="import")
    assert world.do(importer, "old.example", None, now=NOW).roles == {Role.READER}


def test_a_refused_row_names_its_place() -> None:
    assert str(RowRefused(3, "domain", "expected one")) == "line 3: domain: expected one"
    assert str(RowRefused(3, "uuid", "x", "a.csv")) == "a.csv, line 3: uuid: x"
