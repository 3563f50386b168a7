"""What has to be true once the nodes have come to rest."""

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from api.network import Site
from governance.fields import parse_instant, print_instant
from tests.chaos.cases import ACCOUNTS, Case, Model, alias_of
from tests.chaos.disasters import told_by
from tests.chaos.listening import Listener

PAST = 6  # instants that are asked of
STATUS = """query($s: URI!, $at: DateTime) { suspensionStatus(subject: $s, at: $at) {
  isSuspended until stalePeers sanctions { id platform { domain } } } }"""
EVENTS = """query($after: Cursor) { eventPage(after: $after, first: 500) { endCursor hasNextPage
  nodes { cursor type occurredAt sanction { id } platform { domain } } } }"""
SANCTION = """query($id: ID!) { sanction(id: $id) { validity endedAt endReason disclosureState
  expiresAt isBinding isIndependent policyConflicts subject platform { domain }
  derivedFrom { id validity } adoptions(first: 50) { nodes { id } }
  receipts(first: 50) { nodes { state at dueAt platform { domain } adoption { id } } } } }"""
PEERS = "{ peers { origin size problem state } }"
SIZE = "{ log { origin size } }"
COUNT = "{ sanctions(first: 1) { totalCount } }"


@dataclass
class Checks:
    """Compares the nodes with each other, and with the model."""

    client: httpx2.Client
    sites: Sequence[Site]
    listeners: Sequence[Listener]
    model: Model
    instants: list[datetime]
    dice: random.Random

    def is_at_rest(self) -> bool:
        try:
            logs = [site.ask(self.client, SIZE, None) for site in self.sites]
            sizes = {log["origin"]: log["size"] for log in logs}
            peers = [peer for site in self.sites for peer in site.ask(self.client, PEERS, None)]
        except (httpx2.HTTPError, ValueError, RuntimeError):
            return False
        return len(peers) == 6 and all(
            peer["size"] == sizes[peer["origin"]] and peer["problem"] is None for peer in peers
        )

    def have_heard(self) -> bool:
        """Whether every listener has heard as much as there is."""
        for listener in self.listeners:
            feed = self._feed(listener.site)
            if not listener.heard or listener.heard[-1] != feed[-1]["cursor"]:
                return False
        return True

    def run(self) -> Iterator[str]:
        """What isn't as it should be."""
        yield from self._statuses()
        yield from self._feeds()
        for site in self.sites:
            count = site.ask(self.client, COUNT, None)["totalCount"]
            if count != len(self.model.cases):
                yield f"node {site.name} has {count} sanctions, {len(self.model.cases)} answered"
        for case in self.model.cases.values():
            yield from self._case(case)
        for site in self.sites:
            yield from self._log(site)
            for line in told_by(site).read_text().splitlines():
                if '"INTERNAL"' in line or "Traceback" in line:
                    yield f"node {site.name} told {line}"

    def _statuses(self) -> Iterator[str]:
        later = datetime.now(UTC) + timedelta(minutes=5)
        past = self.dice.sample(self.instants, min(PAST, len(self.instants)))
        for account in ACCOUNTS:
            for name in (account, alias_of(account)):
                for at in (later, *past):
                    told = [self._status(site, name, at) for site in self.sites]
                    if any(one != told[0] for one in told):
                        yield f"{name} at {at:%H:%M:%S} isn't the same: {told}"
                found = set(self._status(self.sites[0], name, later)["sanctions"])
                wrong = (found ^ set(self.model.suspending(account))) - self.model.uncertain()
                for ident in sorted(wrong):
                    is_it, case = self._sanction(self.sites[0], ident), self.model.cases[ident]
                    # A copy ends when its source did, by a clock that may have been ahead.
                    if parse_instant(is_it["expiresAt"]) > later:
                        yield f"{name} is suspended, or isn't, by {case.told()}: {is_it}"

    def _status(self, site: Site, account: str, at: datetime) -> Any:
        by = f"{site.domains[0]} ISSUER"
        told = site.ask(self.client, STATUS, by, s=account, at=print_instant(at))
        told["sanctions"] = sorted(one["id"] for one in told["sanctions"])
        return told

    def _feeds(self) -> Iterator[str]:
        """Each node's feed has the same once, and its subscriber heard that in its order."""
        first: Counter[Any] = Counter()
        for listener in self.listeners:
            name, feed = listener.site.name, self._feed(listener.site)
            if listener.heard != [event["cursor"] for event in feed]:
                yield f"node {name}'s subscriber heard {len(listener.heard)} of {len(feed)} events"
            found = Counter(
                (e["type"], e["occurredAt"], e["sanction"]["id"], e["platform"]["domain"])
                for e in feed
            )
            first = first or found
            if found != first:
                yield f"node {name}'s feed lacks {first - found} and has {found - first}"

    def _feed(self, site: Site) -> list[Any]:
        found, after, is_more = [], None, True
        while is_more:
            page = site.ask(self.client, EVENTS, None, after=after)
            found += page["nodes"]
            after, is_more = page["endCursor"], page["hasNextPage"]
        return found

    def _case(self, case: Case) -> Iterator[str]:
        told = [self._sanction(site, case.id) for site in self.sites]
        if any(one != told[0] for one in told):
            yield f"{case.id} isn't the same: {told}"
            return
        found = told[0]
        if (found["validity"] == "OVERTURNED") != case.must_be_overturned():
            yield f"{case.id} is {found['validity']}"
        is_erased = found["disclosureState"] == "REDACTED"
        if is_erased != case.is_erased and not case.waits_for_erasure:
            yield f"{case.id} is {found['disclosureState']}"
        if not found["isBinding"]:
            yield f"{case.id} doesn't bind by {found['policyConflicts']}"
        if case.source is not None:
            yield from self._copy(case, case.source)

    def _copy(self, case: Case, source: Case) -> Iterator[str]:
        """The source knows its copy, and its correction has reached it."""
        found = self._sanction(self.sites[0], source.id)
        if case.id not in [one["id"] for one in found["adoptions"]["nodes"]]:
            yield f"{source.id} doesn't show its copy {case.id}"
        if case.is_overturned:
            return  # perhaps before its source was: then nothing was left to correct
        corrected = {"DUE", "REMEDIED"}
        fit = corrected if found["validity"] == "OVERTURNED" else {"ADOPTED", *corrected}
        for one in found["receipts"]["nodes"]:
            if one["adoption"] and one["adoption"]["id"] == case.id and one["state"] not in fit:
                yield f"the receipt of {case.id} is {one['state']}, its source {found['validity']}"

    def _sanction(self, site: Site, sanction_id: str) -> Any:
        found = site.ask(self.client, SANCTION, f"{site.domains[0]} ISSUER", id=sanction_id)
        for name in ("adoptions", "receipts"):
            found[name]["nodes"].sort(key=str)
        return found

    def _log(self, site: Site) -> Iterator[str]:
        key = str(site.settings.sequencer().signer.verifier())
        verify = [sys.executable, "-m", "api", "log", "verify", f"{site.url}/log"]
        done = subprocess.run([*verify, "--key", key], capture_output=True, check=False)
        if done.returncode:
            yield f"node {site.name}'s log: {done.stderr.decode()}"
