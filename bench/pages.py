"""How much time each page of the explorer takes, of the server's processor and the database's.

python -m bench.pages [--sanctions 1000000] [--rounds 3] [--only TEXT] [--url URL --key FILE]
                      [--drawn 100]

Cold: nothing that pages keep is kept. Warm: asked again at once. Of several rounds the least is
shown, since whatever else runs only adds to it. A statement's time is the database's own; on SQLite
it is in the server's. Drawn: random selections of one to five choices, with dates, orders and pages
in the depth; first as they come, with plans to make, and then with plans that are kept.
"""

import argparse
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode

import psycopg
from rich.console import Console
from rich.table import Table
from starlette.testclient import TestClient

from api.app import create_app
from api.explorer.asking import Desk
from bench import worlds
from governance.settings import Settings
from governance.words import Automation, DurationBucket, Effect, EndReason, Ground, Source, Validity

MOST = 0.1  # seconds of processor time that a page may take
out = Console(width=140)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sanctions", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="addresses that contain this")
    parser.add_argument("--url", help="a database that is there already")
    parser.add_argument("--key", type=Path, help="its key file")
    parser.add_argument("--drawn", type=int, help="random selections, in place of the pages")
    options = parser.parse_args()
    if options.url:
        _measured(Settings(database_url=options.url, key_file=options.key), options)
        return
    for _, settings, _ in worlds.on_each(None, options.sanctions):
        _measured(settings, options)


def _measured(settings: Settings, options: argparse.Namespace) -> None:
    engine = settings.database_url.partition(":")[0]
    table = Table("", "cold ms", "CPU ms", "warm ms", "", title=engine, box=None)
    costs = []
    app = create_app(settings)
    with TestClient(app, follow_redirects=False) as visitor:
        if options.drawn:
            _show_drawn(engine, visitor, app.state.desk, settings, options.drawn)
            return
        for address in _addresses(visitor):
            if options.only not in address:
                continue
            rounds = range(options.rounds)
            took = [_once(visitor, app.state.desk, settings, address) for _ in rounds]
            cold, cpu, warm = (min(one[n] for one in took) for n in range(3))
            costs.append(cpu)
            note = "" if cpu <= MOST else "over"
            table.add_row(address, *(f"{1_000 * n:,.0f}" for n in (cold, cpu, warm)), note)
    out.print(table)
    over = sum(cost > MOST for cost in costs)
    out.print(f"{len(costs)} pages, median {1_000 * median(costs):.0f} ms, {over} over 100 ms")


def _show_drawn(
    engine: str, visitor: TestClient, desk: Desk, settings: Settings, count: int
) -> None:
    rng = random.Random(5)
    addresses = [_drawn(rng, visitor) for _ in range(count)]
    _visit(visitor, "/sanctions")
    table = Table(engine, "median ms CPU", "90th", "slowest", "over 100", "", box=None)
    for name in ("first", "kept"):
        costs = [_once(visitor, desk, settings, address)[1] for address in addresses]
        slowest = max(zip(costs, addresses, strict=True))
        shown = (median(costs), quantiles(costs, n=10)[-1], slowest[0])
        over = str(sum(cost > MOST for cost in costs))
        table.add_row(name, *(f"{1_000 * n:,.0f}" for n in shown), over, slowest[1])
    out.print(table)


def _drawn(rng: random.Random, visitor: TestClient) -> str:
    """The address of a list with random choices."""
    keyword = rng.choice([k for of_category in worlds.KEYWORDS.values() for k in of_category])
    days = datetime.now(UTC).date() - timedelta(days=rng.randrange(1, worlds.AGE.days))
    choices: list[tuple[str, object]] = [
        ("platform", f"p{rng.randrange(worlds.PLATFORMS)}.example"),
        ("measure", rng.choice(worlds.MEASURES)),
        ("category", rng.choice(worlds.CATEGORIES)),
        ("keyword", keyword),
        ("effect", rng.choice(list(Effect))),
        ("validity", rng.choice(list(Validity))),
        ("end", rng.choice(list(EndReason))),
        ("duration", rng.choice(list(DurationBucket))),
        ("ground", rng.choice(list(Ground))),
        ("automation", rng.choice(list(Automation))),
        ("source", rng.choice(list(Source))),
        ("language", rng.choice([one for one in worlds.LANGUAGES if one])),
        ("appealed", rng.choice(["yes", "no"])),
        ("binding", rng.choice(["yes", "no"])),
    ]
    chosen = rng.sample(choices, rng.randint(1, 5))
    chosen += rng.sample([("from", days), ("to", days)], rng.choice([0, 0, 1]))
    chosen += rng.choice([[], [], [("sort", "oldest")], [("after", _deep(visitor))]])
    return f"/sanctions?{urlencode(chosen)}"


