"""`kill -9` at each step of an append: the log stays whole, and holds all that was answered."""

from pathlib import Path

import pytest

from governance.database import Database
from governance.log.guards import Guard
from governance.log.sequencing import Sequencer
from governance.membership import add_platform
from tests.builders import LOG_KEY, NOW, World
from tests.forking import die_at, is_killed
from tests.governance.test_logging import check_tree, entries

# Where the process ends: before or after one of these functions, in the second transaction.
STEPS = [
    f"{when} {what}"
    for what in (
        *("governance.log.sequencing:_extended", "governance.log.sequencing:_edge"),
        *("governance.log.sequencing:grow", "governance.log.sequencing:_write_tiles"),
        *("governance.log.sequencing:Ledger._signed", "sqlmodel:Session.commit"),
        *("governance.log.guards:Guard.advance", "os:pwrite", "os:fdatasync"),
    )
    for when in ("before", "after")
]


PARTS = "abcdefghijkl"  # as many as PostgreSQL takes in by COPY


def append_until_killed(url: str, head: Path, answered: Path, step: str) -> None:
    database = Database(url, Sequencer(lambda: LOG_KEY, Guard(head)))

    def add(domain: str) -> None:
        with database.writing() as session:
            for part in PARTS:
                add_platform(session, f"{part}.{domain}", None, now=NOW)
        with answered.open("a") as file:
            file.write(f"{domain}\n")

    add("first.example")
    when, where = step.split()
    die_at(when, where)
    add("second.example")


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_append_is_there_whole_or_not_at_all(
    world: World, tmp_path: Path, step: str
) -> None:
    head, answered = tmp_path / "log.head", tmp_path / "answered"
    assert is_killed(append_until_killed, world.database.url, head, answered, step)
    assert answered.read_text() == "first.example\n"
    check_tree(world)
    committed = len(entries(world))
    assert committed in (len(PARTS), 2 * len(PARTS))
    guard = Guard(head)
    signed = guard.newest()
    assert signed is not None
    assert len(PARTS) <= signed.size <= committed
    world.database.log = Sequencer(lambda: LOG_KEY, guard)
    world.do(add_platform, "third.example", None, now=NOW)
    assert len(entries(world)) == committed + 1
    check_tree(world)
    assert Sequencer(lambda: LOG_KEY, guard).guard.newest() != signed
