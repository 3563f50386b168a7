"""Being a witness: `POST /log/add-checkpoint` (C2SP tlog-witness), and `comity witness`."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import anyio.to_thread
import typer
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.bodies import BadRequest, body_of
from api.console import fail, opened, say
from api.limiting.counting import counted
from api.limiting.rates import Rates
from api.transport import CLOSE
from governance import witnessing
from governance.database import Database
from governance.errors import Busy
from governance.log.errors import LogError
from governance.log.witnesses import SIZE, parse_add_checkpoint
from governance.settings import read_settings
from governance.witnessing import Cosigner, Declined

LARGEST_REQUEST = 64 * 1024  # bytes; 63 hashes and 100 signatures have some 15,000
AGAIN = {"Retry-After": "5"}  # seconds
DECLINED: dict[type[Declined], tuple[int, str]] = {
    witnessing.UnknownLog: (404, "no log of this origin is witnessed here"),
    witnessing.UnknownKey: (403, "none of the keys trusted for this origin signed the checkpoint"),
    witnessing.Backwards: (400, "the old size is larger than the checkpoint's"),
    witnessing.Inconsistent: (422, "the consistency proof doesn't hold"),
}

Origin = Annotated[str, typer.Argument(help="The log's name, such as node.example/log.")]
app = typer.Typer(help="Other nodes' logs that this one cosigns.")


def witness_routes(
    database: Database, cosigner: Cosigner | None, rates: Rates, now: Callable[[], datetime]
) -> list[Route]:
    """What a witness serves; nothing where this node has no key to cosign with."""
    if cosigner is None:
        return []

    async def add_checkpoint(request: Request) -> Response:
        """Cosigns a checkpoint of a log that is witnessed here."""
        try:
            body = await body_of(request, LARGEST_REQUEST)
            return await anyio.to_thread.run_sync(_answered, database, cosigner, body, now)
        except BadRequest as bad:
            return _told(bad.message, bad.status, CLOSE)
        except ClientDisconnect:
            return Response(status_code=400)

    async def key(request: Request) -> Response:
        """The key that others check this witness' cosignatures with."""
        return PlainTextResponse(f"{cosigner.verifier}\n", headers={"Cache-Control": "no-cache"})

    return [
        Route("/log/add-checkpoint", counted(rates, add_checkpoint), methods=["POST"]),
        Route("/log/witness-key", key),
    ]


def _answered(
    database: Database, cosigner: Cosigner, body: bytes, clock: Callable[[], datetime]
) -> Response:
    try:
        asked = parse_add_checkpoint(body)
        made = witnessing.add_checkpoint(database, cosigner, asked, clock=clock)
    except LogError as error:
        return _told(str(error), 400)
    except witnessing.Outdated as known:
        return Response(f"{known.size}\n", 409, {"Content-Type": SIZE})  # no charset
    except Declined as declined:
        status, words = DECLINED[type(declined)]
        return _told(words, status)
    except Busy:
        return _told("others kept the writers' turn: try again", 503, AGAIN)
    return PlainTextResponse(f"{made.line}\n")


def _told(words: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{words}\n", status, headers)


@app.command()
def add(
    origin: Origin,
    verifier: Annotated[list[str], typer.Argument(help="The log's key, name+id+key; or several.")],
) -> None:
    """Cosign a log from now on: its name, and the key that it tells at /log/key."""
    settings = read_settings()
    cosigner = settings.cosigner(create=True)
    with opened(settings) as database, database.writing() as session:
        log = witnessing.witness(session, origin, verifier)
    say(f"{log.origin} is witnessed; give its operator this key:")
    if cosigner is not None:
        print(cosigner.verifier)


@app.command("list")
def list_logs() -> None:
    """List the logs that are cosigned: name, newest size, keys."""
    with opened() as database, database.reading() as session:
        for log in witnessing.witnessed(session):
            print(log.origin, log.size, log.verifiers, sep="\t")


@app.command()
def remove(origin: Origin) -> None:
    """Cosign a log no longer. What was cosigned is remembered."""
    with opened() as database, database.writing() as session:
        witnessing.forget(session, origin)
    say(f"{origin} is not witnessed any longer")


@app.command()
def key() -> None:
    """Print the key that this node's cosignatures are checked with."""
    cosigner = read_settings().cosigner()
    if cosigner is None:
        fail("there is no key to cosign with: `comity migrate` makes one")
    print(cosigner.verifier)