def _once(
    visitor: TestClient, desk: Desk, settings: Settings, address: str
) -> tuple[float, float, float]:
    """Seconds that the page takes when nothing is kept, processor time of it, and when it is."""
    desk.forget()
    before, begun = _cpu(settings), time.perf_counter()
    _visit(visitor, address)
    cold, cpu = time.perf_counter() - begun, _cpu(settings) - before
    begun = time.perf_counter()
    _visit(visitor, address)
    return cold, cpu, time.perf_counter() - begun


def _visit(visitor: TestClient, address: str) -> None:
    answer = visitor.get(address)
    if answer.status_code not in (200, 503):  # 503: it took too long
        raise SystemExit(f"{address} answered {answer.status_code}")


def _cpu(settings: Settings) -> float:
    """Seconds of processor time so far: this process', and those that PostgreSQL serves it with."""
    spent = time.process_time()
    if settings.database_url.startswith("postgresql"):
        with psycopg.connect(settings.database_url) as connection:
            found = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname IS NOT NULL")
            for (pid,) in found.fetchall():
                spent += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    return spent


def _addresses(visitor: TestClient) -> Iterator[str]:
    """Each kind of page, with what selects little, half and all."""
    today = datetime.now(UTC).date()
    for days in (7, 30, 90, 365):
        for path in ("/", "/platforms", "/platforms/p3.example", "/categories"):
            yield f"{path}?days={days}"
    query = "{ sanctions(first: 1) { nodes { id } } }"
    [node] = visitor.get("/graphql", params={"query": query}).json()["data"]["sanctions"]["nodes"]
    yield f"/sanctions/{node['id']}"
    lists = [
        "",
        "?sort=oldest",
        f"?after={_deep(visitor)}",
        "?platform=p3.example",
        "?measure=ACCOUNT_SUSPENDED",
        "?measure=SERVER_SUSPENDED",
        "?measure=WARNING",
        "?measure=ACCOUNT_SUSPENDED&measure=CONTENT_REMOVED&measure=CONTENT_DEMOTED",
        "?category=CYBER_VIOLENCE",
        "?category=CYBER_VIOLENCE&keyword=CYBER_STALKING",
        "?keyword=CYBER_STALKING",
        "?effect=IN_FORCE",
        "?effect=ENDED",
        "?effect=IN_FORCE&sort=oldest",
        "?effect=PENDING",
        "?validity=STANDING",
        "?validity=OVERTURNED",
        "?validity=VOIDED",
        "?end=EXPIRED",
        "?end=OVERTURNED",
        "?end=LIFTED",
        "?duration=OVER_180_DAYS",
        "?duration=UP_TO_7_DAYS",
        "?duration=OPEN_ENDED",
        "?duration=NONE",
        "?kind=CONTENT",
        "?kind=SERVER",
        "?ground=ILLEGAL_CONTENT",
        "?ground=INCOMPATIBLE_CONTENT",
        "?automation=FULLY",
        "?automation=PARTIALLY",
        "?automation=NOT_AUTOMATED",
        "?source=NOTICE",
        "?language=de",
        "?language=xx",
        "?appealed=yes",
        "?appealed=no",
        "?binding=no",
        "?binding=yes",
        f"?from={today - timedelta(days=7)}",
        f"?from={today - timedelta(days=400)}&to={today - timedelta(days=40)}",
        "?from=2000-01-01&to=2001-01-01",
        "?platform=p3.example&measure=SERVER_SUSPENDED&category=VIOLENCE",
        "?platform=p3.example&effect=IN_FORCE&validity=OVERTURNED",
        "?measure=CONTENT_REMOVED&effect=IN_FORCE&sort=oldest",
        "?measure=CONTENT_REMOVED&duration=NONE",
        "?measure=CONTENT_REMOVED&language=de&appealed=yes&sort=oldest",
    ]
    yield from (f"/sanctions{query}" for query in lists)
    yield from ("/sanctions.atom", "/sanctions.atom?kind=SERVER", "/sanctions.atom?language=xx")
    queries = ("", "?platform=p3.example", "?outcome=OVERTURNED", "?state=FILED", "?overdue=yes")
    yield from (f"/appeals{query}" for query in queries)
    yield from ("/appeals.atom", "/reports.atom", "/data.atom", "/platforms.atom")
    yield from ("/log.atom", "/forks.atom")
    yield from ("/policy", "/log", "/data", "/reports/p3.example", "/appeal", "/staff")
    for by in ("", "by=DAY", "by=MONTH", "by=PLATFORM&by=MEASURE&by=CATEGORY"):
        yield f"/statistics.csv?{by}"
    yield from (f"/statistics.csv?by={by}" for by in ("EFFECT", "DURATION_BUCKET"))


def _deep(visitor: TestClient) -> str:
    """A cursor in the middle of the list."""
    middle = datetime.now(UTC) - timedelta(days=365)
    return f"Sanction~{middle:%Y-%m-%dT%H:%M:%S.%f}Z~san_"


if __name__ == "__main__":
    main()
