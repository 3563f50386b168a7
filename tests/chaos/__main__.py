"""`make chaos`: three nodes that follow each other, killed, cut off and slowed, with wrong clocks,
while platforms decide at random; then everything must be the same everywhere.

`python -m tests.chaos --seconds 60 --seed 1`
"""

import argparse
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from api.network import HOST, PLATFORMS, Site, await_that, befriend, free_ports
from api.showing import ADOPT, DECIDE, FILE, ISSUE, MOVE
from governance.fields import print_instant
from tests.chaos.links import Link

SKEWS = {"a": 0.0, "b": 150.0, "c": -150.0}  # seconds
ACCOUNTS = [f"acct:person{number}@elsewhere.example" for number in range(12)]
ROUNDS = 40  # of measured corrections
PATIENCE = 120.0  # seconds to come to rest
CHANGE = (
    "mutation($i: {draft}!) {{ {name}(input: $i) {{ __typename ... on Refusal {{ message }} }} }}"
)
STATUS = """query($s: URI!, $at: DateTime) { suspensionStatus(subject: $s, at: $at) {
  isSuspended until stalePeers sanctions { id platform { domain } } } }"""
EVENTS = """query($after: Cursor) { eventPage(after: $after, first: 500) { endCursor hasNextPage
  nodes { cursor type occurredAt sanction { id } platform { domain } } } }"""
SANCTION = """query($id: ID!) { sanction(id: $id) { validity endedAt endReason disclosureState
  isBinding policyConflicts subject platform { domain } derivedFrom { id validity } } }"""
PEERS = "{ peers { origin size problem state } }"
SIZE = "{ log { origin size } }"


def alias_of(account: str) -> str:
    """The other name of an account."""
    return account.replace("acct:", "acct:also-")


@dataclass(slots=True)
class Case:
    """A sanction that was answered, and what was answered of it since."""

    site: Site
    domain: str
    account: str
    is_overturned: bool = False
    is_erased: bool = False


