"""A platform's side of signing: the client that docs/signing.md prints."""

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

GUIDE = (Path(__file__).parent.parent / "docs" / "signing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)

CLIENT: dict[str, Any] = {}
for block in BLOCKS[:-1]:  # the last one talks to a node
    exec(compile(block, "docs/signing.md", "exec"), CLIENT)

Fields = dict[str, Any]
registration = cast("Callable[..., Fields]", CLIENT["registration"])
decision = cast("Callable[..., bytes]", CLIENT["decision"])
signed = cast("Callable[..., tuple[Fields, bytes]]", CLIENT["signed"])
text = cast("Callable[[bytes], str]", CLIENT["text"])


def key_of(name: str) -> Ed25519PrivateKey:
    """The same private key for the same name."""
    return Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())


def public(private: Ed25519PrivateKey) -> str:
    """The public key, base64."""
    return text(private.public_key().public_bytes_raw())
