"""Files of secret keys: made once, read when they change."""

import os
import secrets
from hashlib import sha256
from pathlib import Path

from governance.errors import BadSetting
from governance.log.signers import KEY_BYTES, Signer, parse_signer


class KeyFile:
    """A key that signs, read anew once its file was replaced, as rotating does. `variable` is the
    setting that names the file."""

    def __init__(self, path: Path, variable: str = "COMITY_LOG_KEY_FILE") -> None:
        self.path, self._variable = path, variable
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
                f"{self._variable}: {self.path} is not a file of a key that signs; "
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


def new_signer(name: str, kind: str = "log") -> Signer:
    """A new key; a log or witness without a name of its own is named after its first key."""
    secret = secrets.token_bytes(KEY_BYTES)
    key = Signer("key", secret).verifier().key
    return Signer(name or f"{sha256(key).hexdigest()[:32]}.invalid/{kind}", secret)
