"""`make chaos`: three nodes that follow each other, killed, cut off and slowed, with wrong clocks,
while platforms decide at random; then everything must be the same everywhere.

`python -m tests.chaos --seconds 60 --seed 1 --engine mixed`
"""

import argparse
import random
import signal
import sys
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from api.network import (
    HOST,
    PLATFORMS,
    Late,
    Refusal,
    Site,
    answers,
    await_that,
    befriend,
    caller,
    free_ports,
)
from tests.chaos.cases import Case, Model
from tests.chaos.checks import Checks
from tests.chaos.disasters import Disasters
from tests.chaos.links import Link
from tests.chaos.listening import Listener
from tests.chaos.players import VALIDITY, Player
from tests.postgres import Server

ENGINES = {"sqlite": "", "postgresql": "abc", "mixed": "bc"}  # nodes on PostgreSQL
ROUNDS = 40  # of measured corrections
PATIENCE = 180.0  # seconds to come to rest


def main() -> None:
    asked = argparse.ArgumentParser(prog="make chaos")
    asked.add_argument("--seconds", type=float, default=60)
    asked.add_argument("--seed", type=int, default=random.randrange(10**6))
    asked.add_argument("--engine", choices=ENGINES, default="sqlite")
    given = asked.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"seed {given.seed}, {given.seconds:.0f} seconds, {given.engine}", flush=True)
    with ExitStack() as stack:
        if not _is_well(given.seconds, given.seed, ENGINES[given.engine], stack):
            sys.exit(1)


def _is_well(seconds: float, seed: int, on_postgresql: str, stack: ExitStack) -> bool:
    dice = random.Random(seed)
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="comity-chaos-")))
    client = stack.enter_context(caller())
    # What was committed stays through a crash, as for everybody.
    server = Server(synchronous_commit="on") if on_postgresql else None
    if server is not None:
        stack.enter_context(server)
    sites, links = _sites(folder, server, on_postgresql, stack)
    disasters = Disasters(client, sites, list(links.values()), dice, server)
    for site in sites:
        site.set_up()
        disasters.start(site)
        stack.callback(site.stop)
    for site in sites:
        await_that("a node", partial(answers, client, site))
    befriend(client, sites, {pair: link.url for pair, link in links.items()})
    model, listeners = Model(), [Listener(site) for site in sites]
    players = [
        Player(site, model, random.Random(dice.random()), client, disasters.skews[site.name])
        for site in sites
    ]
    _measure(players)
    threads = [player.start() for player in players]
    disasters.run(seconds)
    print("mended", flush=True)
    disasters.heal()
    for player in players:
        player.ended.set()
    for thread in threads:
        thread.join(PATIENCE)
    _tell(players, disasters, listeners)
    checks = Checks(client, sites, listeners, model, disasters.instants, dice)
    waited = await_that("the nodes to come to rest", checks.is_at_rest, PATIENCE)
    waited += await_that("the subscribers to hear all", checks.have_heard, PATIENCE)
    print(f"at rest after {waited:.1f} s, with {len(model.cases)} sanctions", flush=True)
    wrong = list(checks.run())
    print("\n".join(wrong) or "everything is the same everywhere")
    return not wrong


def _sites(
    folder: Path, server: Server | None, on_postgresql: str, stack: ExitStack
) -> tuple[list[Site], dict[tuple[str, str], Link]]:
    """The nodes, each of which reaches the others by cables of its own."""
    ports = dict(zip(PLATFORMS, free_ports(len(PLATFORMS), 18_001), strict=True))
    links = {
        (here, there): Link(ports[there]) for here in ports for there in ports if here != there
    }
    for link in links.values():
        stack.callback(link.close)
    sites = []
    for name, port in ports.items():
        network = [
            (domain, HOST, links[name, other].port if other != name else port)
            for other, domains in PLATFORMS.items()
            for domain in domains
        ]
        site = Site(name, folder / name, port, tuple(network))
        if server is not None and name in on_postgresql:
            server.create(f"chaos_{name}")
            site.database = server.url(f"chaos_{name}")
        sites.append(site)
    return sites, links


def _measure(players: list[Player]) -> None:
    """The seconds from an overturn's answer to the correction on another node, all well."""
    found = []
    for number in range(ROUNDS):
        here, there = players[0].dice.sample(players, 2)
        source = here.issue(f"acct:measured{number}@elsewhere.example")
        copy = _copied(there, source)
        here.overturn(source)
        found.append(await_that("the correction", partial(_is_overturned, there, copy)))
    found.sort()
    middle, worst = found[len(found) // 2], found[-1]
    print(f"corrected on another node: p50 {middle:.2f} s, p99 {worst:.2f} s, of {ROUNDS}")


def _copied(player: Player, source: Case) -> Case:
    """The copy of what arrives any moment."""
    until = time.monotonic() + 10
    while True:
        try:
            copy = player.adopt(source, player.site.domains[0], has_grounds=False)
        except Refusal as refusal:
            if time.monotonic() > until:
                raise Late(str(refusal)) from None
        else:
            return copy


def _is_overturned(player: Player, case: Case) -> bool:
    found = player.site.ask(player.client, VALIDITY, None, id=case.id)
    return bool(found["validity"] == "OVERTURNED")


def _tell(players: list[Player], disasters: Disasters, listeners: list[Listener]) -> None:
    done = sum((player.done for player in players), disasters.done)
    print(", ".join(f"{name} {n}" for name, n in sorted(done.items())))
    said = sum((player.said for player in players), Counter[str]())
    print("\n".join(f"  {n} × {what}" for what, n in said.most_common(12)))
    calls = [str(listener.calls) for listener in listeners]
    print(f"subscribers connected {', '.join(calls)} times", flush=True)


if __name__ == "__main__":
    main()
