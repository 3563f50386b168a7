"""Files of secret keys: made once, read when they change."""

import os
import secrets
from hashlib import sha256
from pathlib import Path

from governance.errors import BadSetting
from governance.log.signers import KEY_BYTES, Signer, parse_signer


class KeyFile:
    """The log's key, read anew once its file was replaced, as rotating does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int] | None = None
        self._signer: Signer | None = None

    def __call__(self) -> Signer:
        """The key; BadSetting names the file where there is none."""
        try:
            found = self.path.stat()
            seen = found.st_mtime_ns, found.st_ino
            if self._signer is None or seen != self._seen:
                self._signer, self._seen = parse_signer(self.path.read_text().strip()), seen
        except (OSError, ValueError):
            raise BadSetting(
                f"COMITY_LOG_KEY_FILE: {self.path} is not a file of the log's key; "
                "put your copy back (backups hold none); `comity migrate` makes one for a new node"
            ) from None
        return self._signer

    def replace(self, successor: Path) -> None:
        """Puts another file in its place; on disk when this returns."""
        os.replace(successor, self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_secret(path: Path, text: str) -> None:
    """Makes a file of mode 0600 that is on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def new_signer(origin: str) -> Signer:
    """A new key; a log without a name of its own is named after its first key."""
    secret = secrets.token_bytes(KEY_BYTES)
    key = Signer("key", secret).verifier().key
    return Signer(origin or f"{sha256(key).hexdigest()[:32]}.invalid/log", secret)
