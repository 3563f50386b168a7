"""What becomes of a peer's entries here: applied if they fit, kept as evidence if they don't."""

import secrets
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from governance import following, mirroring, speaking
from governance.appeals import Appeal
from governance.errors import Conflict
from governance.events import Event
from governance.fields import print_instant
from governance.followers import Follower
from governance.log.canonical import canonical
from governance.log.commitments import opening
from governance.log.leaves import BEGINS, case_id
from governance.log.notes import encode
from governance.log.signers import Signer
from governance.membership import add_member
from governance.peers import Peer, PeerPlatform, PeerSource, Verdict
from governance.platforms import Member, Platform
from governance.remotes import Named
from governance.sanctions import Disclosure, Sanction, SubjectKey
from governance.words import PolicyConflict, Role, Validity
from tests.builders import DAY, KEYS, NOW, World
from tests.logs import ALPHA, BETA, LOG, NOON, ORIGIN, Served, Writer, decision

URL = "https://other.example"
IDS = {ALPHA: f"plt_{'a' * 26}", BETA: f"plt_{'b' * 26}"}
ACCOUNT = "acct:alice@elsewhere.example"


def statement(**changes: Any) -> dict[str, Any]:
    """A time-out of seven days, but for the changes."""
    conduct = print_instant(NOON - DAY)
    terms: dict[str, Any] = {
        **{"measure": "ACCOUNT_SUSPENDED", "ground": "INCOMPATIBLE_CONTENT"},
        **{"category": "VIOLENCE", "automation": "NOT_AUTOMATED", "source": "OWN_INITIATIVE"},
        **{"audience": "PARTNERS", "subjectKind": "ACCOUNT", "effectiveAt": print_instant(NOON)},
        **{"timePrecision": "INSTANT", "conductFrom": conduct, "conductTo": conduct},
        "expiresAt": print_instant(NOON + 7 * DAY),
    }
    return {name: value for name, value in (terms | changes).items() if value is not None}


class Theirs:
    """A peer's log in the making, and what it discloses."""

    def __init__(self) -> None:
        self.writer = Writer()
        self.disclosed: dict[str, Any] = {}
        for domain, ident in IDS.items():
            self.writer.add(decision("platform.added", domain, id=ident))

    def issue(self, by: str = ALPHA, subject: str = ACCOUNT, **more: Any) -> str:
        seed = secrets.token_bytes(32)
        held: dict[str, Any] = {"subject": subject, "reason": "You threatened somebody"}
        held |= {"aliases": aliases} if (aliases := more.pop("aliases", None)) else {}
        fields = [opening(seed, name, value) for name, value in held.items()]
        told = {"statement": statement(**more.pop("terms", {})), **more}
        told["commitments"] = {one.name: encode(one.commitment) for one in fields}
        begun = decision(BEGINS, by, **told)
        self.writer.add(begun)
        case = case_id(canonical(begun))
        self.disclosed[case] = [
            {"field": one.name, "value": one.value, "key": encode(one.key)} for one in fields
        ]
        return case

    def tell(self, kind: str, case: str, by: str = ALPHA, **told: Any) -> int:
        return self.writer.add(decision(kind, by, case=case, **told))

    def served(self) -> Served:
        served = Served(self.writer.entries)
        served.disclosed = self.disclosed
        return served


@pytest.fixture
def theirs() -> Theirs:
    """Return a log of two platforms that decided nothing yet."""
    return Theirs()


@pytest.fixture
def follower(world: World) -> Follower:
    """Return what follows it."""
    world.do(following.begin, KEYS, URL, [LOG.verifier()], None, now=NOW)
    return Follower(world.database, KEYS, ORIGIN, clock=lambda: NOW)


def verdicts(world: World) -> list[tuple[Verdict, str | None]]:
    with world.database.reading() as session:
        found = [(entry.verdict, entry.fault) for entry in mirroring.copied(session, ORIGIN)]
    return [one for one in found if one[0] is not Verdict.NOTED]


def sanctions(world: World) -> dict[str, Sanction]:
    with world.database.reading() as session:
        return {one.id: one for one in session.exec(select(Sanction))}


