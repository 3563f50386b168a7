"""Settings are read once; a bad one is named, and no secret is ever repeated."""

import stat
from pathlib import Path

import pytest

from governance.errors import BadSetting
from governance.settings import (
    Keys,
    Settings,
    is_open_to_others,
    read_settings,
    secret_fields,
    token_hash,
    unknown_settings,
)


def test_nothing_set_means_the_defaults() -> None:
    assert read_settings({}) == Settings()


def test_each_field_is_a_variable() -> None:
    given = read_settings(
        {
            "COMITY_DATABASE_URL": "postgresql://u:p@db.example/comity",
            "COMITY_KEY_FILE": "/etc/comity/key",
            "COMITY_MAX_DEPTH": "7",
            "HOME": "/root",
        }
    )
    assert given.database_url == "postgresql://u:p@db.example/comity"
    assert (given.key_file, given.max_depth) == (Path("/etc/comity/key"), 7)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("COMITY_MAX_DEPTH", "many"),
        ("COMITY_MAX_DEPTH", "0"),
        ("COMITY_MAX_DEPTH", "-1"),
        ("COMITY_MAX_DEPTH", "1.5"),
        ("COMITY_MAX_DEPTH", "²"),
        ("COMITY_MAX_DEPTH", ""),
        ("COMITY_CONNECTIONS", "99999999999999"),
        ("COMITY_KEY_FILE", " "),
        ("COMITY_DATABASE_URL", ""),
        ("COMITY_DATABASE_URL", "comity.db"),
        ("COMITY_DATABASE_URL", "sqlite://"),
        ("COMITY_DATABASE_URL", "sqlite:///:memory:"),
        ("COMITY_LOG_LEVEL", "loud"),
        ("COMITY_LOG_LEVEL", "INFO"),
        ("COMITY_LOG_FORMAT", "xml"),
        ("COMITY_TRACING", "on"),
        ("COMITY_METRICS_TOKEN", ""),
    ],
)
def test_a_bad_setting_is_named(variable: str, text: str) -> None:
    with pytest.raises(BadSetting, match=f"^{variable}: expected"):
        read_settings({variable: text})


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:hunter2@db.example/comity",
        "postgresql//user:hunter2@db.example/comity",
        "postgresql://user:hunter2@db.example:port/comity",
        "hunter2",
    ],
)
def test_a_bad_address_is_never_repeated(url: str) -> None:
    with pytest.raises(BadSetting, match=r"^COMITY_DATABASE_URL: expected") as bad:
        read_settings({"COMITY_DATABASE_URL": url})
    assert "hunter2" not in str(bad.value)
    assert bad.value.__suppress_context__ or bad.value.__context__ is None


@pytest.mark.parametrize("token", ["hunter2", "hunter2 " * 4, "hunter2é" * 4, "hunter2\x00" * 4])
def test_a_bad_metrics_token_is_never_repeated(token: str) -> None:
    with pytest.raises(BadSetting, match=r"^COMITY_METRICS_TOKEN: expected") as bad:
        read_settings({"COMITY_METRICS_TOKEN": token})
    assert "hunter2" not in str(bad.value)


def test_settings_print_no_secret() -> None:
    settings = Settings(metrics_token="hunter2" * 3, database_url="postgresql://u:hunter2@db/c")
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "text"),
    [("database_url", "postgresql://u:hunter2@db.example/comity"), ("metrics_token", "t" * 40)],
)
def test_a_secret_may_come_from_a_file(tmp_path: Path, name: str, text: str) -> None:
    file, variable = tmp_path / "secret", f"COMITY_{name.upper()}"
    file.write_text(f"{text}\n")
    given = read_settings({f"{variable}_FILE": str(file)})
    assert getattr(given, name) == text
    assert unknown_settings({f"{variable}_FILE": str(file)}) == []
    assert text not in repr(given)
    with pytest.raises(BadSetting, match=f"^{variable} and {variable}_FILE: ") as bad:
        read_settings({f"{variable}_FILE": str(file), variable: text})
    assert text not in str(bad.value)


def test_every_secret_is_known_as_one() -> None:
    assert secret_fields() == ["database_url", "metrics_token"]
    assert unknown_settings({"COMITY_MAX_DEPTH_FILE": "x"}) == ["COMITY_MAX_DEPTH_FILE"]


def test_a_file_without_a_secret_is_named_by_its_variable(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"hunter2\xff")
    for path in (tmp_path / "absent", tmp_path / "binary", tmp_path, "", "a\0b"):
        with pytest.raises(BadSetting, match=r"^COMITY_DATABASE_URL_FILE: expected") as bad:
            read_settings({"COMITY_DATABASE_URL_FILE": str(path)})
        assert "hunter2" not in str(bad.value)
    for content in ("", "hunter2"):
        (tmp_path / "secret").write_text(content)
        with pytest.raises(BadSetting, match=r"^COMITY_DATABASE_URL: expected") as bad:
            read_settings({"COMITY_DATABASE_URL_FILE": str(tmp_path / "secret")})
        assert "hunter2" not in str(bad.value)


@pytest.mark.parametrize(("owner", "user"), [(0, 0), (0, 1000), (1000, 1000)])
def test_a_group_may_read_roots_key_and_nobody_else_may_read_any(owner: int, user: int) -> None:
    modes = [0o400, 0o600, 0o440, 0o640, 0o660, 0o644, 0o604, 0o602]
    closed = [mode for mode in modes if not is_open_to_others(mode, owner=owner, user=user)]
    assert closed == modes[: 4 if (owner, user) == (0, 1000) else 2]


def test_misspelt_settings_are_told() -> None:
    environment = {"COMITY_MAXDEPTH": "7", "COMITY_MAX_DEPTH": "7", "PATH": "x"}
    assert unknown_settings(environment) == ["COMITY_MAXDEPTH"]


def test_the_key_file_is_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    settings = Settings(key_file=tmp_path / "new" / "comity.key")
    with pytest.raises(BadSetting, match="COMITY_KEY_FILE"):
        settings.keys()
    keys = settings.keys(create=True)
    assert len(keys.secret) == 32
    assert stat.S_IMODE(settings.key_file.stat().st_mode) == 0o600
    assert settings.keys(create=True) == settings.keys() == keys


@pytest.mark.parametrize("text", ["", "5ec2e7", "zz" * 32, "5ec2e7" * 32])
def test_a_bad_key_file_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    path = tmp_path / "comity.key"
    path.write_text(text)
    with pytest.raises(BadSetting, match="COMITY_KEY_FILE") as bad:
        Settings(key_file=path).keys(create=True)
    assert not text or text not in str(bad.value)
    assert path.read_text() == text


def test_keys_differ_by_purpose_and_tags_by_where_their_parts_end() -> None:
    keys, others = Keys(bytes(32)), Keys(bytes([1] * 32))
    assert len({keys.derived("a"), keys.derived("b"), others.derived("a")}) == 3
    tags = [keys.tag("a", "x", "y"), keys.tag("a", "xy"), keys.tag("a", "", "xy")]
    assert len({*tags, keys.tag("b", "x", "y"), others.tag("a", "x", "y")}) == 5
    assert keys.tag("a", "x") == Keys(bytes(32)).tag("a", "x")


def test_a_token_is_hashed() -> None:
    assert token_hash("cty_x") != "cty_x"
    assert len(token_hash("cty_x")) == 64