@dataclass(slots=True)
class Chaos:
    """The nodes, the cables, and what was answered until now."""

    client: httpx2.Client
    sites: list[Site]
    links: dict[tuple[str, str], Link]
    dice: random.Random
    cases: dict[str, Case] = field(default_factory=dict)
    instants: list[datetime] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    skews: dict[str, float] = field(default_factory=lambda: dict(SKEWS))

    def start(self, site: Site) -> None:
        skew = str(self.skews[site.name])
        site.start([sys.executable, "-m", "tests.chaos.serve", str(site.port), skew])

    def now(self, site: Site) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.skews[site.name])

    def change(self, site: Site, name: str, by: str, **given: object) -> Any:
        draft = f"{name[0].upper()}{name[1:]}Input"
        return site.ask(self.client, CHANGE.format(draft=draft, name=name), by, i=given)

    # What platforms do. A refusal or a broken connection is an answer like any other.

    def issue(self, account: str | None = None) -> str:
        site = self.dice.choice(self.sites)
        domain, at = self.dice.choice(site.domains), self.now(site)
        conduct = print_instant(at - timedelta(days=30, seconds=self.dice.randrange(10**6)))
        account = account or self.dice.choice(ACCOUNTS)
        told = site.ask(self.client, ISSUE, f"{domain} ISSUER", i={
            "issuerReference": f"case-{self.dice.random()}", "subject": account,
            "aliases": [alias_of(account)],
            "measure": "ACCOUNT_SUSPENDED", "ground": "INCOMPATIBLE_CONTENT",
            "groundReference": "Rules, 3", "category": "VIOLENCE", "conductFrom": conduct,
            "conductTo": conduct, "expiresAt": print_instant(at + timedelta(days=3)),
            "reason": "You threatened somebody", "isAutomatedDetection": False,
            "automation": "NOT_AUTOMATED", "source": "OWN_INITIATIVE",
        })  # fmt: skip
        self.cases[told["sanction"]["id"]] = Case(site, domain, account)
        return str(told["sanction"]["id"])

    def adopt(self, source: str | None = None, site: Site | None = None) -> str:
        source = source or self.dice.choice(list(self.cases))
        site = site or self.dice.choice(self.sites)
        domain, case = self.dice.choice(site.domains), self.cases[source]
        told = site.ask(self.client, ADOPT, f"{domain} ISSUER", i={
            "sanctionId": source, "issuerReference": f"copy-{self.dice.random()}",
            "measure": "ACCOUNT_SUSPENDED", "reason": "As they say",
            "expiresAt": print_instant(self.now(site) + timedelta(days=1)),
        })  # fmt: skip
        self.cases[told["sanction"]["id"]] = Case(site, domain, case.account)
        return str(told["sanction"]["id"])

    def overturn(self) -> None:
        sanction_id, case = self._case()
        by = f"{case.domain} ISSUER"
        self.change(case.site, "overturnSanction", by, sanctionId=sanction_id, reason="wrong")
        case.is_overturned = True

    def appeal(self) -> None:
        sanction_id, case = self._case()
        admin, reviewer = f"{case.domain} ADMIN", f"{case.domain} REVIEWER"
        filed = case.site.ask(
            self.client, FILE, admin, i={"sanctionId": sanction_id, "grounds": "Not me"}
        )
        appeal = filed["appeal"]["id"]
        for move in ("ADMIT", "START_REVIEW"):
            case.site.ask(self.client, MOVE, reviewer, i={"appealId": appeal, "move": move})
        outcome = self.dice.choice(["OVERTURNED", "UPHELD"])
        case.site.ask(self.client, DECIDE, reviewer, i={
            "appealId": appeal, "outcome": outcome, "statement": "Our reasons"})  # fmt: skip
        case.is_overturned |= outcome == "OVERTURNED"

    def lift(self) -> None:
        sanction_id, case = self._case()
        by = f"{case.domain} ISSUER"
        self.change(case.site, "liftSanction", by, sanctionId=sanction_id, reason="clemency")

    def erase(self) -> None:
        sanction_id, case = self._case()
        by = f"{case.domain} ADMIN"
        self.change(case.site, "eraseSubject", by, sanctionId=sanction_id, reason="asked to")
        case.is_erased = True

    def _case(self) -> tuple[str, Case]:
        return self.dice.choice(list(self.cases.items()))

    # What happens to them.

    def kill(self) -> None:
        site = self.dice.choice(self.sites)
        if site.process is not None:
            site.process.kill()
            site.process.wait()
            time.sleep(self.dice.random())
            self.start(site)

    def cut(self) -> None:
        link = self.dice.choice(list(self.links.values()))
        link.is_cut = not link.is_cut

    def slow(self) -> None:
        link = self.dice.choice(list(self.links.values()))
        link.delay = self.dice.choice([0.0, 0.05, 0.5])

    def heal(self) -> None:
        """Mends the cables, sets the clocks, and starts what isn't running."""
        for link in self.links.values():
            link.is_cut, link.delay = False, 0.0
        self.skews = dict.fromkeys(SKEWS, 0.0)
        for site in self.sites:
            site.stop()
            self.start(site)

    def run(self, seconds: float) -> None:
        acts = [self.issue] * 8 + [self.adopt] * 5
        acts += [self.overturn, self.appeal, self.lift, self.erase]  # type: ignore[list-item]
        faults = [self.kill, self.cut, self.cut, self.slow]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            act: Any = self.dice.choice(acts if self.dice.random() < 0.93 else faults)
            try:
                act()
                self.done[act.__name__] += 1
            except (RuntimeError, httpx2.HTTPError, ValueError, IndexError):
                self.done[f"{act.__name__} refused"] += 1
            if self.dice.random() < 0.05:
                self.instants.append(datetime.now(UTC))

    def measure(self) -> list[float]:
        """The seconds from an overturn's answer to the correction on another node, all well."""
        found = []
        for number in range(ROUNDS):
            account = f"acct:measured{number}@elsewhere.example"
            source = self.issue(account)
            case = self.cases[source]
            other = self.dice.choice([site for site in self.sites if site is not case.site])
            copy = ""
            until = time.monotonic() + PATIENCE
            while not copy and time.monotonic() < until:
                with suppress(RuntimeError):
                    copy = self.adopt(source, other)
            by = f"{case.domain} ISSUER"
            self.change(case.site, "overturnSanction", by, sanctionId=source, reason="wrong")
            case.is_overturned = True
            found.append(await_that("the correction", partial(self._is_corrected, other, copy)))
        return sorted(found)

    def _is_corrected(self, site: Site, sanction_id: str) -> bool:
        validity: str | None = self._sanction(site, sanction_id)["validity"]
        return validity == "OVERTURNED"

    def _sanction(self, site: Site, sanction_id: str) -> Any:
        by = f"{site.domains[0]} ISSUER"
        return site.ask(self.client, SANCTION, by, id=sanction_id) or {"validity": None}

    # What must be true at rest.

    def is_at_rest(self) -> bool:
        try:
            logs = [site.ask(self.client, SIZE, None) for site in self.sites]
            sizes = {log["origin"]: log["size"] for log in logs}
            peers = [peer for site in self.sites for peer in site.ask(self.client, PEERS, None)]
        except (httpx2.HTTPError, ValueError):
            return False
        return len(peers) == 6 and all(
            peer["size"] == sizes[peer["origin"]] and peer["problem"] is None for peer in peers
        )

    def check(self) -> Iterator[str]:
        """What isn't as it should be."""
        later = datetime.now(UTC) + timedelta(minutes=5)
        for account in [name for one in ACCOUNTS[::3] for name in (one, alias_of(one))]:
            for at in [later, *self.dice.sample(self.instants, min(5, len(self.instants)))]:
                told = [self._status(site, account, at) for site in self.sites]
                if any(one != told[0] for one in told):
                    held = [set(one["sanctions"]) for one in told]
                    apart = set.union(*held) - set.intersection(*held)
                    yield f"{account} at {at:%H:%M:%S} isn't the same by {sorted(apart)}"
                    yield from self._apart(next(iter(apart)))
        feeds = [self._feed(site) for site in self.sites]
        for site, feed in zip(self.sites, feeds, strict=True):
            if feed != feeds[0]:
                missing, more = feeds[0] - feed, feed - feeds[0]
                yield f"node {site.name}'s feed lacks {missing} and has {more}"
        for sanction_id, case in self.cases.items():
            for site in self.sites:
                yield from self._wrong(site, sanction_id, case)
        for site in self.sites:
            key = str(site.settings.sequencer().signer.verifier())
            verify = [sys.executable, "-m", "api", "log", "verify", f"{site.url}/log"]
            done = subprocess.run([*verify, "--key", key], capture_output=True, check=False)
            if done.returncode:
                yield f"node {site.name}'s log: {done.stderr.decode()}"

    def _apart(self, sanction_id: str) -> Iterator[str]:
        """One sanction as each node has it."""
        for site in self.sites:
            yield f"  on node {site.name}: {self._sanction(site, sanction_id)}"

    def _wrong(self, site: Site, sanction_id: str, case: Case) -> Iterator[str]:
        found = self._sanction(site, sanction_id)
        place = f"{sanction_id} on node {site.name}"
        if found["validity"] is None:
            yield f"{place} is missing"
            return
        if case.is_overturned and found["validity"] != "OVERTURNED":
            yield f"{place} is {found['validity']}"
        if case.is_erased and found["disclosureState"] != "REDACTED":
            yield f"{place} is {found['disclosureState']}"
        source = found["derivedFrom"]
        if source and source["validity"] == "OVERTURNED" and found["validity"] == "STANDING":
            yield f"{place} is an echo of what was overturned"

    def _status(self, site: Site, account: str, at: datetime) -> Any:
        by = f"{site.domains[0]} ISSUER"
        told = site.ask(self.client, STATUS, by, s=account, at=print_instant(at))
        told["sanctions"] = sorted(one["id"] for one in told["sanctions"])
        return told

    def _feed(self, site: Site) -> Counter[tuple[str, ...]]:
        found: Counter[tuple[str, ...]] = Counter()
        after, is_more, cursors = None, True, list[str]()
        while is_more:
            page = site.ask(self.client, EVENTS, None, after=after)
            for event in page["nodes"]:
                cursors.append(event["cursor"])
                place = event["type"], event["occurredAt"], event["sanction"]["id"]
                found[*place, event["platform"]["domain"]] += 1
            after, is_more = page["endCursor"], page["hasNextPage"]
        assert len(set(cursors)) == len(cursors)
        return found


