"""What can be wrong with something of a log.

LogError
├── Malformed   not what its specification draws: bytes, a value, or a place outside the tree
├── Unproven    well-formed, but its hash, proof, signature, commitment or place doesn't hold
├── Unread      a file of a log that is missing, larger than it may be, or out of reach
└── Excessive   more than is taken from one log; the rest of it is
"""


class LogError(ValueError):
    """Something of a log that can't be used. The message repeats nothing of it but what was
    checked before: an index, a number, an instant, a domain, the plain name of a field."""


class Malformed(LogError):
    """Not of the form that its specification draws."""


class Unproven(LogError):
    """Of the right form, and not shown to be true."""


class Unread(LogError):
    """A file of a log that can't be read: its path there, and why."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


class Excessive(LogError):
    """More of something than is taken from one log."""
