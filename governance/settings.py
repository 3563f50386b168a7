"""Settings: the environment read once, at start, into one frozen object."""

import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from governance.errors import BadSetting
from governance.log.errors import LogError
from governance.log.guards import Guard
from governance.log.keyfiles import KeyFile, new_signer, write_secret
from governance.log.macs import kept, mac
from governance.log.notes import check_name
from governance.log.sequencing import Sequencer
from governance.log.witnesses import Witness, parse_witness
from governance.tokens import TokenKeys, write_token_keys
from governance.witnessing import Cosigner


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of the node, derived from one secret that lies outside the database."""

    secret: bytes

    def derived(self, purpose: str) -> bytes:
        """32 bytes for one purpose (HMAC-SHA256 as a key derivation, RFC 5869 section 2.3)."""
        return _derived(self.secret, purpose)

    def tag(self, purpose: str, *parts: str) -> str:
        """A keyed hash of the parts as 64 hex digits; parts are length-prefixed."""
        texts = [part.encode() for part in parts]
        message = b"".join([len(text).to_bytes(4, "big") + text for text in texts])
        return kept(_derived(self.secret, purpose)).digest(message).hex()


@lru_cache(64)
def _derived(secret: bytes, purpose: str) -> bytes:
    return mac(secret, b"comity/v1/key\0" + purpose.encode())


# Settings that are one of a few words, the default first.
CHOICES = {
    "log_level": ("info", "debug", "warning", "error"),
    "log_format": ("json", "text"),
    "tracing": ("off", "otlp"),
    "trusted_alone": ("off", "on"),
}
SHORTEST_METRICS_TOKEN = 16  # characters
LONGEST_SECRET = 10_000  # characters
MOST_WITNESSES = 15  # with the log's own, as many signatures as every reader takes (signed-note)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a node is told at start; each field is the variable COMITY_<FIELD>. Those without a
    repr are secrets: COMITY_<FIELD>_FILE may name a file that holds one."""

    database_url: str = field(default="sqlite:///comity.db", repr=False)
    key_file: Path = Path("comity.key")
    log_key_file: Path | None = None
    log_head_file: Path | None = None
    log_origin: str = ""
    witness_key_file: Path | None = None
    witness_name: str = ""
    witnesses: tuple[Witness, ...] = ()
    witness_quorum: int = 0  # all of them
    token_key_file: Path | None = None
    public_url: str = ""
    test_network: tuple[tuple[str, str, int], ...] = ()  # domains, and where they really are
    max_depth: int = 12
    max_aliases: int = 60
    max_fields: int = 1_000
    max_fresh_fields: int = 250
    max_tokens: int = 4_000
    max_directives: int = 50
    max_cost: int = 100_000
    max_body_bytes: int = 2_000_000
    statement_seconds: int = 10
    requests_of_member: int = 600_000
    requests_of_public: int = 60_000
    lookups_of_platform: int = 10_000_000
    wrong_secrets_of_caller: int = 20
    streams_of_member: int = 4_000
    streams_of_public: int = 200
    connections: int = 8
    trusted_documents: Path | None = None  # a folder or a file
    trusted_alone: str = CHOICES["trusted_alone"][0]
    export_folder: Path | None = None
    selection_folder: Path | None = None
    log_level: str = CHOICES["log_level"][0]
    log_format: str = CHOICES["log_format"][0]
    metrics_token: str = field(default="", repr=False)  # empty: this machine alone may ask
    tracing: str = CHOICES["tracing"][0]

    def keys(self, *, create: bool = False) -> Keys:
        """The node's keys; `create` makes the key file (mode 0600) where there is none."""
        path = self.key_file
        if create and not path.exists():
            write_secret(path, secrets.token_hex(32))
        try:
            secret = bytes.fromhex(path.read_text().strip())
        except (OSError, ValueError):
            secret = b""
        if len(secret) != 32:
            raise BadSetting(
                f"COMITY_KEY_FILE: {path} is not a file of 64 hex digits; "
                "put your copy back (backups hold none); `comity migrate` makes one for a new node"
            )
        return Keys(secret)

    @property
    def log_key_path(self) -> Path:
        """Where the log's key is: beside the node's, unless told otherwise."""
        return self.log_key_file or self.key_file.with_suffix(".log.key")

    def sequencer(self, *, create: bool = False) -> Sequencer:
        """Who signs the log; `create` makes the key where there is none, under `log_origin`."""
        file = self.log_key_path
        if create and not file.exists():
            write_secret(file, str(new_signer(self.log_origin)))
        guard = Guard(self.log_head_file or file.with_suffix(".head"))
        found = Sequencer(KeyFile(file), guard, is_witnessed=bool(self.witnesses))
        if self.log_origin not in ("", found.origin):
            raise BadSetting(
                f"COMITY_LOG_ORIGIN: the key in {file} signs {found.origin!r}, "
                f"not {self.log_origin!r}; a log keeps its origin"
            )
        return found

    @property
    def key_paths(self) -> dict[str, Path]:
        """Where the key files are, by the settings that name them; a node may lack the last two."""
        return {
            "COMITY_KEY_FILE": self.key_file,
            "COMITY_LOG_KEY_FILE": self.log_key_path,
            "COMITY_WITNESS_KEY_FILE": self.witness_key_path,
            "COMITY_TOKEN_KEY_FILE": self.token_key_path,
        }

    def make_keys(self) -> list[Path]:
        """Makes the key files that there are none of, and returns those."""
        made = [file for file in self.key_paths.values() if not file.exists()]
        self.keys(create=True)
        self.sequencer(create=True)
        self.cosigner(create=True)
        self.token_keys(create=True)
        return made

    @property
    def witness_key_path(self) -> Path:
        """Where the key is that this node cosigns with."""
        return self.witness_key_file or self.key_file.with_suffix(".witness.key")

    def cosigner(self, *, create: bool = False) -> Cosigner | None:
        """Who cosigns other logs; `create` makes the key where there is none."""
        file = self.witness_key_path
        if create and not file.exists():
            write_secret(file, str(new_signer(self.witness_name, "witness")))
        if not file.exists():
            return None
        signer = KeyFile(file, "COMITY_WITNESS_KEY_FILE")()
        if self.witness_name not in ("", signer.name):
            raise BadSetting(
                f"COMITY_WITNESS_NAME: the key in {file} cosigns as {signer.name!r}, "
                f"not as {self.witness_name!r}; a witness keeps its name"
            )
        if signer.secret == KeyFile(self.log_key_path)().secret:
            raise BadSetting(
                f"COMITY_WITNESS_KEY_FILE: the key in {file} signs the log; "
                "expected one that cosigns and does nothing else"
            )
        return Cosigner(signer, file)

    @property
    def selection_path(self) -> Path:
        """Where researchers' selections are made and kept."""
        return self.selection_folder or self.key_file.with_suffix(".selections")

    @property
    def token_key_path(self) -> Path:
        """Where the keys are that sign security event tokens."""
        return self.token_key_file or self.key_file.with_suffix(".token.keys")

    def token_keys(self, *, create: bool = False) -> TokenKeys | None:
        """What signs security event tokens; `create` makes the file where there is none."""
        file = self.token_key_path
        if create and not file.exists():
            write_token_keys(file)
        return TokenKeys(file) if file.exists() else None


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process; BadSetting names the variable and what was expected."""
    given: dict[str, object] = {}
    for name, default in _defaults().items():
        variable = f"COMITY_{name.upper()}"
        text = _given(variable, environment, is_secret=name in secret_fields())
        if text is not None:
            given[name] = _parsed(name, variable, text, default)
    settings = Settings(**given)  # type: ignore[arg-type]
    if settings.witness_quorum > len(settings.witnesses):
        raise BadSetting(
            "COMITY_WITNESS_QUORUM: expected at most as many as COMITY_WITNESSES names, "
            f"{len(settings.witnesses)}; got {settings.witness_quorum}"
        )
    return settings


def unknown_settings(environment: Mapping[str, str] = os.environ) -> list[str]:
    """COMITY_… variables that no setting reads, most likely misspelt."""
    known = {f"COMITY_{name.upper()}" for name in _defaults()}
    known |= {f"COMITY_{name.upper()}_FILE" for name in secret_fields()}
    return sorted(v for v in environment if v.startswith("COMITY_") and v not in known)


def is_open(file: Path) -> bool:
    """Whether others can read or change a file; see `is_open_to_others`."""
    found = file.stat()
    return is_open_to_others(found.st_mode, owner=found.st_uid, user=os.geteuid())


def is_open_to_others(mode: int, *, owner: int, user: int) -> bool:
    """Whether a file of the owner's is open to others than the user. A group may read what is
    root's, as mounted secrets are; PostgreSQL has the same rule for its server's key."""
    allowed = 0o740 if owner == 0 != user else 0o700
    return bool(stat.S_IMODE(mode) & ~allowed)


def secret_fields() -> list[str]:
    """Settings that are never shown, and may come from files."""
    return [name for name, it in Settings.__dataclass_fields__.items() if not it.repr]


def _defaults() -> dict[str, object]:
    return {name: getattr(Settings(), name) for name in Settings.__dataclass_fields__}


def _given(variable: str, environment: Mapping[str, str], *, is_secret: bool) -> str | None:
    """A setting's text; a secret's may be in a file that the variable with _FILE names."""
    named = f"{variable}_FILE"
    if not is_secret or named not in environment:
        return environment.get(variable)
    if variable in environment:
        raise BadSetting(f"{variable} and {named}: expected one of them, got both")
    try:
        with open(environment[named], encoding="utf-8") as file:
            return file.read(LONGEST_SECRET).strip()
    except (OSError, ValueError):  # the latter for what is no text, or no name of a file
        raise BadSetting(f"{named}: expected a file of text that this process can read") from None


def _parsed(name: str, variable: str, text: str, default: object) -> object:
    if isinstance(default, int):
        if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**31:
            raise BadSetting(f"{variable}: expected a positive whole number, got {text!r}")
        return int(text)
    if not text.strip():
        raise BadSetting(f"{variable}: expected a value, got an empty one")
    if isinstance(default, Path) or default is None:
        return Path(text)
    if name in ("log_origin", "witness_name"):
        return _name(variable, text)
    if name == "witnesses":
        return _witnesses(variable, text)
    if name == "public_url":
        return _public_url(variable, text)
    if name == "test_network":
        return _test_network(variable, text)
    if name in CHOICES:
        return _choice(variable, text, CHOICES[name])
    if name == "metrics_token":
        return _metrics_token(variable, text)
    return _database_url(variable, text)


def _choice(variable: str, text: str, choices: Sequence[str]) -> str:
    if text not in choices:
        raise BadSetting(f"{variable}: expected one of {', '.join(choices)}; got {text!r}")
    return text


def _witnesses(variable: str, text: str) -> tuple[Witness, ...]:
    found: list[Witness] = []
    for number, one in enumerate(text.replace(",", " ").split(), 1):
        try:
            found.append(parse_witness(one))
        except LogError as error:
            expected = "name+id+key@https://host/prefix"
            raise BadSetting(
                f"{variable}: expected {expected} in place {number}: {error}"
            ) from None
    if not 0 < len({witness.verifier.key for witness in found}) == len(found) <= MOST_WITNESSES:
        raise BadSetting(f"{variable}: expected 1 to {MOST_WITNESSES} witnesses of different keys")
    return tuple(found)


def _public_url(variable: str, text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("https", "http") or not url.hostname or {*"?#@ "} & {*text}:
        raise BadSetting(f"{variable}: expected a URL such as https://node.example, got {text!r}")
    return text.rstrip("/")


def _test_network(variable: str, text: str) -> tuple[tuple[str, str, int], ...]:
    found = []
    for number, one in enumerate(text.split(), 1):
        domain, _, address = one.partition("=")
        host, _, port = address.rpartition(":")
        if not domain or not host or not port.isascii() or not port.isdigit():
            raise BadSetting(f"{variable}: expected domain=host:port in place {number}")
        found.append((domain.lower(), host, int(port)))
    return tuple(found)


def _name(variable: str, text: str) -> str:
    try:
        check_name(text)
    except LogError as error:
        raise BadSetting(f"{variable}: expected a name such as example.org/log ({error})") from None
    return text


def _metrics_token(variable: str, text: str) -> str:
    # A secret, so it is never repeated in a message.
    if len(text) < SHORTEST_METRICS_TOKEN or not text.isascii() or not text.isprintable():
        raise BadSetting(
            f"{variable}: expected at least {SHORTEST_METRICS_TOKEN} characters of ASCII"
        )
    if " " in text:
        raise BadSetting(f"{variable}: expected no spaces")
    return text


def _database_url(variable: str, text: str) -> str:
    # The address may hold a password, so it is never repeated in a message.
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        raise BadSetting(f"{variable}: expected sqlite:///FILE or postgresql://…") from None
    if url.drivername not in ("sqlite", "postgresql", "postgres"):
        raise BadSetting(
            f"{variable}: expected sqlite:///FILE or postgresql://…, got {url.drivername}://…"
        )
    if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
        raise BadSetting(f"{variable}: expected a file, sqlite:///FILE; memory isn't kept")
    return text


def token_hash(token: str) -> str:
    """What is stored of a token or a secret: its SHA-256 as hex; both have 256 random bits."""
    return sha256(token.encode()).hexdigest()