def main() -> None:
    asked = argparse.ArgumentParser(prog="make chaos")
    asked.add_argument("--seconds", type=float, default=60)
    asked.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = asked.parse_args()
    print(f"seed {given.seed}, {given.seconds:.0f} seconds", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="comity-chaos-")))
        client = stack.enter_context(httpx2.Client(timeout=10))
        chaos = _set_up(folder, client, random.Random(given.seed), stack)
        measured = chaos.measure()
        middle, worst = measured[len(measured) // 2], measured[-1]
        print(f"corrected on another node: p50 {middle:.2f} s, p99 {worst:.2f} s, of {ROUNDS}")
        chaos.run(given.seconds)
        print(", ".join(f"{name} {n}" for name, n in sorted(chaos.done.items())), flush=True)
        chaos.heal()
        seconds = await_that("the nodes to come to rest", chaos.is_at_rest, PATIENCE)
        print(f"at rest after {seconds:.1f} s, with {len(chaos.cases)} sanctions", flush=True)
        wrong = list(chaos.check())
        print("\n".join(wrong) or "everything is the same everywhere")
        if wrong:
            sys.exit(1)


def _set_up(folder: Path, client: httpx2.Client, dice: random.Random, stack: ExitStack) -> Chaos:
    ports = dict(zip(PLATFORMS, free_ports(len(PLATFORMS), 18_001), strict=True))
    links = {
        (here, there): Link(ports[there]) for here in ports for there in ports if here != there
    }
    sites = []
    for name, port in ports.items():
        network = [
            (domain, HOST, links[name, other].port if other != name else port)
            for other, domains in PLATFORMS.items()
            for domain in domains
        ]
        sites.append(Site(name, folder / name, port, tuple(network)))
    chaos = Chaos(client, sites, links, dice)
    for site in sites:
        site.set_up()
        chaos.start(site)
        stack.callback(site.stop)
    for link in links.values():
        stack.callback(link.close)
    for site in sites:
        await_that("a node", partial(_answers, client, site))
    befriend(client, sites, {pair: link.url for pair, link in links.items()})
    return chaos


def _answers(client: httpx2.Client, site: Site) -> bool:
    with suppress(httpx2.TransportError):
        return client.get(f"{site.url}/health/live").status_code == 200
    return False


if __name__ == "__main__":
    main()
