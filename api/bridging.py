"""`comity bridge …`: a platform's own decisions, as the systems that it runs itself take them.

What is written names people: it is for the platform, and no server of this node serves it.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import orjson
import typer

from api.console import fail, now, opened, say
from governance.exporting.atproto_labels import atproto_labels, multikey, new_key, read_key
from governance.exporting.lemmy_blocks import lemmy_blocks
from governance.exporting.mastodon_blocks import mastodon_blocks

app = typer.Typer(help="A platform's decisions, for its own systems.")

Platform = Annotated[str, typer.Option(help="Domain of the platform whose decisions they are.")]
KeyFile = Annotated[Path, typer.Option(help="PEM file of the labeler's secp256k1 key.")]


@app.command("mastodon-blocks")
def mastodon(platform: Platform) -> None:
    """Print the servers that are blocked now, as Mastodon imports them."""
    with opened() as database, database.reading() as session:
        _print(mastodon_blocks(session, platform, now=now()))


@app.command("lemmy-blocks")
def lemmy(
    platform: Platform,
    site: Annotated[str, typer.Option(help="The site's address, such as https://lemmy.example/.")],
    actor: Annotated[str, typer.Option(help="Who blocks: an address of a person of the site.")],
) -> None:
    """Print Block activities, and Undo for what was corrected, one a line."""
    for address in (site, actor):
        if not address.startswith("https://"):
            fail(f"expected an address such as https://lemmy.example/, got {address!r}")
    with opened() as database, database.reading() as session:
        found = lemmy_blocks(session, platform, site=site, actor=actor, now=now())
        _print(orjson.dumps(one).decode() for one in found)


@app.command("atproto-labels")
def labels(
    platform: Platform,
    src: Annotated[str, typer.Option(help="DID of the platform's labeler.")],
    key: KeyFile,
    value: Annotated[str, typer.Option(help="The label that is put on accounts.")] = "suspended",
) -> None:
    """Print signed labels of accounts known by a DID, one a line."""
    if not src.startswith("did:"):
        fail(f"expected a DID such as did:plc:…, got {src!r}")
    if not 0 < len(value) <= 128:
        fail("expected a label of 1 to 128 characters")
    signer = read_key(key)
    with opened() as database, database.reading() as session:
        found = atproto_labels(session, platform, signer, src=src, value=value, now=now())
        _print(orjson.dumps(one).decode() for one in found)


@app.command("atproto-key")
def labeler_key(key: KeyFile) -> None:
    """Make a labeler's key where there is none; print the public part for its DID document."""
    if not key.exists():
        new_key(key)
        say(f"{key} is new, of mode 0600")
    print(multikey(read_key(key)))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)
