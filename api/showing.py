"""`comity demo --network`: a decision is taken over on two other nodes, appealed, overturned, and
corrected everywhere, with the seconds that it took."""

import secrets
import signal
import sys
import time
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from api.console import now, say
from api.network import PLATFORMS, Site, await_that, caller, free_ports, network
from governance.fields import print_instant

ISSUE = """mutation($i: IssueSanctionInput!) { issueSanction(input: $i) { __typename
  ... on SanctionIssued { sanction { id } appealSecret } ... on Refusal { message } } }"""
ADOPT = """mutation($i: AdoptSanctionInput!) { adoptSanction(input: $i) { __typename
  ... on SanctionIssued { sanction { id } } ... on Refusal { message } } }"""
FILE = """mutation($i: FileAppealInput!) { fileAppeal(input: $i) { __typename
  ... on AppealChanged { appeal { id } } ... on Refusal { message } } }"""
MOVE = """mutation($i: MoveAppealInput!) { moveAppeal(input: $i) { __typename
  ... on Refusal { message } } }"""
DECIDE = """mutation($i: DecideAppealInput!) { decideAppeal(input: $i) { __typename
  ... on Refusal { message } } }"""
STATUS = "query($s: URI!) { suspensionStatus(subject: $s) { isSuspended } }"
SANCTION = """query($id: ID!) { sanction(id: $id) { validity
  adoptions(first: 9) { nodes { validity } }
  receipts(first: 9) { nodes { state platform { domain } } } } }"""


