"""What can be wrong with something of a log.

LogError
├── Malformed   not what its specification draws: bytes, a value, or a place outside the tree
└── Unproven    well-formed, but its hash, proof, signature or commitment doesn't hold
"""


class LogError(ValueError):
    """Something of a log that can't be used. The message never repeats what was in it."""


class Malformed(LogError):
    """Not of the form that its specification draws."""


class Unproven(LogError):
    """Of the right form, and not shown to be true."""
