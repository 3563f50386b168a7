"""The `comity` command."""

import sys
from collections import UserDict
from contextlib import closing
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Any

import typer
from sqlalchemy.exc import SQLAlchemyError
from typer.core import TyperGroup

from api.console import fail, now, opened, progress, say
from api.doctoring import OTHER_KEY, findings
from api.starting import settling
from governance import migrations
from governance.database import Database
from governance.errors import BadSetting, Busy, Refused, RolledBack
from governance.publishing import publish_newest
from governance.settings import Settings, is_open, read_settings
from governance.subjects import are_found

ADDRESS = "http://127.0.0.1:8000"  # where `comity serve` listens unless told otherwise

# Commands that are imported once they are asked for, as no other needs what they need.
PARTS = {
    "platform": "api.members:platform_app",
    "member": "api.members:member_app",
    "token": "api.members:token_app",
    "backup": "api.backups:backup",
    "restore": "api.backups:restore",
    "follow": "api.following:follow",
    "unfollow": "api.following:unfollow",
    "peers": "api.following:peers",
    "import": "api.importing:app",
    "export": "api.exporting:app",
    "selection": "api.research.commands:app",
    "report": "api.reporting:app",
    "log": "api.keeping:app",
    "retention": "api.retaining:app",
    "push": "api.push.commands:app",
    "bridge": "api.bridging:app",
    "witness": "api.witnessing:app",
}


class _Commands(UserDict[str, Any]):
    """Commands by their names; of parts, None until one is looked up."""

    def __getitem__(self, name: str) -> Any:
        if self.data[name] is None:
            self.data[name] = _part(name)
        return self.data[name]


class _Group(TyperGroup):
    """Has the parts beside its commands."""

    def __init__(self, *, commands: dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.commands = _Commands(commands | dict.fromkeys(PARTS))


def _part(name: str) -> Any:
    with settling():
        found = resolve_name(PARTS[name])
    made = typer.Typer()
    if isinstance(found, typer.Typer):
        made.add_typer(found, name=name, no_args_is_help=True)
    else:
        made.command(name)(found)
    return typer.main.get_group(made).commands[name]


app = typer.Typer(help="Sanctions, appeals and suspension status that platforms share.", cls=_Group)


def main() -> None:
    """The entry point: what a user can put right is one line, never a traceback."""
    try:
        app()
    except (Refused, Busy, BadSetting, RolledBack) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or 'a file'}: {error.strerror or type(error).__name__}")
    except SQLAlchemyError as error:
        fail(
            f"the database doesn't answer as expected ({type(error).__name__}): "
            "`comity doctor` says what is wrong"
        )


@app.command()
def migrate() -> None:
    """Bring the database to this version's tables; make the key files if there are none."""
    settings = read_settings()
    with closing(Database(settings.database_url)) as database:
        if migrations.is_newer(database):
            fail(migrations.advice(database))
    made = settings.make_keys()
    migrations.upgrade(settings.database_url)
    if made:
        files = ", ".join(map(str, made))
        say(f"new keys are in {files}: keep copies elsewhere")
    say("database and keys are ready")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Number of processes.")] = 1,
    grace: Annotated[
        int, typer.Option(min=1, max=3_600, help="Seconds to finish requests in at a stop.")
    ] = 25,
    demo: Annotated[bool, typer.Option("--demo", help="Load a demonstration world first.")] = False,
    any_key: Annotated[
        bool, typer.Option("--any-key", help="Serve although the database's key file is lost.")
    ] = False,
) -> None:
    """Serve the node."""
    with settling():
        from api.apart import pages_apart
        from api.observing.logs import configuration
        from api.observing.metrics import shared
        from api.serving import expect_free, run
        from api.witnessed import require_newest

    settings = read_settings()
    if demo:
        expect_free(host, port)
        migrate()
        address = f"http://{_reached(host)}:{port}"
        _demonstrate(settings, address, f"[bold]Comity[/] is at {address}/")
    keys, sequencer = settings.keys(), settings.sequencer()
    signed = sequencer.guard.newest()
    with opened(settings) as database, database.reading() as session:
        if not any_key and not are_found(session, keys):
            fail(f"COMITY_KEY_FILE: {settings.key_file} {OTHER_KEY}")
        sequencer.recalled(session, signed)
        require_newest(database, settings)
        if not settings.witnesses:
            publish_newest(database)
    for setting, file in settings.key_paths.items():
        if file.exists() and is_open(file):
            fail(f"{setting}: others can read {file}: chmod 600 it")
    expect_free(host, port)
    with shared(workers), pages_apart(settings) as pages:
        run(
            pages,
            host=host,
            port=port,
            workers=workers,
            grace=grace,
            log_config=configuration(settings),
        )


