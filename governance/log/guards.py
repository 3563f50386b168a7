"""The rollback guard: a small file, outside the database, of the newest tree this machine signed.

A database that was restored from a backup must not sign a second history. The file is brought to
the disk after each commit and before its answer, so it is never ahead of what was committed.
"""

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from governance.errors import BadSetting, RolledBack
from governance.log.checkpoints import Checkpoint, parse_checkpoint
from governance.log.errors import LogError

LARGEST = 4_096  # bytes


@dataclass(frozen=True, slots=True)
class Guard:
    """The file at a path; it need not be there before the first tree is signed."""

    path: Path

    def newest(self) -> Checkpoint | None:
        """The newest tree signed here; BadSetting where the file can't be read."""
        try:
            with open(self.path, "rb", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                text = file.read(LARGEST).decode()
            return parse_checkpoint(text) if text else None
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError, LogError):
            raise BadSetting(
                f"COMITY_LOG_HEAD_FILE: {self.path} doesn't say which tree was signed last; "
                "put your copy back, or remove it once `comity log verify` found the log sound"
            ) from None

    def advance(self, head: Checkpoint) -> None:
        """Writes down a tree that is committed, unless another process wrote a larger one; either
        is on the disk when this returns."""
        with open(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600), "rb+", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            text = file.read(LARGEST)
            if not text or parse_checkpoint(text.decode()).size < head.size:
                # In place: it never gets shorter, and is smaller than what a disk writes at once.
                os.pwrite(file.fileno(), head.text.encode(), 0)
            fcntl.flock(file, fcntl.LOCK_UN)  # who signs next need not wait for the disk
            os.fdatasync(file.fileno())


def check_continues(
    signed: Checkpoint | None, head: Checkpoint, root_at: Callable[[int], bytes]
) -> None:
    """RolledBack unless the newest tree signed here is `head` or the beginning of it.

    `root_at` is the root that the log has at a size, up to that of `head`.
    """
    if signed is None or signed == head:
        return
    if signed.origin != head.origin:
        raise RolledBack(f"this node signed {signed.origin}, and the log is {head.origin}")
    if signed.size > head.size:
        raise RolledBack(
            f"this node signed {signed.size:,} entries, and the log has {head.size:,}: bring "
            "them back from a copy of the log with `comity log recover`; if there is no copy "
            "that has them, close this log with `comity log begin-anew`"
        )
    if root_at(signed.size) != signed.root:
        raise RolledBack(f"the log's first {signed.size:,} entries aren't those signed here")
