"""`comity platform …`, `comity member …` and `comity token …`: who takes part, and by what."""

import sys
from datetime import datetime
from typing import Annotated

import typer
from sqlmodel import select

from api.console import now, opened, say, span
from governance import membership
from governance.membership import is_live
from governance.platforms import Platform, Token
from governance.words import MemberKind, Role

OfPlatform = Annotated[
    str | None, typer.Argument(metavar="[DOMAIN]", help="Of this platform alone.")
]

Domain = Annotated[str, typer.Argument(help="Domain of the platform.")]
Handle = Annotated[str, typer.Argument(help="What the platform calls the member.")]
platform_app = typer.Typer(help="Platforms of this node.")
member_app = typer.Typer(help="Members of platforms.")
token_app = typer.Typer(help="Bearer tokens of members.")


@platform_app.command("add")
def add_platform(
    domain: Annotated[str, typer.Argument(help="Such as example.social.")],
    name: Annotated[str | None, typer.Option(help="Name people know it by.")] = None,
) -> None:
    """Add a platform to this node."""
    with opened() as database, database.writing() as session:
        platform = membership.add_platform(session, domain, name, now=now())
    say(f"added {platform.domain} as {platform.id}")


@platform_app.command("list")
def list_platforms() -> None:
    """List the platforms of this node."""
    with opened() as database, database.reading() as session:
        rows = [[p.id, p.domain, p.name] for p in session.exec(select(Platform))]
    _table(["id", "domain", "name"], rows)


@member_app.command("add")
def add_member(
    domain: Domain,
    handle: Handle,
    role: Annotated[list[Role], typer.Option(help="What the member may do; repeatable.")],
    service: Annotated[
        bool, typer.Option("--service", help="An unattended program, not a person.")
    ] = False,
) -> None:
    """Add a member to a platform, or give it these roles instead of what it had."""
    kind = MemberKind.SERVICE if service else MemberKind.PERSON
    with opened() as database, database.writing() as session:
        member = membership.add_member(session, domain, handle, role, now=now(), kind=kind)
    say(f"{handle} of {domain} is {', '.join(member.roles)}")


@member_app.command("list")
def list_members(domain: OfPlatform = None) -> None:
    """List members: what each is and may do, how many tokens open the node, last used when."""
    with opened() as database, database.reading() as session:
        found = membership.listed(session, domain)
    today = now()
    rows = [
        [
            of.domain,
            member.handle,
            member.kind.value,
            ", ".join(member.roles),
            str(sum(is_live(token.expires_at, token.revoked_at, today) for token in tokens)),
            _day(max((token.last_used_at for token in tokens if token.last_used_at), default=None)),
        ]
        for of, member, tokens in found
    ]
    _table(["platform", "member", "kind", "roles", "live tokens", "last used"], rows)


@token_app.command("create")
def create_token(
    domain: Domain,
    handle: Handle,
    expires_in: Annotated[str | None, typer.Option(help="Such as 90d, 12h or 30m.")] = None,
) -> None:
    """Create a token and print it alone. It can't be shown again."""
    lifetime = None if expires_in is None else span(expires_in)
    with opened() as database, database.writing() as session:
        token = membership.create_token(session, domain, handle, now=now(), lifetime=lifetime)
    print(token)


@token_app.command("list")
def list_tokens(domain: OfPlatform = None) -> None:
    """List tokens by id: whose, until when, last used. Never the tokens."""
    with opened() as database, database.reading() as session:
        found = [
            (token, of, member)
            for of, member, tokens in membership.listed(session, domain)
            for token in tokens
        ]
    today = now()
    rows = [
        [token.id, of.domain, member.handle, _state(token, today), _day(token.last_used_at)]
        for token, of, member in sorted(found, key=lambda row: row[0].created_at)
    ]
    _table(["id", "platform", "member", "state", "last used"], rows)


@token_app.command("revoke")
def revoke_token(
    token_id: Annotated[str, typer.Argument(help="Its id; `comity token list`.")],
) -> None:
    """Revoke a token at once."""
    with opened() as database, database.writing() as session:
        membership.revoke_token(session, token_id, now=now())
    say(f"revoked {token_id}")


def _state(token: Token, now: datetime) -> str:
    if token.revoked_at is not None:
        return f"revoked {_day(token.revoked_at)}"
    if token.expires_at is not None and token.expires_at <= now:
        return f"expired {_day(token.expires_at)}"
    return f"until {_day(token.expires_at)}" if token.expires_at else "live"


def _day(instant: datetime | None) -> str:
    return "never" if instant is None else f"{instant:%Y-%m-%d %H:%M}"


def _table(columns: list[str], rows: list[list[str]]) -> None:
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(*columns, box=None)
        for row in rows:
            table.add_row(*row)
        Console().print(table)
    else:
        for row in rows:
            print("\t".join(row))
