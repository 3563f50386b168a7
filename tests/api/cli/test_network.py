"""`comity demo --network`: three real nodes, one decision, corrected everywhere."""

import re
import subprocess

from tests.api.serving import ROOT, command, environment

LATEST = 20.0  # seconds, on whatever machine; it is a fraction of one


def test_one_decision_is_corrected_on_three_nodes() -> None:
    done = subprocess.run(
        command("demo", "--network", "--end"),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = dict(re.findall(r"^ +(.+?)  ([0-9.]+) s$", done.stderr, re.MULTILINE))
    assert set(told) == {
        "node b answers that it is suspended",
        "node c answers that it is suspended",
        "node a shows both copies",
        "lagoon.example's copy is corrected on node b",
        "fjord.example's copy is corrected on node c",
        "node a shows both receipts of the correction",
    }
    assert max(map(float, told.values())) < LATEST
    assert "/sanctions/san_" in done.stdout
