"""Checkpoints: one way to write them, and the roots that other implementations signed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.log.checkpoints import (
    Checkpoint,
    open_checkpoint,
    parse_checkpoint,
    parse_decimal,
)
from governance.log.errors import LogError, Malformed, Unproven
from governance.log.signers import Signer, parse_verifier
from governance.log.tiles import Tile, in_tiles
from governance.log.tree import EMPTY_ROOT, LARGEST_SIZE, root_hash
from tests.governance.log.vectors import MIRROR, MIRROR_KEY, TESSERA, TESSERA_KEY

ORIGIN = "log.example/comity"
LOG = Signer(ORIGIN, bytes(32))
ROOT = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

LINES = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32), min_size=1)
CHECKPOINTS = st.builds(
    Checkpoint,
    origin=LINES,
    size=st.integers(0, LARGEST_SIZE),
    root=st.binary(min_size=32, max_size=32),
    extensions=st.lists(LINES, max_size=3).map(tuple),
)


@pytest.mark.parametrize("size", range(16))
def test_the_tiles_of_another_implementation_have_the_roots_that_it_signed(size: int) -> None:
    data = (TESSERA / f"checkpoint.{size}").read_bytes()
    key = parse_verifier(TESSERA_KEY)
    checkpoint = open_checkpoint(data, "example.com/log/testdata", verifiers=[key])
    tiles = in_tiles(size, lambda tile: (TESSERA / tile.path).read_bytes())
    assert (checkpoint.size, checkpoint.root) == (size, root_hash(size, tiles))
    assert checkpoint.extensions == ()


def test_the_tiles_of_a_mirror_have_the_root_that_it_cosigned() -> None:
    def read(tile: Tile) -> bytes:
        return (MIRROR / tile.path).read_bytes()

    data = (MIRROR / "checkpoint").read_bytes()
    key = parse_verifier(MIRROR_KEY)
    checkpoint = open_checkpoint(data, "rome2026h1.example.org", verifiers=[key])
    assert checkpoint.root == root_hash(300, in_tiles(300, read))


@pytest.mark.property
@given(CHECKPOINTS)
def test_checkpoints_are_read_back(checkpoint: Checkpoint) -> None:
    assert parse_checkpoint(checkpoint.text) == checkpoint


@given(st.text() | st.lists(st.sampled_from(["log", "0", "12", "01", ROOT, ""])).map("\n".join))
def test_a_text_is_refused_or_written_back(text: str) -> None:
    try:
        checkpoint = parse_checkpoint(text)
    except LogError:
        return
    assert checkpoint.text == text


@given(CHECKPOINTS)
def test_a_signed_checkpoint_is_opened_with_its_logs_key_and_name(checkpoint: Checkpoint) -> None:
    data = checkpoint.signed(LOG).render()
    origin, trusted = checkpoint.origin, [LOG.verifier()]
    assert open_checkpoint(data, origin, verifiers=trusted) == checkpoint
    with pytest.raises(Unproven):
        open_checkpoint(data, origin + "x", verifiers=trusted)
    with pytest.raises(Unproven):
        open_checkpoint(data, origin, verifiers=[Signer(ORIGIN, b"x" * 32).verifier()])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        f"log\n0\n{ROOT}",
        f"log\n0\n{ROOT}\n\n",
        f"log\n0\n{ROOT}\n\nmore\n",
        f"\n0\n{ROOT}\n",
        f"log\n00\n{ROOT}\n",
        f"log\n-0\n{ROOT}\n",
        f"log\n٠\n{ROOT}\n",
        f"log\n{LARGEST_SIZE + 1}\n{ROOT}\n",
        f"log\n{'9' * 5000}\n{ROOT}\n",
        f"log\n0\n{ROOT[:-4]}\n",
        f"log\n0\n{ROOT[:-2]}V=\n",
        f"log\n0\n {ROOT}\n",
        f"lo\rg\n0\n{ROOT}\n",
        f"\ud800\n0\n{ROOT}\n",
    ],
    ids=range(16),
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_checkpoint(text)


def test_a_checkpoint_that_can_not_be_written_is_refused() -> None:
    for size, root in ((-1, EMPTY_ROOT), (LARGEST_SIZE + 1, EMPTY_ROOT), (0, b"short")):
        with pytest.raises(Malformed):
            Checkpoint(ORIGIN, size, root)
    for line in ("", "two\nlines"):
        with pytest.raises(Malformed):
            Checkpoint(ORIGIN, 0, EMPTY_ROOT, (line,))


@given(st.integers(0, LARGEST_SIZE))
def test_decimals_are_read_back(number: int) -> None:
    assert parse_decimal(str(number)) == number


def test_a_decimal_is_below_2_to_the_63() -> None:
    with pytest.raises(Malformed):
        parse_decimal(str(2**63))
