"""`kill -9` at each step of a cosignature: the log may ask again, and no older tree is cosigned."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from governance.log.checkpoints import Checkpoint
from governance.log.signers import Algorithm, Signer, cosigned_at
from governance.log.tree import consistency_path, leaf_hash, of_leaves, proof, root_hash
from governance.log.witnesses import AddCheckpoint
from governance.witnessing import Cosigner, Outdated, add_checkpoint, witness
from tests.builders import NOW, WITNESS_KEY, World

ROOT = Path(__file__).parents[2]
PATIENCE = 60  # seconds
ORIGIN = "other.example/log"
LOG = Signer(ORIGIN, bytes([3] * 32))
LEAVES = [leaf_hash(bytes([n])) for n in range(9)]
STEPS = [
    f"{when} {what}"
    for what in ("sqlmodel:Session.commit", "governance.log.guards:Guard.advance")
    for when in ("before", "after")
]

CHILD = """
import os, signal, sys
from importlib import import_module
from tests.governance.test_killed_cosignatures import asked, cosigner
from tests.builders import NOW
from governance.database import Database
from governance.witnessing import add_checkpoint

url, file, when, where = sys.argv[1:]
module, _, path = where.partition(":")
owner_name, name = path.split(".")
owner = getattr(import_module(module), owner_name)
original = getattr(owner, name)

def killed(*given, **named):
    if when == "after":
        original(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, name, killed)
add_checkpoint(Database(url), cosigner(file), asked(4, 9), clock=lambda: NOW)
"""


def asked(old: int, size: int) -> AddCheckpoint:
    """A request as the log sends it."""
    hashes = proof(consistency_path(old, size), of_leaves(LEAVES)) if old else []
    tree = Checkpoint(ORIGIN, size, root_hash(size, of_leaves(LEAVES)))
    return AddCheckpoint(old, tuple(hashes), tree.signed(LOG))


def cosigner(file: Path | str) -> Cosigner:
    return Cosigner(WITNESS_KEY, Path(file))


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_cosignature_is_asked_for_again(world: World, tmp_path: Path, step: str) -> None:
    own = cosigner(tmp_path / "witness.key")
    world.do(witness, ORIGIN, [str(LOG.verifier())])
    add_checkpoint(world.database, own, asked(0, 4), clock=lambda: NOW)
    command = [sys.executable, "-c", CHILD, world.database.url, str(own.file), *step.split()]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    known = 4
    try:
        made = add_checkpoint(world.database, own, asked(4, 9), clock=lambda: NOW)
    except Outdated as newer:
        known = newer.size
        made = add_checkpoint(world.database, own, asked(9, 9), clock=lambda: NOW)
    assert known == (4 if step == "before sqlmodel:Session.commit" else 9)
    assert own.signer.verifier(Algorithm.COSIGNATURE_V1).name == made.name
    assert cosigned_at(made) == int(NOW.timestamp())
    with pytest.raises(Outdated):
        add_checkpoint(world.database, own, asked(4, 7), clock=lambda: NOW)
