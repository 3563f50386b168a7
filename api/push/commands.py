"""`comity push …`: receivers of webhooks and tokens, and what they didn't take."""

import sys
from typing import Annotated

import typer

from api.console import fail, now, opened, say
from api.outward import Outside
from api.push.addresses import receiver_url
from api.push.webhooks import secret
from api.reads.stretches import PREFIX
from governance import receivers
from governance.identifiers import SubjectKind
from governance.membership import find_platform
from governance.settings import read_settings
from governance.words import Delivery, EventType, Measure, ReceiverStatus

app = typer.Typer(help="Receivers that events are pushed to.")

TURN = "turn~"  # of an account, by its number
Ident = Annotated[str, typer.Argument(help="Id of a receiver, psh_…; `comity push list`.")]
Places = Annotated[list[str] | None, typer.Argument(help="Cursors of events; all if left out.")]


@app.command()
def add(
    platform: Annotated[str, typer.Argument(help="Domain of the platform that receives.")],
    url: Annotated[str, typer.Argument(help="Where to POST events, https://…")],
    type_: Annotated[
        list[EventType] | None, typer.Option("--type", help="Of these types alone.")
    ] = None,
    measure: Annotated[list[Measure] | None, typer.Option(help="Of these measures alone.")] = None,
    kind: Annotated[
        list[SubjectKind] | None, typer.Option(help="About these kinds of subjects alone.")
    ] = None,
    of: Annotated[str | None, typer.Option(help="Of this platform's sanctions alone.")] = None,
    after: Annotated[
        str | None, typer.Option(help="Cursor to begin after, or `start`; else from now on.")
    ] = None,
) -> None:
    """Add a receiver of signed webhooks; prints the secret it checks them with."""
    settings = read_settings()
    where = receiver_url(Outside(settings), url)
    given = {"types": type_, "measures": measure, "subjectKinds": kind}
    wanted: dict[str, object] = {name: value for name, value in given.items() if value}
    place = None if after is None else 0 if after == "start" else _place(after)
    with opened(settings) as database, database.writing() as session:
        if of is not None:
            wanted["platform"] = find_platform(session, of).domain
        made = receivers.add_webhook(
            session, platform, where, wanted=wanted, after=place, now=now()
        )
    say(f"{made.id} receives events; give it this secret:")
    print(secret(settings.keys(), made))


@app.command("list")
def list_receivers() -> None:
    """List receivers: id, platform, way, status, place, failures in a row, problem, URL."""
    from governance.platforms import Platform

    with opened() as database, database.reading() as session:
        for one in receivers.listed(session):
            domain = session.get_one(Platform, one.platform_id).domain
            place = f"{PREFIX}{one.position}"
            told = (one.status, place, one.attempts, one.problem or "", one.url or "")
            print(one.id, domain, one.delivery, *told, sep="\t")


@app.command("secret")
def show_secret(ident: Ident) -> None:
    """Print the secret that a receiver checks webhooks with."""
    keys = read_settings().keys()
    with opened() as database, database.reading() as session:
        found = receivers.found(session, ident)
    if found.delivery is not Delivery.WEBHOOK:
        fail("it receives tokens, which are checked with the node's published keys")
    print(secret(keys, found))


@app.command("rotate-secret")
def rotate_secret(ident: Ident) -> None:
    """Sign with a new secret; the old one signs beside it until the next rotation."""
    keys = read_settings().keys()
    with opened() as database, database.writing() as session:
        found = receivers.rotate(session, ident)
    print(secret(keys, found))


@app.command("rotate-keys")
def rotate_keys() -> None:
    """Sign tokens with new keys; the ones before are published until the next rotation."""
    keys = read_settings().token_keys()
    if keys is None:
        fail("there are no keys that sign tokens: `comity migrate` makes them")
    keys.rotate()
    say("running servers use the new keys from their next token on")


@app.command()
def pause(
    ident: Ident, reason: Annotated[str | None, typer.Option(help="Kept beside it.")] = None
) -> None:
    """Send nothing for now; what happens meanwhile is sent later."""
    with opened() as database, database.writing() as session:
        receivers.set_status(session, ident, ReceiverStatus.PAUSED, reason)


@app.command()
def resume(ident: Ident) -> None:
    """Send again, and at once, also what waits for another attempt."""
    with opened() as database, database.writing() as session:
        receivers.set_status(session, ident, ReceiverStatus.ENABLED, None)


@app.command()
def remove(ident: Ident) -> None:
    """Forget a receiver, and what it didn't take."""
    with opened() as database, database.writing() as session:
        receivers.remove(session, ident)


@app.command()
def dead(
    ident: Annotated[str | None, typer.Argument(help="Of this receiver alone.")] = None,
) -> None:
    """List events that weren't taken: receiver, cursor, when given up, state, why."""
    with opened() as database, database.reading() as session:
        for letter in receivers.letters(session, ident):
            at = f"{letter.at:%Y-%m-%dT%H:%M:%SZ}"
            place = letter.position
            named = f"{PREFIX}{place}" if place > 0 else f"{TURN}{-place}"
            print(letter.receiver_id, named, at, letter.state, letter.problem, sep="\t")


@app.command()
def replay(ident: Ident, cursors: Places = None) -> None:
    """Send dead letters again, once each, as the events then stand."""
    with opened() as database, database.writing() as session:
        count = receivers.replay(session, ident, [_letter(text) for text in cursors or ()])
    say(f"{count:,} to be sent again")
    sys.exit(0 if count else 1)


def _letter(text: str) -> int:
    """The place of a letter: in the feed, or below zero of a turn."""
    return -_place(text.removeprefix(TURN)) if text.startswith(TURN) else _place(text)


def _place(text: str) -> int:
    number = text.removeprefix(PREFIX)
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        fail(f"expected a cursor of the feed such as {PREFIX}41, got {text!r}")
    return int(number)
