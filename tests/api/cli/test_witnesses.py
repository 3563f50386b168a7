"""`comity witness`, and what an operator is told about witnesses."""

from datetime import timedelta
from pathlib import Path

import pytest

from api import doctoring
from governance.log.signers import Algorithm, Signer, parse_verifier
from tests.api.cli.conftest import Comity

ORIGIN = "other.example/log"
LOG = str(Signer(ORIGIN, bytes([3] * 32)).verifier())
NEXT = str(Signer(ORIGIN, bytes([4] * 32)).verifier())
COSIGNER = Signer("w.example", bytes([5] * 32)).verifier(Algorithm.COSIGNATURE_V1)
WITNESS = f"{COSIGNER}@https://w.example"


def test_logs_are_added_listed_and_removed(node: Comity) -> None:
    added = node("witness", "add", ORIGIN, LOG)
    assert added.code == 0
    assert parse_verifier(added.out.strip()).algorithm is Algorithm.COSIGNATURE_V1
    assert node("witness", "key").out == added.out
    assert node("witness", "list").out == f"{ORIGIN}\t0\t{LOG}\n"
    assert node("witness", "add", ORIGIN, LOG, NEXT).code == 0
    assert node("witness", "list").out == f"{ORIGIN}\t0\t{LOG} {NEXT}\n"
    assert node("witness", "remove", ORIGIN).code == 0
    assert node("witness", "list").out == ""
    assert "no such log" in node("witness", "remove", ORIGIN).err


@pytest.mark.parametrize(
    "given", [("", LOG), ("a\nb", LOG), ("x" * 256, LOG), (ORIGIN, "nonsense")]
)
def test_what_is_no_log_is_refused(node: Comity, given: tuple[str, str]) -> None:
    done = node("witness", "add", *given)
    assert done.code == 1
    assert "expected a log's" in done.err


def test_the_logs_own_key_does_not_cosign(node: Comity, tmp_path: Path) -> None:
    key = tmp_path / "keys" / "comity.log.key"
    assert "COMITY_WITNESS_KEY_FILE" in node("witness", "key", witness_key_file=key).err
    assert "COMITY_WITNESS_NAME" in node("witness", "key", witness_name="other.example").err


@pytest.mark.parametrize(
    ("witnesses", "quorum", "named"),
    [
        ("nonsense", "1", "COMITY_WITNESSES"),
        (f"{WITNESS} {WITNESS}", "1", "COMITY_WITNESSES"),
        (WITNESS.replace("https", "http"), "1", "COMITY_WITNESSES"),
        (",", "1", "COMITY_WITNESSES"),
        (WITNESS, "2", "COMITY_WITNESS_QUORUM"),
        (WITNESS, "0", "COMITY_WITNESS_QUORUM"),
    ],
)
def test_bad_witnesses_refuse_to_start(
    node: Comity, witnesses: str, quorum: str, named: str
) -> None:
    done = node("serve", witnesses=witnesses, witness_quorum=quorum)
    assert (done.code, f"{named}: expected" in done.err) == (1, True)


def test_publication_that_lags_is_found(node: Comity, monkeypatch: pytest.MonkeyPatch) -> None:
    assert node("platform", "add", "example.social", witnesses=WITNESS).code == 0
    assert "publication: 0 entries" in node("doctor", witnesses=WITNESS).err
    assert node("doctor", witnesses=WITNESS).code == 0
    monkeypatch.setattr(doctoring, "LONGEST_LAG", timedelta(0))
    done = node("doctor", witnesses=WITNESS)
    assert (done.code, "which witness is missing" in done.err) == (1, True)
