"""`comity selection …`: what researchers asked for, for the node's operator."""

from typing import Annotated

import orjson
import typer

from api.console import fail, now, opened, say
from api.research.making import Keeper
from governance import selections
from governance.platforms import Member, Platform
from governance.selections import Selection
from governance.settings import read_settings

app = typer.Typer(help="What researchers asked for in bulk.")


@app.command("list")
def list_selections() -> None:
    """List every selection there was, newest first.

    Id, project, state, when it was asked for, rows, subjects, withheld rows, bytes, filter,
    problem.
    """
    with opened() as database, database.reading() as session:
        for one in selections.listed(session):
            member = session.get_one(Member, one.project_id)
            domain = session.get_one(Platform, member.platform_id).domain
            asked = f"{one.requested_at:%Y-%m-%dT%H:%M:%SZ}"
            size = selections.byte_count(session, one)
            told = (*_counts(one), size, orjson.dumps(one.wanted).decode(), one.problem or "")
            print(one.id, f"{member.handle}@{domain}", one.state, asked, *told, sep="\t")


def _counts(one: Selection) -> tuple[str, ...]:
    counts = one.row_count, one.subject_count, one.withheld_count
    return tuple("-" if count is None else str(count) for count in counts)


@app.command()
def cancel(
    ident: Annotated[str, typer.Argument(help="Id of a selection, sel_…; `list` shows them.")],
) -> None:
    """Give up a selection, whoever's it is; its links are dead at once."""
    with opened() as database, database.writing() as session:
        selections.give_up(session, selections.found(session, ident))
    say(f"cancelled {ident}; a server deletes its files, or `comity selection run`")


@app.command()
def run() -> None:
    """Make what waits and take out what was erased, as a server does by itself."""
    settings = read_settings()
    with opened(settings) as database:
        keeper = Keeper(database, settings, now)
        again = keeper.renew()
        is_done = keeper.make()
        if not is_done:
            fail("it stopped: the disk is full, or a server makes selections meanwhile")
    say(f"all made; {again:,} of them anew")
