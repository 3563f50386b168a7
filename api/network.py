"""Three nodes on this machine that follow each other, with two platforms each: for demonstrations,
and for tests of what happens between nodes."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any

import httpx2

from api.console import now
from governance import following, migrations
from governance.database import Database
from governance.errors import BadSetting
from governance.membership import add_member, add_platform, create_token
from governance.settings import Settings
from governance.words import MemberKind, Role

HOST = "127.0.0.1"
PLATFORMS = {
    "a": ("harbor.example", "tidepool.example"),
    "b": ("lagoon.example", "reef.example"),
    "c": ("fjord.example", "delta.example"),
}
FIRST_PORT = 8001
KNOWN = "query($d: String!) { platform(domain: $d) { peer { origin } } }"
PATIENCE = 60.0  # seconds


class Late(Exception):
    """Something that was to happen didn't, in a minute."""


class Refusal(RuntimeError):
    """What a node refused."""


@dataclass(slots=True)
class Site:
    """One of the nodes: its folder, its port, and the tokens of its platforms' members."""

    name: str
    folder: Path
    port: int
    network: tuple[tuple[str, str, int], ...]
    database: str = ""  # its URL, instead of a file's in the folder
    tokens: dict[str, str] = field(default_factory=dict)  # by `domain role`
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def domains(self) -> tuple[str, ...]:
        return PLATFORMS[self.name]

    @property
    def settings(self) -> Settings:
        return Settings(
            database_url=self.database or f"sqlite:///{self.folder / 'comity.db'}",
            key_file=self.folder / "comity.key",
            log_origin=f"node-{self.name}.example/log",
            test_network=self.network,
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes a process this node."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("COMITY_")}
        places = " ".join(f"{domain}={host}:{port}" for domain, host, port in self.network)
        settings = self.settings
        return kept | {
            "COMITY_DATABASE_URL": settings.database_url,
            "COMITY_KEY_FILE": str(settings.key_file),
            "COMITY_LOG_ORIGIN": settings.log_origin,
            "COMITY_TEST_NETWORK": places,
            "COMITY_LOG_LEVEL": "error",
        }

    @contextmanager
    def opened(self) -> Iterator[Database]:
        settings = self.settings
        database = Database(settings.database_url, settings.sequencer())
        try:
            yield database
        finally:
            database.close()

    def set_up(self) -> None:
        """Makes the keys, the tables, the platforms and their members."""
        self.folder.mkdir(parents=True)
        settings = self.settings
        settings.keys(create=True)
        settings.sequencer(create=True)
        migrations.upgrade(settings.database_url)
        with self.opened() as database, database.writing() as session:
            for domain in self.domains:
                add_platform(session, domain, domain.partition(".")[0].title(), now=now())
                for role in (Role.ISSUER, Role.REVIEWER, Role.ADMIN):
                    self._member(session, domain, role)

    def _member(self, session: Any, domain: str, role: Role, kind: Any = MemberKind.PERSON) -> None:
        add_member(session, domain, role.value.lower(), [role], now=now(), kind=kind)
        handle, life = role.value.lower(), timedelta(days=1)
        token = create_token(session, domain, handle, now=now(), lifetime=life)
        self.tokens[f"{domain} {role.value}"] = token

    def follow(self, other: "Site", url: str, token: str | None = None) -> None:
        """Follows another of the nodes, which is reached at a URL."""
        verifier = other.settings.sequencer().signer.verifier()
        with self.opened() as database, database.writing() as session:
            following.begin(session, self.settings.keys(), url, [verifier], token, now=now())

    def admit(self, domain: str) -> str:
        """A token for another node, which reads as one of its platforms."""
        with self.opened() as database, database.writing() as session:
            self._member(session, domain, Role.READER, MemberKind.SERVICE)
        return self.tokens[f"{domain} READER"]

    def start(self, command: list[str] | None = None, told: IO[str] | None = None) -> None:
        """Serves until `stop`; what it has to tell goes to a file, if there is one."""
        serve = [sys.executable, "-m", "api", "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(
            command or serve, env=dict(self.environment), stdout=subprocess.DEVNULL, stderr=told
        )

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()

    def ask(self, client: httpx2.Client, query: str, by: str | None, **given: object) -> Any:
        """The one root field of a document, as a member: `domain ROLE`."""
        headers = {"Authorization": f"Bearer {self.tokens[by]}"} if by else {}
        body = {"query": query, "variables": given}
        told = client.post(f"{self.url}/graphql", json=body, headers=headers).json()
        if "errors" in told:
            raise RuntimeError(told["errors"][0]["message"])
        [value] = told["data"].values()
        if isinstance(value, dict) and value.get("__typename") == "Refusal":
            raise Refusal(value["message"])
        return value


def caller() -> httpx2.Client:
    """Connects anew for each request: a node closes connections that are idle."""
    return httpx2.Client(timeout=10, limits=httpx2.Limits(max_keepalive_connections=0))


def await_that(what: str, is_so: Callable[[], bool], patience: float = PATIENCE) -> float:
    """The seconds until something is so; Late after a minute."""
    begun = time.monotonic()
    while not is_so():
        if time.monotonic() - begun > patience:
            raise Late(what)
        time.sleep(0.02)
    return time.monotonic() - begun


@contextmanager
def network(folder: Path, ports: list[int]) -> Iterator[list[Site]]:
    """Three nodes that follow each other, each with a token of the others."""
    places = zip(PLATFORMS, ports, strict=True)
    where = tuple((domain, HOST, port) for name, port in places for domain in PLATFORMS[name])
    sites = [
        Site(name, folder / name, port, where) for name, port in zip(PLATFORMS, ports, strict=True)
    ]
    for site in sites:
        site.set_up()
    with ExitStack() as stack:
        for site in sites:
            stack.callback(site.stop)
            site.start()
        with caller() as client:
            for site in sites:
                await_that(f"node {site.name} to start", partial(answers, client, site))
            befriend(client, sites)
        yield sites


def befriend(
    client: httpx2.Client, sites: list[Site], urls: Mapping[tuple[str, str], str] | None = None
) -> None:
    """Has them follow each other: first what is public, then, as known platforms, the rest."""
    pairs = [(here, there) for here in sites for there in sites if here is not there]
    for here, there in pairs:
        here.follow(there, _url(urls, here, there))
    for here, there in pairs:
        domain = here.domains[0]
        what = f"node {there.name} to know node {here.name}"
        await_that(what, partial(_is_known, client, there, domain))
        here.follow(there, _url(urls, here, there), there.admit(domain))


def _url(urls: Mapping[tuple[str, str], str] | None, here: Site, there: Site) -> str:
    """Where one node reaches another."""
    return urls[here.name, there.name] if urls else there.url


def _is_known(client: httpx2.Client, site: Site, domain: str) -> bool:
    """Whether a followed node speaks for the platform here."""
    found = site.ask(client, KNOWN, None, d=domain)
    return found is not None and found["peer"] is not None


def answers(client: httpx2.Client, site: Site) -> bool:
    """Whether a node is up."""
    try:
        return client.get(f"{site.url}/health/live").status_code == 200
    except httpx2.TransportError:
        return False


def free_ports(count: int, first: int = FIRST_PORT) -> list[int]:
    """Ports that nobody listens on, from the first on."""
    found = []
    for port in range(first, 65_535):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise BadSetting("expected three free ports from 8001 on")
