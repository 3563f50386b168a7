"""`kill -9` at each step of a cosignature: the log may ask again, and no older tree is cosigned."""

from pathlib import Path

import pytest

from governance.database import Database
from governance.log.checkpoints import Checkpoint
from governance.log.signers import Algorithm, Signer, cosigned_at
from governance.log.tree import consistency_path, leaf_hash, of_leaves, proof, root_hash
from governance.log.witnesses import AddCheckpoint
from governance.witnessing import Cosigner, Outdated, add_checkpoint, witness
from tests.builders import NOW, WITNESS_KEY, World
from tests.forking import die_at, is_killed

ORIGIN = "other.example/log"
LOG = Signer(ORIGIN, bytes([3] * 32))
LEAVES = [leaf_hash(bytes([n])) for n in range(9)]
STEPS = [
    f"{when} {what}"
    for what in ("sqlmodel:Session.commit", "governance.log.guards:Guard.advance")
    for when in ("before", "after")
]


def asked(old: int, size: int) -> AddCheckpoint:
    """A request as the log sends it."""
    hashes = proof(consistency_path(old, size), of_leaves(LEAVES)) if old else []
    tree = Checkpoint(ORIGIN, size, root_hash(size, of_leaves(LEAVES)))
    return AddCheckpoint(old, tuple(hashes), tree.signed(LOG))


def cosigner(file: Path) -> Cosigner:
    return Cosigner(WITNESS_KEY, file)


def cosign_until_killed(url: str, file: Path, step: str) -> None:
    when, where = step.split()
    die_at(when, where)
    add_checkpoint(Database(url), cosigner(file), asked(4, 9), clock=lambda: NOW)


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_cosignature_is_asked_for_again(world: World, tmp_path: Path, step: str) -> None:
    own = cosigner(tmp_path / "witness.key")
    world.do(witness, ORIGIN, [str(LOG.verifier())])
    add_checkpoint(world.database, own, asked(0, 4), clock=lambda: NOW)
    assert is_killed(cosign_until_killed, world.database.url, own.file, step)
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
