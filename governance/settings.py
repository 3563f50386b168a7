"""Settings: the environment read once, at start, into one frozen object."""

import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from governance.errors import BadSetting
from governance.log.guards import Guard
from governance.log.keyfiles import KeyFile, new_signer, write_secret
from governance.log.macs import kept, mac
from governance.log.sequencing import Sequencer
from governance.log.witnesses import Witness
from governance.tokens import TokenKeys, write_token_keys
from governance.variables import CHOICES, given, parsed
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
        message = b""
        for part in parts:
            text = part.encode()
            message += len(text).to_bytes(4, "big") + text
        return kept(_derived(self.secret, purpose)).digest(message).hex()


@lru_cache(64)
def _derived(secret: bytes, purpose: str) -> bytes:
    return mac(secret, b"comity/v1/key\0" + purpose.encode())


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
    pages: str = CHOICES["pages"][0]

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
    told: dict[str, object] = {}
    for name, default in _defaults().items():
        variable = f"COMITY_{name.upper()}"
        text = given(variable, environment, is_secret=name in secret_fields())
        if text is not None:
            told[name] = parsed(name, variable, text, default)
    settings = Settings(**told)  # type: ignore[arg-type]
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


def token_hash(token: str) -> str:
    """What is stored of a token or a secret: its SHA-256 as hex; both have 256 random bits."""
    return sha256(token.encode()).hexdigest()
