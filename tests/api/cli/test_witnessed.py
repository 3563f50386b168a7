"""Witnesses are asked what they know of the log before a node goes on with it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from socket import create_server

import pytest

from api import witnessed
from governance.log.checkpoints import parse_checkpoint
from governance.log.signers import Algorithm, Signer
from governance.log.tree import EMPTY_ROOT
from governance.log.witnesses import SIZE, parse_add_checkpoint
from governance.settings import read_settings
from tests.api.cli.conftest import Comity
from tests.api.http.test_publishing import Reply, listening

WITNESS = Signer("w.example", b"w" * 32).verifier(Algorithm.COSIGNATURE_V1)


@contextmanager
def witness(answer: Callable[[bytes], Reply]) -> Iterator[str]:
    """Yields the setting for a witness that answers so."""
    with listening(answer) as port:
        yield f"{WITNESS}@http://127.0.0.1:{port}/w"


def test_a_node_whose_witness_knows_more_of_its_log_goes_on_nowhere(node: Comity) -> None:
    assert node("platform", "add", "example.social").code == 0
    with witness(lambda _: (409, SIZE, b"1000\n")) as one:
        for arguments in (("serve",), ("log", "resume"), ("doctor",)):
            done = node(*arguments, witnesses=one)
            assert done.code == 1
            assert "w.example cosigned 1,000 entries of this log, and there are 1" in done.err
            assert "comity log recover" in done.err
    assert node("doctor").code == 0


def test_an_empty_database_is_not_the_beginning_of_a_log_that_was_cosigned(node: Comity) -> None:
    asked = []

    def answer(body: bytes) -> Reply:
        asked.append(parse_add_checkpoint(body))
        return 409, SIZE, b"7\n"

    with witness(answer) as one:
        assert "and there are 0" in node("log", "resume", witnesses=one).err
    tree = parse_checkpoint(asked[0].note.text)
    assert (asked[0].old, tree.size, tree.root) == (0, 0, EMPTY_ROOT)
    assert tree.origin == read_settings().sequencer().origin


@pytest.mark.parametrize(
    "reply",
    [
        (409, SIZE, b"1\n"),
        (409, SIZE, b"many\n"),
        (409, "text/plain", b"1000\n"),
        (404, "text/plain", b""),
        (200, "text/plain", b"nothing\n"),
    ],
)
def test_whoever_knows_no_more_keeps_nobody_from_going_on(node: Comity, reply: Reply) -> None:
    assert node("platform", "add", "example.social").code == 0
    with witness(lambda _: reply) as one:
        assert node("log", "resume", witnesses=one).code == 0


def test_a_witness_that_keeps_silent_is_passed_over(
    node: Comity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witnessed, "PATIENCE", timedelta(seconds=0.2))
    with create_server(("127.0.0.1", 0)) as silent:
        one = f"{WITNESS}@http://127.0.0.1:{silent.getsockname()[1]}/w"
        assert node("log", "resume", witnesses=one).code == 0
