"""Blocks as Lemmy federates them, with their ends: out, and in again."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from governance.exporting.lemmy_blocks import lemmy_blocks, person_of
from governance.importing.lemmy_blocks import PREFIX, import_lemmy_blocks
from governance.importing.runs import Summary
from governance.migrations import upgrade
from governance.words import EndReason, Measure, PolicyConflict
from tests.builders import DAY, KEYS, NOW, Team, World
from tests.governance.importing.real import disclosures, sanctions

SITE = "https://enterprise.example/"
MODERATOR = "https://enterprise.example/u/picard"
PERSON = "https://ds9.example/u/quark"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
# With the fields of the examples in Lemmy's own tests.
BLOCK: dict[str, Any] = {
    "actor": MODERATOR,
    "to": [PUBLIC],
    "object": PERSON,
    "cc": [SITE],
    "target": SITE,
    "type": "Block",
    "removeData": True,
    "summary": "spam post",
    "endTime": "2026-03-08T12:00:00.151874Z",
    "published": "2026-03-01T11:00:00+00:00",
    "id": "https://enterprise.example/activities/block/5d42fffb",
}
UNDO: dict[str, Any] = {
    "actor": MODERATOR,
    "to": [PUBLIC],
    "object": BLOCK,
    "cc": [SITE],
    "type": "Undo",
    "published": "2026-03-01T11:30:00Z",
    "id": "https://enterprise.example/activities/undo/06a20ffb",
}


def imported(
    world: World, folder: Path, *activities: Any, as_array: bool = False, days: int = 0
) -> Summary:
    lines = [one if isinstance(one, bytes) else orjson.dumps(one) for one in activities]
    data = b"[" + b",".join(lines) + b"]" if as_array else b"\n".join(lines)
    (folder / "blocks.json").write_bytes(data)
    file, now = folder / "blocks.json", NOW + days * DAY
    return import_lemmy_blocks(world.database, KEYS, file, platform="enterprise.example", now=now)


def exported(world: World, team: Team, days: int = 0) -> list[Any]:
    with world.database.reading() as session:
        domain, now = team.platform.domain, NOW + days * DAY
        found = lemmy_blocks(session, domain, site=SITE, actor=MODERATOR, now=now)
        return [dict(one) for one in found]


@pytest.mark.parametrize("as_array", [False, True])
def test_a_block_with_an_end_is_a_time_out(world: World, tmp_path: Path, as_array: bool) -> None:
    assert imported(world, tmp_path, BLOCK, as_array=as_array).issued == 1
    [(reference, sanction)] = sanctions(world).items()
    assert reference == PREFIX + BLOCK["id"]
    assert sanction.measure is Measure.ACCOUNT_SUSPENDED
    assert sanction.is_binding
    assert f"{sanction.expires_at:%Y-%m-%dT%H:%M:%S.%f}Z" == BLOCK["endTime"]
    [held] = disclosures(world).values()
    assert (held.subject, held.reason, held.explanation) == (PERSON, "spam post", None)
    assert imported(world, tmp_path, BLOCK).unchanged == 1


def test_the_older_name_of_the_end_and_a_community_are_known(world: World, tmp_path: Path) -> None:
    older = {k: v for k, v in BLOCK.items() if k != "endTime"} | {"expires": BLOCK["endTime"]}
    community = {**older, "target": f"{SITE}c/main", "id": "https://enterprise.example/b/2"}
    announced = {"type": "Announce", "actor": f"{SITE}c/main", "object": community}
    assert imported(world, tmp_path, older, announced).issued == 2
    measures = {sanction.measure for sanction in sanctions(world).values()}
    assert measures == {Measure.ACCOUNT_SUSPENDED, Measure.SERVICE_RESTRICTED}


def test_one_without_a_date_is_known_again_later(world: World, tmp_path: Path) -> None:
    undated = {k: v for k, v in BLOCK.items() if k != "published"}
    assert imported(world, tmp_path, undated).issued == 1
    again = imported(world, tmp_path, undated, days=1)
    assert (again.unchanged, again.refused) == (1, [])


def test_one_without_an_end_never_binds(world: World, tmp_path: Path) -> None:
    endless = {k: v for k, v in BLOCK.items() if k != "endTime"}
    assert imported(world, tmp_path, endless).recorded == 1
    [record] = sanctions(world).values()
    assert not record.is_binding
    assert PolicyConflict.OUTSIDE_DECISION in record.policy_conflicts


def test_one_beyond_the_policy_never_binds_either(world: World, tmp_path: Path) -> None:
    summary = imported(world, tmp_path, {**BLOCK, "endTime": "2036-03-01T00:00:00Z"})
    assert (summary.issued, summary.recorded) == (0, 1)
    assert PolicyConflict.TOO_LONG in next(iter(sanctions(world).values())).policy_conflicts


def test_an_undone_block_is_lifted(world: World, tmp_path: Path) -> None:
    assert imported(world, tmp_path, BLOCK, UNDO).lifted == 1
    [sanction] = sanctions(world).values()
    assert sanction.end_reason is EndReason.LIFTED
    again = imported(world, tmp_path, BLOCK, UNDO)
    assert (again.lifted, again.unchanged, again.refused) == (0, 2, [])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (b"{", "line"),
        (b"7", "type"),
        ({**BLOCK, "type": "Follow"}, "type"),
        ({**UNDO, "object": BLOCK["id"]}, "object"),
        (UNDO, "object"),  # nobody imported what it undoes
        ({**BLOCK, "actor": "https://elsewhere.example/u/q"}, "actor"),
        ({**BLOCK, "object": "ftp://ds9.example/u/quark"}, "object"),
        ({**BLOCK, "object": None}, "object"),
        ({**BLOCK, "endTime": "2026-03-08"}, "endTime"),
        ({**BLOCK, "endTime": 12}, "endTime"),
        ({**BLOCK, "id": "x" * 401}, "id"),
    ],
)
def test_what_is_wrong_is_named_and_takes_nothing_along(
    world: World, tmp_path: Path, wrong: Any, field: str
) -> None:
    good = {**BLOCK, "id": "https://enterprise.example/b/1", "object": f"{PERSON}2"}
    summary = imported(world, tmp_path, wrong, good)
    assert [(row.line, row.field) for row in summary.refused] == [(1, field)]
    assert list(sanctions(world)) == [PREFIX + good["id"]]


def test_what_is_in_force_goes_out_with_its_end_and_nothing_private(
    world: World, team: Team
) -> None:
    world.issue(team.issuer, subject="acct:quark@ds9.example", reason="He cheated")
    world.issue(team.issuer, subject="did:plc:abcdefghijklmnopqrstuvwx")  # no actor of Lemmy's
    [block] = exported(world, team)
    assert block["object"] == PERSON
    assert block["endTime"] == "2026-03-08T12:00:00.000000Z"
    assert block["id"] == exported(world, team)[0]["id"]  # the same each time
    assert b"cheated" not in orjson.dumps(block)
    assert BLOCK.keys() <= block.keys()
    assert exported(world, team, 7) == []  # served: Lemmy ends it by itself


def test_what_was_corrected_before_its_end_is_undone(world: World, team: Team) -> None:
    sanction = world.issue(team.issuer, subject=PERSON, subject_kind="ACCOUNT")
    [block] = exported(world, team)
    world.overturn(team.issuer, sanction)
    [undo] = exported(world, team)
    assert undo["type"] == "Undo"
    block.pop("@context")
    assert undo["object"] == block
    assert exported(world, team, 7) == []


def test_out_then_in_is_the_same(world: World, tmp_path: Path) -> None:
    team = world.team("enterprise.example")
    for name in ("quark", "odo"):
        subject = f"https://ds9.example/u/{name}"
        world.issue(team.issuer, subject=subject, subject_kind="ACCOUNT")
    out = exported(world, team)
    upgrade(f"sqlite:///{tmp_path / 'other.db'}")
    with World(f"sqlite:///{tmp_path / 'other.db'}") as other:
        same = other.team("enterprise.example")
        assert imported(other, tmp_path, *out).issued == 2
        again = exported(other, same)
    wanted = ("object", "endTime", "target", "actor", "published")
    told = [sorted([one[k] for k in wanted] for one in found) for found in (out, again)]
    assert told[0] == told[1]


def test_which_people_lemmy_can_name() -> None:
    assert person_of("acct:quark@ds9.example") == PERSON
    assert person_of(PERSON) == PERSON
    assert person_of("did:plc:abcdefghijklmnopqrstuvwx") is None
