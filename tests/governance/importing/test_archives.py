"""Archives within archives, good and malicious."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from governance.errors import InvalidInput
from governance.importing import archives
from governance.importing.archives import opened


def zipped(*members: tuple[str, bytes]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def read(path: Path, content: bytes) -> dict[str, bytes]:
    path.write_bytes(content)
    with opened(path) as source:
        return {part.name: part.stream.read() for part in source.parts()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a test may put its file."""
    return tmp_path / "dump"


def test_a_file_alone_has_one_part(file: Path) -> None:
    assert read(file, b"a,b\n") == {"": b"a,b\n"}


def test_archives_of_archives_give_every_table_in_order(file: Path) -> None:
    inner = zipped(("p-0.csv", b"1"), ("p-1.CSV", b"2"), ("note.txt", b"no"))
    found = read(file, zipped(("one.zip", inner), ("two.zip", inner), ("x.sha1", b"no")))
    assert list(found) == [
        "one.zip/p-0.csv",
        "one.zip/p-1.CSV",
        "two.zip/p-0.csv",
        "two.zip/p-1.CSV",
    ]


@pytest.mark.parametrize("members", [(), (("note.txt", b"no"),)])
def test_an_archive_without_a_table_is_refused(
    file: Path, members: tuple[tuple[str, bytes], ...]
) -> None:
    with pytest.raises(InvalidInput, match="at least one CSV"):
        read(file, zipped(*members))


def test_progress_ends_at_the_size(file: Path) -> None:
    file.write_bytes(zipped(("a.csv", b"x" * 1_000)))
    with opened(file) as source:
        for part in source.parts():
            while part.stream.readline():
                assert 0 < source.position <= source.size


def test_too_deep_is_refused(file: Path) -> None:
    content = b"a"
    for depth in range(archives.DEEPEST + 1):
        content = zipped(("a.zip" if depth else "a.csv", content))
    with pytest.raises(InvalidInput, match="deep"):
        read(file, content)


def test_a_bomb_is_not_read_on(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED", 1 << 16)
    bomb = zipped(("a.csv", b"\0" * (1 << 20)))
    for content in (bomb, zipped(("a.zip", bomb))):
        with pytest.raises(InvalidInput, match="expands"):
            read(file, content)


def test_an_inner_archive_that_is_too_large_is_not_put_on_disk(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "LARGEST_INNER", 10)
    with pytest.raises(InvalidInput, match="inner"):
        read(file, zipped(("a.zip", zipped(("a.csv", b"1")))))


def test_too_many_members_are_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 1)
    with pytest.raises(InvalidInput, match="at most 1 "):
        read(file, zipped(("a.csv", b"1"), ("b.csv", b"1")))


@pytest.mark.parametrize("cut", [30, 60, -1])
def test_a_broken_archive_is_our_error(file: Path, cut: int) -> None:
    with pytest.raises(InvalidInput, match="whole"):
        read(file, zipped(("a.csv", b"some,text\n" * 20))[:cut])


def test_changed_bytes_are_our_error(file: Path) -> None:
    content = zipped(("a.csv", bytes(range(256)) * 20))
    with pytest.raises(InvalidInput, match="whole"):
        read(file, content[:45] + b"\xff\xff\xff" + content[48:])


def test_a_file_that_is_absent_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="read"), opened(tmp_path / "none"):
        pass
