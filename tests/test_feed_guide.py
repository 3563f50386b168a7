"""What the guide to the feed says works: its request by curl, its codes, its Python."""

import ast
import re
import subprocess
from pathlib import Path

import orjson

from api.subscriptions import messages
from tests.api.subscriptions.living import Live
from tests.tools import program

GUIDE = (Path(__file__).parents[1] / "docs" / "feed.md").read_text()

BLOCKS: list[tuple[str, str]] = re.findall(
    r"^```(\w*)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE
)
CODES = range(1_000, 5_000)


def block(language: str) -> str:
    return dict(BLOCKS)[language]


def test_curl_is_told_what_the_guide_says(sqlite_url: str, tmp_path: Path) -> None:
    program("curl", "install curl")
    with Live(sqlite_url, tmp_path / "comity.key") as node:
        node.issue(node.world.team("tidepool.example").issuer)
        told = subprocess.run(
            ["sh", "-c", block("sh").replace("--silent", "--silent --max-time 2")],
            env={"NODE": f"http://{node.address}", "PATH": "/usr/bin:/bin:/usr/local/bin"},
            capture_output=True,
            check=False,
        ).stdout.decode()
    said = {line.partition(": ")[0]: line.partition(": ")[2] for line in block("").splitlines()}
    lines = {line.partition(": ")[0]: line.partition(": ")[2] for line in told.splitlines()}
    assert lines["event"] == said["event"]
    shown, found = orjson.loads(said["data"]), orjson.loads(lines["data"])
    assert lines["id"] == found["data"]["events"]["cursor"]
    shown["data"]["events"]["cursor"] = lines["id"]
    assert found == shown


def test_every_code_that_sockets_close_with_is_in_the_guide() -> None:
    ours = {value for name, value in vars(messages).items() if name.isupper() and value in CODES}
    assert {int(code) for code in re.findall(r"^\| (\d{4}) \|", GUIDE, re.MULTILINE)} == {
        *ours,
        1009,  # of uvicorn's own
        1011,
    }
    assert len(ours) == 10


def test_the_client_in_python_compiles() -> None:
    ast.parse(block("python"))
