"""What logs and witnesses say to each other, held against the specification's own examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.log.errors import LogError, Malformed, Unproven
from governance.log.notes import Note, encode
from governance.log.signers import Algorithm, Signer
from governance.log.witnesses import (
    AddCheckpoint,
    parse_add_checkpoint,
    parse_size,
    parse_witness,
)

# C2SP tlog-witness, "add-checkpoint"
EXAMPLE = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".encode()  # noqa: E501
ANSWER = """\
— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==
— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==
""".encode()  # noqa: E501
HASH = encode(bytes(32))
NOTE = Note("log.example\n0\nroot\n", (Signer("log.example", bytes(32)).sign("x\n"),))
SIGNER = Signer("witness.example/w1", bytes([7] * 32))
KEY = SIGNER.verifier(Algorithm.COSIGNATURE_V1)


def test_the_specifications_example_is_read_and_written_alike() -> None:
    found = parse_add_checkpoint(EXAMPLE)
    assert (found.old, len(found.hashes), len(found.note.signatures)) == (20_852_014, 4, 2)
    assert found.render() == EXAMPLE


def test_a_request_without_a_proof_is_read() -> None:
    asked = AddCheckpoint(0, (), NOTE)
    assert parse_add_checkpoint(asked.render()) == asked


@pytest.mark.parametrize(
    "head",
    [
        *("", "old", "old ", "old 01", "old -1", "old +1", "old 1 ", "old  1", "OLD 1", "old x"),
        *("old 9223372036854775808", f"old 1\n{HASH} ", "old 1\r", "new 1", " old 1"),
        *("old 1\nAAAA", f"old 1\n{HASH[:-1]}", f"old 1\n{HASH}\r", "old ²", f"{HASH}\nold 1"),
        "old 1" + 64 * f"\n{HASH}",
    ],
)
def test_a_malformed_request_is_refused(head: str) -> None:
    with pytest.raises(Malformed):
        parse_add_checkpoint(head.encode() + b"\n\n" + NOTE.render())


def test_as_many_hashes_as_the_specification_allows_are_read() -> None:
    body = ("old 1" + 63 * f"\n{HASH}" + "\n\n").encode() + NOTE.render()
    assert len(parse_add_checkpoint(body).hashes) == 63


@given(st.binary(max_size=300) | st.binary(max_size=99).map(lambda tail: EXAMPLE[:250] + tail))
def test_any_bytes_are_read_or_refused_as_ours(data: bytes) -> None:
    for parse in (parse_add_checkpoint, parse_size):
        try:
            parse(data)
        except LogError:
            continue


@pytest.mark.parametrize("text", ["", "5", "05\n", "5\n\n", " 5\n", "5 \n", "-5\n", "²\n", "\n"])
def test_a_size_is_one_way_to_write_a_number(text: str) -> None:
    assert parse_size(b"50\n") == 50
    with pytest.raises(Malformed):
        parse_size(text.encode())


def test_a_witness_own_cosignature_is_found_among_others() -> None:
    witness = parse_witness(f"{KEY}@https://witness.example/log/")
    assert (witness.name, witness.prefix) == (SIGNER.name, "https://witness.example/log")
    line = f"{SIGNER.cosign(NOTE.text, at=5).line}\n"
    assert witness.cosignature(NOTE, ANSWER + line.encode()) == line


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        ANSWER,
        b"nonsense",
        b"\xff\n",
        f"{SIGNER.cosign('other.example' + chr(10), at=5).line}\n".encode(),
        f"{SIGNER.sign(NOTE.text).line}\n".encode(),
        ANSWER * 51,
    ],
)
def test_an_answer_without_its_cosignature_is_refused(answer: bytes) -> None:
    with pytest.raises((Malformed, Unproven)):
        parse_witness(f"{KEY}@https://witness.example").cosignature(NOTE, answer)


def test_a_text_of_its_own_is_no_answer() -> None:
    """Else a witness could have another text taken for the checkpoint it was asked about."""
    text = NOTE.render().decode() + "more\n"
    answer = f"more\n\n{SIGNER.cosign(text, at=5).line}\n".encode()
    with pytest.raises(Malformed):
        parse_witness(f"{KEY}@https://witness.example").cosignature(NOTE, answer)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:80", "127.9.9.9"])
def test_http_is_for_this_machine_alone(host: str) -> None:
    assert parse_witness(f"{KEY}@http://{host}/log").prefix == f"http://{host}/log"
    with pytest.raises(Malformed):
        parse_witness(f"{KEY}@http://192.0.2.1/log")


@pytest.mark.parametrize(
    "text",
    [
        *("", str(KEY), f"{KEY}@", f"{KEY}@witness.example", f"{KEY}@ftp://witness.example"),
        *(f"{KEY}@https://", f"{KEY}@https://u:p@witness.example", f"{KEY}@https://h:0"),
        *(
            f"{KEY}@https://h:99999",
            f"{KEY}@https://h:x",
            f"{KEY}@https://h/?a",
            f"{KEY}@https://é",
        ),
        *(f"{KEY}@https://h/#a", f"{KEY}@http://witness.example", f"{KEY}@https://h/\r\nX: y"),
        *(f"{SIGNER.verifier()}@https://h", "w+00000000+AAAA@https://h", "@https://h"),
        *(f"{KEY}@file:///etc/passwd", f"{KEY}@https://[::1", f"{KEY}@https://h/a b"),
    ],
)
def test_what_is_no_witness_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_witness(text)
