"""Where exports go: a folder, or any address that fsspec knows. What is put there is whole, or
isn't there."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

PARTIAL = ".partial"
STAYS = "what is finished stays; run it again to go on from there"


class ExportFailed(Exception):
    """An export stopped; what it finished stays, and the next run goes on from there."""


class Occupied(ExportFailed):
    """Another process writes there."""


class Place(Protocol):
    """A folder by paths with slashes."""

    name: str

    def put(self, file: Path, path: str) -> None: ...
    def read(self, path: str) -> bytes | None: ...
    def list(self, folder: str) -> list[str]: ...
    @contextmanager
    def alone(self) -> Iterator[Path]: ...


class Folder:
    """A folder of this machine. Files are written beside it, brought to disk and renamed."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)

    def put(self, file: Path, path: str) -> None:
        target = self.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(file, "rb") as written:
            os.fsync(written.fileno())
        os.replace(file, target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def read(self, path: str) -> bytes | None:
        try:
            return (self.path / path).read_bytes()
        except FileNotFoundError:
            return None

    def list(self, folder: str) -> list[str]:
        found = self.path / folder
        return sorted(f"{folder}/{one.name}" for one in found.iterdir()) if found.is_dir() else []

    @contextmanager
    def alone(self) -> Iterator[Path]:
        """A folder to write in that nobody else uses; Occupied while somebody else exports."""
        scratch = self.path / PARTIAL
        scratch.mkdir(parents=True, exist_ok=True)
        with open(scratch / "lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Occupied(f"{self.name}: another process exports there") from None
            work = scratch / "work"
            shutil.rmtree(work, ignore_errors=True)  # of a run that was killed
            work.mkdir()
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _driven() -> Iterator[None]:
    """OSError for whatever else a driver raises, by its name: what it says may hold a password."""
    try:
        yield
    except OSError:
        raise
    except (ImportError, ValueError) as error:  # which driver is missing, which isn't known
        raise OSError(str(error)) from None
    except Exception as error:
        raise OSError(f"its driver stopped with {type(error).__name__}") from None


class Remote:
    """Any address of fsspec's. A file is put beside its place, then moved."""

    def __init__(self, url: str) -> None:
        self.name = _harmless(url)
        self._fs: Any
        import fsspec  # here and below alone: most nodes export to a folder

        self._fs, self._root = fsspec.url_to_fs(url)

    @_driven()
    def put(self, file: Path, path: str) -> None:
        target = f"{self._root.rstrip('/')}/{path}"
        self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
        self._fs.put_file(str(file), f"{target}.part")
        self._fs.mv(f"{target}.part", target)

    @_driven()
    def read(self, path: str) -> bytes | None:
        try:
            return bytes(self._fs.cat_file(f"{self._root.rstrip('/')}/{path}"))
        except FileNotFoundError:
            return None

    @_driven()
    def list(self, folder: str) -> list[str]:
        try:
            found = self._fs.ls(f"{self._root.rstrip('/')}/{folder}", detail=False)
        except FileNotFoundError:
            return []
        return sorted(f"{folder}/{str(one).rpartition('/')[2]}" for one in found)

    @contextmanager
    def alone(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="comity-export-") as work:
            yield Path(work)


def place_of(where: str) -> Folder | Remote:
    """A folder's path, or an address such as s3://bucket/folder."""
    if not where:
        raise ExportFailed("expected a folder, or an address such as s3://bucket/folder")
    scheme = urlsplit(where).scheme
    if len(scheme) < 2:
        return Folder(Path(where))
    name = _harmless(where)
    try:
        with _driven():
            if not _moves(scheme):
                raise ValueError(
                    f"{scheme}:// can't move files, so what is there might be half written: "
                    "expected a folder, or an address that can, such as s3://bucket/folder"
                )
            return Remote(where)
    except OSError as error:
        raise ExportFailed(f"{name}: {error}") from None


def _moves(scheme: str) -> bool:
    """Whether files can be moved there: its driver has means of its own. A cache has those of what
    it lies before."""
    import fsspec
    from fsspec.asyn import AsyncFileSystem
    from fsspec.implementations.cached import CachingFileSystem

    kind = fsspec.get_filesystem_class(scheme)
    bases = fsspec.AbstractFileSystem, AsyncFileSystem
    return issubclass(kind, CachingFileSystem) or any(
        getattr(kind, means, None) not in [getattr(base, means, None) for base in bases]
        for means in ("mv", "cp_file", "_cp_file")
    )


def _harmless(address: str) -> str:
    """An address without the password that may be before its host."""
    return address.partition("@")[2] or address