def show(*, stays: bool) -> None:
    """Runs the demonstration; then serves until interrupted, if it is to stay."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="comity-network-")))
        say("three nodes start, which follow each other…")
        sites = stack.enter_context(network(folder / "nodes", free_ports(len(PLATFORMS))))
        for site in sites:
            say(f"  {site.url}/  {', '.join(site.domains)}")
        client = stack.enter_context(caller())
        sanction_id, account = tell(client, sites)
        _show_where(sites, sanction_id, account)
        if stays:
            say("\nthe nodes serve until you press Ctrl+C")
            try:
                signal.pause()
            except KeyboardInterrupt:
                return


def tell(client: httpx2.Client, sites: list[Site]) -> tuple[str, str]:
    """One time-out: issued, taken over on two other nodes, appealed, overturned, corrected."""
    a, b, c = sites
    account = f"acct:riley-{secrets.token_hex(3)}@elsewhere.example"
    issuer, lagoon, fjord = (f"{site.domains[0]} ISSUER" for site in sites)
    reviewer = f"{a.domains[0]} REVIEWER"
    issued = a.ask(client, ISSUE, issuer, i=draft(account))
    sanction_id, secret = issued["sanction"]["id"], issued["appealSecret"]
    _say("harbor.example (node a) suspends an account for 7 days", None)
    others = ((b, lagoon), (c, fjord))
    for site, by in others:
        what = f"node {site.name} to know it"
        seconds = await_that(what, partial(_is_suspended, client, site, by, account))
        _say(f"  node {site.name} answers that it is suspended", seconds)
    for site, by in others:
        taken = {"sanctionId": sanction_id, "issuerReference": "copy", "reason": "As harbor says",
                 "measure": "ACCOUNT_SUSPENDED", "expiresAt": soon(days=6)}  # fmt: skip
        site.ask(client, ADOPT, by, i=taken)
        _say(f"{site.domains[0]} (node {site.name}) takes it over until the 6th day", None)
    seconds = await_that("node a to show both", lambda: len(_read(client, a, sanction_id)[0]) == 2)
    _say("  node a shows both copies", seconds)
    filed = a.ask(client, FILE, None, i={
        "sanctionId": sanction_id, "grounds": "It wasn't me", "appealSecret": secret})  # fmt: skip
    appeal_id = filed["appeal"]["id"]
    for move in ("ADMIT", "START_REVIEW"):
        a.ask(client, MOVE, reviewer, i={"appealId": appeal_id, "move": move})
    _say("the person appeals with the secret alone; harbor.example reviews", None)
    a.ask(client, DECIDE, reviewer, i={
        "appealId": appeal_id, "outcome": "OVERTURNED", "statement": "We were wrong"})  # fmt: skip
    _say("harbor.example overturns its decision", None)
    begun = time.monotonic()
    for site, by in others:
        what = f"node {site.name} to correct its copy"
        await_that(what, partial(_is_free, client, site, by, account))
        told = f"  {site.domains[0]}'s copy is corrected on node {site.name}"
        _say(told, time.monotonic() - begun)
    await_that(
        "the receipts to arrive",
        lambda: _read(client, a, sanction_id)[1].count("REMEDIED") == 2,
    )
    _say("  node a shows both receipts of the correction", time.monotonic() - begun)
    return sanction_id, account


def _is_suspended(client: httpx2.Client, site: Site, by: str, account: str) -> bool:
    return bool(site.ask(client, STATUS, by, s=account)["isSuspended"])


def _is_free(client: httpx2.Client, site: Site, by: str, account: str) -> bool:
    return not _is_suspended(client, site, by, account)


def _read(client: httpx2.Client, site: Site, sanction_id: str) -> tuple[list[str], list[str]]:
    """The validity of each copy, and the state of each receipt."""
    found = site.ask(client, SANCTION, None, id=sanction_id)
    copies = [one["validity"] for one in found["adoptions"]["nodes"]]
    return copies, [one["state"] for one in found["receipts"]["nodes"]]


def draft(account: str) -> dict[str, object]:
    """A time-out of seven days."""
    return {
        "issuerReference": secrets.token_hex(8),
        "subject": account,
        "measure": "ACCOUNT_SUSPENDED",
        "ground": "INCOMPATIBLE_CONTENT",
        "groundReference": "Rules, 3",
        "category": "VIOLENCE",
        "conductFrom": soon(hours=-2),
        "conductTo": soon(hours=-1),
        "expiresAt": soon(days=7),
        "reason": "You threatened somebody",
        "isAutomatedDetection": False,
        "automation": "NOT_AUTOMATED",
        "source": "OWN_INITIATIVE",
    }


def soon(**span: float) -> str:
    """The instant so long from now."""
    return print_instant(now() + timedelta(**span))


def _say(what: str, seconds: float | None) -> None:
    measured = "" if seconds is None else f"  [bold]{seconds:.2f} s[/]"
    say(f"{what}{measured}", markup=True)


def _show_where(sites: list[Site], sanction_id: str, account: str) -> None:
    a, b, c = sites
    query = "query($s: URI!) { suspensionStatus(subject: $s) { isSuspended asOf stalePeers } }"
    body = f'{{"query": "{query}", "variables": {{"s": "{account}"}}}}'
    tokens = [site.tokens[f"{site.domains[0]} ISSUER"] for site in sites]
    say("\nTo watch, with three nodes at work, and to decide yourself:\n")
    told = "{ peers { origin size lagSeconds state problem } }"
    heard = "subscription { events { type platform { domain } sanction { id validity } } }"
    print(
        f"{a.url}/sanctions/{sanction_id}\n"
        f"curl -s {a.url}/graphql -H 'Content-Type: application/json'"
        f' -d \'{{"query": "{told}"}}\'\n'
        f"curl -s {b.url}/graphql -H 'Authorization: Bearer {tokens[1]}' \\\n"
        f"  -H 'Content-Type: application/json' -d '{body}'\n"
        f"curl -sN {c.url}/graphql -H 'Accept: text/event-stream' \\\n"
        f"  -H 'Content-Type: application/json' -d '{{\"query\": \"{heard}\"}}'",
        flush=True,
    )
    for site, token in zip(sites, tokens, strict=True):
        say(f"{site.url}/graphql  ISSUER of {site.domains[0]}: {token}")