@app.command("demo")
def load_demo(
    sanctions: Annotated[
        int, typer.Option(min=1, max=200_000, help="How many; one of every kind at least.")
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same world.")] = 1,
    network: Annotated[
        bool, typer.Option("--network", help="Three nodes that follow each other, instead.")
    ] = False,
    stays: Annotated[
        bool, typer.Option("--stay/--end", help="Whether those serve until interrupted.")
    ] = True,
) -> None:
    """Load a large demonstration world into an empty database, or show three nodes at work."""
    if network:
        from api.showing import show

        show(stays=stays)
        return
    migrate()
    said = f"`comity serve` shows a node at {ADDRESS}/"
    _demonstrate(read_settings(), ADDRESS, said, sanctions=sanctions, seed=seed)


@app.command()
def schema(
    check: Annotated[Path | None, typer.Option(help="Compare with this file instead.")] = None,
) -> None:
    """Print the GraphQL schema."""
    from api.schema.build import sdl

    if check is None:
        print(sdl(), end="")
    elif check.read_text(encoding="utf-8") != sdl():
        fail(f"{check} differs from the code: `comity schema > {check}` renews it")


@app.command()
def permissions() -> None:
    """Print who may do and read what, as Markdown."""
    from api.permissions import markdown

    print(markdown(), end="")


@app.command()
def doctor() -> None:
    """Check database, keys, migrations and clock; say what is wrong and what to do."""
    from rich.markup import escape

    found = findings(read_settings())
    for finding in found:
        mark = "[green]ok  [/]" if finding.is_fine else "[red]bad [/]"
        say(f"{mark} {finding.subject}: {escape(finding.message)}", markup=True)
    if not all(finding.is_fine for finding in found):
        raise typer.Exit(1)


def _reached(host: str) -> str:
    """How this machine reaches a server that listens on the host."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host


def _demonstrate(
    settings: Settings, address: str, said: str, *, sanctions: int = 2_000, seed: int = 1
) -> None:
    """Loads the demonstration world unless it is there, and says what to look at."""
    from governance import demo

    with opened(settings) as database, progress("a demonstration world") as told:
        world = demo.load(
            database, settings.keys(), now=now(), sanctions=sanctions, seed=seed, progress=told
        )
    if not world.is_new:
        say("the demonstration world was there already; it stays as it is")
    say(
        f"\n{said} with {len(world.platforms)} demonstration platforms."
        f"\n\nTry, as [bold]{world.platform}[/], whether an account is suspended:\n",
        markup=True,
    )
    query = (
        "query($s: URI!) { suspensionStatus(subject: $s) "
        "{ isSuspended until sanctions { measure expiresAt platform { domain } } } }"
    )
    body = f'{{"query": "{query}", "variables": {{"s": "{world.suspended_account}"}}}}'
    print(
        f"curl -s {address}/graphql -H 'Authorization: Bearer {world.token}' \\\n"
        f"  -H 'Content-Type: application/json' -d '{body}'",
        file=sys.stderr,
    )
    say(f"\nWith the same token, staff log in at {address}/staff.")
    if world.appeal_secret is not None:
        say(
            f"At {address}/appeal the sanctioned see their case: id {world.sanction_id},\n"
            f"secret {world.appeal_secret}"
        )
    sys.stderr.flush()


if __name__ == "__main__":
    main()
