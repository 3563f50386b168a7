"""How soon a copy on another node is corrected: from an overturn to what a follower answers.

python -m bench.corrections [--count 40]

Three nodes of one machine follow each other, as `comity demo --network` has them; each time-out of
the first is taken over on the second, overturned, and asked about until the copy is overturned.
"""

import argparse
import math
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import httpx2
from rich.console import Console

from api.network import PLATFORMS, Site, await_that, free_ports, network
from api.showing import ADOPT, ISSUE, draft, soon

OVERTURN = """mutation($i: OverturnSanctionInput!) { overturnSanction(input: $i) { __typename
  ... on Refusal { message } } }"""
VALIDITY = "query($id: ID!) { sanction(id: $id) { validity subject } }"
BAR = 2.0  # seconds, for 99 of 100
out = Console()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=40)
    count = parser.parse_args().count
    with (
        tempfile.TemporaryDirectory() as folder,
        httpx2.Client(timeout=10) as client,
        network(Path(folder) / "nodes", free_ports(len(PLATFORMS))) as sites,
    ):
        here, there, _ = sites
        took = sorted(correction(client, here, there) for _ in range(count))
    p99 = took[math.ceil(0.99 * count) - 1]
    out.print(
        f"{count} overturns: p50 {median(took):.2f} s, p99 {p99:.2f} s, worst {took[-1]:.2f} s; "
        f"{'within' if p99 < BAR else 'beyond'} {BAR:g} s"
    )


def correction(client: httpx2.Client, here: Site, there: Site) -> float:
    """The seconds from an overturn's answer until the copy on the other node is overturned."""
    issuer, adopter = f"{here.domains[0]} ISSUER", f"{there.domains[0]} ISSUER"
    account = f"acct:p{time.monotonic_ns()}@elsewhere.example"
    source = here.ask(client, ISSUE, issuer, i=draft(account))["sanction"]["id"]
    await_that("the decision to arrive", partial(_is_known, client, there, adopter, source))
    taken = {"sanctionId": source, "issuerReference": source, "reason": "As they say",
             "measure": "ACCOUNT_SUSPENDED", "expiresAt": soon(days=6)}  # fmt: skip
    copy = there.ask(client, ADOPT, adopter, i=taken)["sanction"]["id"]
    here.ask(client, OVERTURN, issuer, i={"sanctionId": source, "reason": "It was wrong"})
    return await_that("the copy to be corrected", partial(_is_overturned, client, there, copy))


def _is_known(client: httpx2.Client, site: Site, by: str, sanction_id: str) -> bool:
    found = site.ask(client, VALIDITY, by, id=sanction_id)
    return found is not None and found["subject"] is not None


def _is_overturned(client: httpx2.Client, site: Site, sanction_id: str) -> bool:
    return bool(site.ask(client, VALIDITY, None, id=sanction_id)["validity"] == "OVERTURNED")


if __name__ == "__main__":
    main()
