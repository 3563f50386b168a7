"""What happens to nodes, and to what lies between them."""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx2

from api.network import Late, Site, answers, await_that
from tests.chaos.links import Link
from tests.postgres import Server

SKEWS = {"a": 0.0, "b": 150.0, "c": -150.0}  # seconds
PAUSE = 1.5  # seconds between two, on average


def told_by(site: Site) -> Path:
    """The file with what a node has to tell."""
    return site.folder / "told.log"


@dataclass
class Disasters:
    """The nodes, the cables between them, and the database server that some of them use."""

    client: httpx2.Client
    sites: list[Site]
    links: list[Link]
    dice: random.Random
    server: Server | None
    skews: dict[str, float] = field(default_factory=lambda: dict(SKEWS))
    instants: list[datetime] = field(default_factory=list)  # to ask of later
    done: Counter[str] = field(default_factory=Counter)

    def start(self, site: Site) -> None:
        skew = str(self.skews[site.name])
        serve = [sys.executable, "-m", "tests.chaos.serve", str(site.port), skew]
        with told_by(site).open("a") as told:
            site.start(serve, told)

    def run(self, seconds: float) -> None:
        acts: list[Callable[[], None]] = [self.kill, self.kill, self.restart]
        acts += [self.cut, self.cut, self.hold, self.slow, self.slow]
        acts += [self.crash_database] if self.server else []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(self.dice.expovariate(1 / PAUSE))
            act = self.dice.choice(acts)
            act()
            self.done[act.__name__] += 1
            self.instants.append(datetime.now(UTC))

    def kill(self) -> None:
        site = self.dice.choice(self.sites)
        assert site.process is not None
        site.process.kill()
        site.process.wait()
        time.sleep(self.dice.random())
        self._start_again(site)

    def restart(self) -> None:
        site = self.dice.choice(self.sites)
        site.stop()
        self._start_again(site)

    def _start_again(self, site: Site) -> None:
        """Mostly nothing else happens until it is there."""
        self.start(site)
        if self.dice.random() < 0.8:
            with suppress(Late):
                await_that("a node", partial(answers, self.client, site))

    def crash_database(self) -> None:
        assert self.server is not None
        self.server.crash()

    def cut(self) -> None:
        link = self._link()
        link.is_cut = not link.is_cut

    def hold(self) -> None:
        link = self._link()
        link.is_held = not link.is_held

    def slow(self) -> None:
        self._link().delay = self.dice.choice([0.0, 0.05, 0.5])

    def _link(self) -> Link:
        return self.dice.choice(self.links)

    def heal(self) -> None:
        """Mends the cables, sets the clocks, and starts the nodes anew."""
        for link in self.links:
            link.mend()
        self.skews = dict.fromkeys(SKEWS, 0.0)
        for site in self.sites:
            site.stop()
            self.start(site)
