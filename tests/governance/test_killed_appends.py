"""`kill -9` at each step of an append: the log stays whole, and holds all that was answered."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from governance.log.guards import Guard
from governance.log.sequencing import Sequencer
from governance.membership import add_platform
from tests.builders import LOG_KEY, NOW, World
from tests.governance.test_logging import check_tree, entries

ROOT = Path(__file__).parents[2]
PATIENCE = 60  # seconds

# Where the process ends: before or after one of these functions, in the second transaction.
STEPS = [
    f"{when} {what}"
    for what in (
        *("governance.log.sequencing:Ledger._insert_entries", "governance.log.sequencing:_grown"),
        "governance.log.sequencing:_write_tiles",
        *("governance.log.sequencing:Ledger._signed", "sqlmodel:Session.commit"),
        *("governance.log.guards:Guard.advance", "os:pwrite", "os:fdatasync"),
    )
    for when in ("before", "after")
]

CHILD = """
import os, signal, sys
from importlib import import_module
from pathlib import Path
from governance.log.guards import Guard
from governance.log.sequencing import Sequencer
from governance.membership import add_platform
from tests.builders import LOG_KEY, NOW
from governance.database import Database

url, head, when, where = sys.argv[1:]
database = Database(url, Sequencer(lambda: LOG_KEY, Guard(Path(head))))

def add(domain):
    with database.writing() as session:
        for part in "abc":
            add_platform(session, f"{part}.{domain}", None, now=NOW)
    print(domain, flush=True)

add("first.example")
module, _, path = where.partition(":")
*owners, name = path.split(".")
owner = import_module(module)
for part in owners:
    owner = getattr(owner, part)
original = getattr(owner, name)

def killed(*given, **named):
    if when == "after":
        original(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, name, killed)
add("second.example")
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_append_is_there_whole_or_not_at_all(
    world: World, tmp_path: Path, step: str
) -> None:
    head = tmp_path / "log.head"
    command = [sys.executable, "-c", CHILD, world.database.url, str(head), *step.split()]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stdout == "first.example\n"  # answered
    check_tree(world)
    committed = len(entries(world))
    assert committed in (3, 6)
    guard = Guard(head)
    signed = guard.newest()
    assert signed is not None
    assert 3 <= signed.size <= committed
    world.database.log = Sequencer(lambda: LOG_KEY, guard)
    world.do(add_platform, "third.example", None, now=NOW)
    assert len(entries(world)) == committed + 1
    check_tree(world)
    assert Sequencer(lambda: LOG_KEY, guard).guard.newest() != signed
