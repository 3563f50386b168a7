"""Bad settings: every command refuses to start and names the variable."""

import os
from pathlib import Path

import pytest

from tests.api.cli.conftest import Comity

BAD = [
    ("database_url", ""),
    ("database_url", "nonsense"),
    ("database_url", "mysql://root:s3cret@localhost/comity"),
    ("database_url", "https://example.social/comity.db"),
    ("database_url", "sqlite://"),
    ("database_url", "sqlite:///:memory:"),
    ("database_url", "postgresql://comity:s3cret@localhost:port/comity"),
    ("key_file", " "),
    ("max_depth", "twelve"),
    ("max_depth", "0"),
    ("max_aliases", "-1"),
    ("max_tokens", "1e3"),
    ("max_body_bytes", "2 MB"),
    ("max_body_bytes", str(2**31)),
    ("connections", ""),
    ("connections", "٨"),
    ("database_url_file", "/nowhere/at/all"),
    ("database_url_file", ""),
]


@pytest.mark.parametrize(("name", "value"), BAD)
@pytest.mark.parametrize(
    "command",
    ["migrate", "serve", "doctor", "platform list", "token list", "import block-events list.csv"],
)
def test_a_bad_setting_is_named_and_nothing_starts(
    comity: Comity, tmp_path: Path, command: str, name: str, value: str
) -> None:
    (tmp_path / "list.csv").touch()
    before = sorted(tmp_path.iterdir())
    done = comity(*command.split(), **{name: value})
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"comity: COMITY_{name.upper()}: ")
    assert "s3cret" not in done.err
    assert sorted(tmp_path.iterdir()) == before


def test_without_settings_all_lies_in_the_present_directory(comity: Comity, tmp_path: Path) -> None:
    done = comity("migrate")
    assert (done.code, done.out) == (0, "")
    key_file = tmp_path / "comity.key"
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "comity.db").exists()
    key = key_file.read_text()
    assert len(bytes.fromhex(key.strip())) == 32
    assert comity("migrate").code == 0
    assert key_file.read_text() == key


@pytest.mark.parametrize("content", ["", "not hex", "00" * 31, "00" * 33, "zz" * 32])
def test_a_key_file_that_is_none_is_never_used_or_replaced(
    comity: Comity, tmp_path: Path, content: str
) -> None:
    key_file = tmp_path / "comity.key"
    key_file.write_text(content)
    for command in ("migrate", "serve"):
        done = comity(command)
        assert done.code == 1
        assert "COMITY_KEY_FILE" in done.err
        assert key_file.read_text() == content
        assert not content or content not in done.err


def test_an_unreachable_database_is_one_line(comity: Comity) -> None:
    comity("migrate")  # for the key
    for command in ("migrate", "platform list", "serve"):
        url = "postgresql://comity:s3cret@127.0.0.1:1/comity"
        done = comity(*command.split(), database_url=url)
        assert done.code == 1
        assert done.err.startswith("comity: ")
        assert "comity doctor" in done.err
        assert "s3cret" not in done.err


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602])
def test_a_key_file_that_others_read_is_not_served_with(
    comity: Comity, tmp_path: Path, mode: int
) -> None:
    comity("migrate")
    key_file = tmp_path / "comity.key"
    key_file.chmod(mode)
    done = comity("serve")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("comity: COMITY_KEY_FILE: ")
    assert "chmod 600" in done.err
    assert key_file.read_text().strip() not in done.err


def test_a_database_is_found_by_the_address_in_a_file(node: Comity, tmp_path: Path) -> None:
    node("platform", "add", "example.social")
    address = os.environ["COMITY_DATABASE_URL"]
    (tmp_path / "address").write_text(address + "\n")
    both = node("platform", "list", database_url_file=tmp_path / "address")
    assert both.code == 1
    assert "COMITY_DATABASE_URL and COMITY_DATABASE_URL_FILE" in both.err
    assert address not in both.err
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COMITY_DATABASE_URL")
        done = node("platform", "list", database_url_file=tmp_path / "address")
        assert done.out.endswith("example.social\texample.social\n")
        assert node("doctor", database_url_file=tmp_path / "address").code == 0