def test_platforms_and_cases_become_records(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    case = theirs.issue()
    theirs.tell("sanction.lifted", case, changed={"liftedAt": print_instant(NOON + DAY)})
    follower.poll(theirs.served())
    assert verdicts(world) == [(Verdict.APPLIED, None)] * 2
    held = sanctions(world)[case]
    assert (held.platform_id, held.ends_at, held.is_binding) == (IDS[ALPHA], NOON + DAY, True)
    with world.database.reading() as session:
        [disclosure] = session.exec(select(Disclosure)).all()
        events = session.exec(select(Event).order_by(Event.position)).all()  # type: ignore[arg-type]
    assert (disclosure.subject, disclosure.seed) == (ACCOUNT, b"")
    assert [event.position for event in events] == [1, 3]
    assert (held.first_event, held.first_entry) == (1, None)
    assert [event.recorded_at for event in events] == [
        NOON + timedelta(seconds=place) for place in (2, 3)
    ]


def test_nothing_counts_until_the_platforms_domain_names_the_log(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    case = theirs.issue()
    served = theirs.served()
    served.names[ALPHA] = Named("elsewhere.example/log", str(LOG.verifier()), None)
    follower.poll(served)
    assert verdicts(world) == [(Verdict.WAITING, None)]
    assert sanctions(world) == {}
    with world.database.reading() as session:
        platform = session.get_one(PeerPlatform, (ORIGIN, ALPHA))
    assert platform.problem == "its domain names another log"
    later = Follower(world.database, KEYS, ORIGIN, clock=lambda: NOW + speaking.CHECK_AGAIN)
    del served.names[ALPHA]
    later.poll(served)
    assert [*sanctions(world)] == [case]


def test_cases_of_a_closed_log_go_on_in_the_one_in_its_place(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    case = theirs.issue()
    follower.poll(theirs.served())
    second = Signer("second.example/log", b"s" * 32)
    theirs.tell("sanction.lifted", case, changed={"liftedAt": print_instant(NOON + DAY)})
    later = theirs.issue()
    world.do(following.begin, KEYS, URL, [second.verifier()], None, now=NOW)
    served = Served(theirs.writer.entries, signer=second, origin=second.name)
    served.disclosed = theirs.disclosed
    served.names = dict.fromkeys(IDS, Named(second.name, str(second.verifier()), None))
    follows = Follower(world.database, KEYS, second.name, clock=lambda: NOW)
    follows.poll(served)
    with world.database.reading() as session:
        platform = session.get_one(PeerPlatform, (second.name, ALPHA))
    assert platform.problem == "another followed node speaks for it"
    world.do(following.end, ORIGIN)
    assert [*sanctions(world)] == [case]
    Follower(world.database, KEYS, second.name, clock=lambda: NOW + speaking.CHECK_AGAIN).poll(
        served
    )
    held = sanctions(world)
    assert {*held} == {case, later}
    assert held[case].ends_at == NOON + DAY
    with world.database.reading() as session:
        assert {one.sanction_id for one in session.exec(select(SubjectKey))} == {case, later}


def test_a_domain_that_names_another_log_takes_its_word_back(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    theirs.issue()
    served = theirs.served()
    follower.poll(served)
    served.names[ALPHA] = Named("elsewhere.example/log", str(LOG.verifier()), None)
    later = Follower(world.database, KEYS, ORIGIN, clock=lambda: NOW + speaking.CHECK_EVERY)
    later.poll(served)
    with world.database.reading() as session:
        assert not session.get_one(PeerPlatform, (ORIGIN, ALPHA)).is_proven
    theirs.issue(subject="acct:bob@elsewhere.example")
    served.log(theirs.writer.entries)
    later.poll(served)
    assert [verdict for verdict, _ in verdicts(world)] == [Verdict.APPLIED, Verdict.WAITING]


def _other_value(one: dict[str, Any]) -> None:
    one["value"] = "acct:mallory@elsewhere.example"


def _other_key(one: dict[str, Any]) -> None:
    one["key"] = encode(bytes(32))


def _no_key(one: dict[str, Any]) -> None:
    del one["key"]


def _no_text(one: dict[str, Any]) -> None:
    one["value"] = ["a list"]


@pytest.mark.parametrize("forge", [_other_value, _other_key, _no_key, _no_text])
def test_a_disclosure_that_does_not_match_is_not_kept(
    world: World, follower: Follower, theirs: Theirs, forge: Any
) -> None:
    case = theirs.issue()
    forge(theirs.disclosed[case][0])
    follower.poll(theirs.served())
    assert case in sanctions(world)
    with world.database.reading() as session:
        assert session.exec(select(Disclosure)).all() == []
        assert session.exec(select(SubjectKey)).all() == []


@pytest.mark.parametrize(
    "aliases",
    [
        "acct:bob@elsewhere.example",
        ["acct:Bob@elsewhere.example"],
        ["https://elsewhere.example"],  # a server
        [f"acct:bob{n}@elsewhere.example" for n in range(6)],
        ["acct:bob@elsewhere.example", 7],
    ],
)
def test_other_names_that_no_account_has_are_not_kept(
    world: World, follower: Follower, theirs: Theirs, aliases: Any
) -> None:
    case = theirs.issue(aliases=aliases)
    follower.poll(theirs.served())
    assert case in sanctions(world)
    with world.database.reading() as session:
        assert session.exec(select(SubjectKey)).all() == []


def test_an_account_has_its_cap_under_every_name(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    one, other = "acct:one@elsewhere.example", "acct:other@elsewhere.example"
    ends = [print_instant(NOON + days * DAY) for days in (100, 200)]
    conduct = print_instant(NOON - 9 * DAY)
    first = theirs.issue(subject=one, aliases=[other], terms={"expiresAt": ends[0]})
    second = theirs.issue(
        subject=other,
        terms={
            **{"effectiveAt": ends[0], "expiresAt": ends[1]},
            **{"conductFrom": conduct, "conductTo": conduct},
        },
    )
    follower.poll(theirs.served())
    held = sanctions(world)
    assert [held[case].is_binding for case in (first, second)] == [True, False]


def _of_another_platform(theirs: Theirs, case: str) -> None:
    theirs.tell("sanction.overturned", case, BETA, changed={"overturnedAt": print_instant(NOON)})


def _extended(theirs: Theirs, case: str) -> None:
    end = print_instant(NOON + 100 * DAY)
    theirs.tell("sanction.shortened", case, changed={"expiresAt": end})


def _ended_never(theirs: Theirs, case: str) -> None:
    theirs.tell("sanction.shortened", case, changed={"reducedAfterEnd": True})


def _of_no_case(theirs: Theirs, case: str) -> None:
    theirs.tell("sanction.lifted", f"san_{'z' * 26}", previous=None)


def _of_no_form(theirs: Theirs, case: str) -> None:
    theirs.tell("sanction.lifted", case, changed={"liftedAt": "yesterday"})


def _of_no_shape(theirs: Theirs, case: str) -> None:
    theirs.tell("appeal.filed", case, appeal=["x"], changed=7)


def _replacing_nothing(theirs: Theirs, case: str) -> None:
    theirs.issue(supersedes=f"san_{'y' * 26}")


def _of_no_measure(theirs: Theirs, case: str) -> None:
    theirs.issue(terms={"measure": "CONTENT_REMOVED"})


HOSTILE = [
    *(_of_another_platform, _extended, _ended_never, _of_no_case, _of_no_form, _of_no_shape),
    *(_replacing_nothing, _of_no_measure),
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_does_not_fit_is_kept_and_changes_nothing(
    world: World, follower: Follower, theirs: Theirs, hostile: Any
) -> None:
    case = theirs.issue()
    served = theirs.served()
    follower.poll(served)
    before = {table: world.snapshot()[table] for table in ("sanctions", "appeals", "events")}
    hostile(theirs, case)
    served.log(theirs.writer.entries)
    follower.poll(served)
    [_, (verdict, fault)] = verdicts(world)
    assert (verdict, bool(fault)) == (Verdict.REFUSED, True)
    assert {table: world.snapshot()[table] for table in before} == before
    other = theirs.issue(BETA, "acct:bob@elsewhere.example")  # and what follows goes on
    served.log(theirs.writer.entries)
    follower.poll(served)
    assert other in sanctions(world)


@pytest.mark.parametrize(
    ("terms", "conflict"),
    [
        ({"expiresAt": print_instant(NOON + 181 * DAY)}, PolicyConflict.TOO_LONG),
        ({"expiresAt": None}, PolicyConflict.END_REQUIRED),
        ({"expiresAt": "9999-12-31T00:00:00.000000Z"}, PolicyConflict.TOO_LONG),
        (
            {"measure": "ACCOUNT_TERMINATED", "expiresAt": None},
            PolicyConflict.PERMANENCE_NOT_ALLOWED,
        ),
        ({"conductFrom": None, "conductTo": None}, PolicyConflict.CONDUCT_REQUIRED),
    ],
)
def test_permanence_cannot_be_smuggled_by_a_peer(
    world: World, follower: Follower, theirs: Theirs, terms: Any, conflict: PolicyConflict
) -> None:
    case = theirs.issue(terms=terms)
    follower.poll(theirs.served())
    held = sanctions(world)[case]
    assert not held.is_binding
    assert conflict in held.policy_conflicts


def test_nor_by_chained_time_outs(world: World, follower: Follower, theirs: Theirs) -> None:
    ends = [print_instant(NOON + days * DAY) for days in (100, 200)]
    starts = [print_instant(NOON), ends[0]]
    conducts = [print_instant(NOON - days * DAY) for days in (2, 3)]
    cases = [
        theirs.issue(
            terms={
                **{"effectiveAt": start, "expiresAt": end},
                **{"conductFrom": conduct, "conductTo": conduct},
            }
        )
        for start, end, conduct in zip(starts, ends, conducts, strict=True)
    ]
    follower.poll(theirs.served())
    held = sanctions(world)
    assert [held[case].is_binding for case in cases] == [True, False]
    assert held[cases[1]].policy_conflicts == [PolicyConflict.TOTAL_TOO_LONG]


def test_unknown_fields_and_kinds_are_ignored(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    case = theirs.issue(terms={"futureField": {"any": ["thing"]}}, futureToo=1)
    theirs.tell("sanction.celebrated", case)
    follower.poll(theirs.served())
    assert verdicts(world) == [(Verdict.APPLIED, None)]
    assert case in sanctions(world)


def test_a_copy_whose_source_is_unknown_is_no_independent_decision(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    source = f"san_{'s' * 26}"
    case = theirs.issue(derivedFrom=source)
    follower.poll(theirs.served())
    assert sanctions(world)[case].derived_from_id is None
    with world.database.reading() as session:
        assert session.get_one(PeerSource, case).source_id == source


def test_another_log_that_repeats_the_entries_changes_nothing(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    case = theirs.issue()
    follower.poll(theirs.served())
    thief = Signer("thief.example/log", b"x" * 32)
    theirs.tell("sanction.overturned", case, changed={"overturnedAt": print_instant(NOON)})
    served = Served(theirs.writer.entries, signer=thief, origin=thief.name)
    world.do(following.begin, KEYS, "https://thief.example", [thief.verifier()], None, now=NOW)
    Follower(world.database, KEYS, thief.name, clock=lambda: NOW).poll(served)
    assert sanctions(world)[case].validity is Validity.STANDING
    served.names[ALPHA] = Named(thief.name, str(thief.verifier()), None)  # even so
    later = Follower(world.database, KEYS, thief.name, clock=lambda: NOW + speaking.CHECK_AGAIN)
    later.poll(served)
    assert sanctions(world)[case].validity is Validity.STANDING


def test_what_a_peer_disclosed_is_deleted_once_it_is_not_followed(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    team = world.team()
    own = world.issue(team.issuer)
    case = theirs.issue()
    follower.poll(theirs.served())
    world.do(following.end, ORIGIN)
    with world.database.reading() as session:
        assert [held.sanction_id for held in session.exec(select(Disclosure))] == [own]
        assert [key.sanction_id for key in session.exec(select(SubjectKey))] == [own]
    assert case in sanctions(world)
    world.do(following.begin, KEYS, URL, [LOG.verifier()], None, now=NOW)
    follower.poll(theirs.served())  # and asked for again
    with world.database.reading() as session:
        assert {held.sanction_id for held in session.exec(select(Disclosure))} == {own, case}


def test_an_appeal_of_another_platform_is_not_touched(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    team = world.team()
    appeal_id = world.in_review(team, world.issue(team.issuer))
    before = world.appeal(appeal_id)
    case = theirs.issue()
    changed = {"state": "DECIDED", "outcome": "OVERTURNED", "filedBy": "PLATFORM"}
    theirs.tell("appeal.decided", case, appeal=appeal_id, changed=changed)
    follower.poll(theirs.served())
    assert verdicts(world)[-1] == (Verdict.REFUSED, "its appeal is another platform's")
    with world.database.reading() as session:
        assert session.get_one(Appeal, appeal_id) == before


def test_a_platforms_id_cannot_be_taken(world: World, follower: Follower) -> None:
    team = world.team()
    theirs = Theirs()
    theirs.writer.add(decision("platform.added", "gamma.example", id=team.platform.id))
    theirs.issue("gamma.example")
    follower.poll(theirs.served())
    with world.database.reading() as session:
        assert session.get_one(Platform, team.platform.id).domain == team.platform.domain
        platform = session.get_one(PeerPlatform, (ORIGIN, "gamma.example"))
    assert (platform.is_proven, platform.problem) == (False, "its id is another platform's")


def test_what_was_applied_is_said_in_the_local_log(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    theirs.issue()
    follower.poll(theirs.served())
    with world.database.reading() as session:
        [newest] = [entry for entry in world_log(session) if entry["type"] == "peer.applied"]
        peer = session.get_one(Peer, ORIGIN)
    assert newest["origin"] == ORIGIN
    assert (newest["size"], newest["rootHash"]) == (peer.size, peer.root_hash)
    assert newest["position"] == 1


def world_log(session: Any) -> list[dict[str, Any]]:
    """The decisions in this node's own log."""
    import orjson

    from governance.entries import LogEntry

    return [orjson.loads(data)["decision"] for data in session.exec(select(LogEntry.data))]


def test_nobody_here_may_decide_for_a_platform_of_a_peer(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    theirs.issue()
    follower.poll(theirs.served())
    for role in (Role.ISSUER, Role.REVIEWER, Role.ADMIN):
        with pytest.raises(Conflict, match="decides on another node"):
            world.do(add_member, ALPHA, "late", [Role.READER, role], now=NOW)
    world.do(add_member, ALPHA, "asks", [Role.READER], now=NOW)
    with world.database.reading() as session:
        assert [one.handle for one in session.exec(select(Member))] == ["asks"]
