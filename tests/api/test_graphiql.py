"""GraphiQL, as it is served and as a real browser shows it."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate
from starlette.testclient import TestClient

from api.app import create_app
from api.graphiql import HERE
from api.schema.build import sdl
from governance.settings import Settings
from tests.api.serving import Demo, demonstrating
from tests.browser import Browser
from tests.builders import write_keys

RUN = "document.querySelector('.graphiql-execute-button').click()"
QUERY = "document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror"
ANSWER = "document.querySelector('.result-window .CodeMirror').CodeMirror.getValue()"
SHOWN = "section[aria-label='Headers'] .graphiql-editor:not(.hidden) .CodeMirror"
HEADERS = f'document.querySelector("{SHOWN}").CodeMirror'
EXAMPLES = re.findall(r"query: `([^`]+)`", (HERE / "page" / "examples.js").read_text())


@pytest.fixture
def client(sqlite_url: str, tmp_path: Path) -> Iterator[TestClient]:
    """Yield a client of a node on SQLite."""
    write_keys(tmp_path / "comity.key")
    settings = Settings(database_url=sqlite_url, key_file=tmp_path / "comity.key")
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Yield a served demonstration node."""
    with demonstrating(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """Yield a browser with nothing in its memory."""
    with Browser(tmp_path / "profile") as browser:
        yield browser


def test_its_policy_lets_nothing_inline_and_no_other_host_in(client: TestClient) -> None:
    pages = [client.get("/graphiql") for _ in range(2)]
    policy, other = [page.headers["content-security-policy"] for page in pages]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "unsafe" not in policy
    assert "://" not in policy
    assert policy != other  # a nonce is used once
    for named in re.findall(r'(?:src|href)="([^"]+)"', pages[0].text):
        assert named == "data:," or client.get(named).status_code == 200, named
    assert re.findall(r"<style|style=|\son\w+=|<script(?! src=)", pages[0].text) == []


def test_only_the_page_and_its_files_are_served(client: TestClient) -> None:
    for path in ("__init__.py", "README.md", "page/../__init__.py", "page/..%2f__init__.py"):
        assert client.get(f"/graphiql/{path}").status_code == 404


def test_vendored_files_are_those_that_the_readme_names() -> None:
    rows = re.findall(r"^\| `(\S+)` .*`(\w{64})` \|$", (HERE / "README.md").read_text(), re.M)
    vendored = {file.name: file for file in (HERE / "vendor").iterdir()}
    for name, digest in rows:
        assert sha256(vendored.pop(name).read_bytes()).hexdigest() == digest
    assert sorted(vendored) == ["graphiql.LICENSE.txt", "react.LICENSE.txt"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.splitlines()[0])
def test_every_example_fits_the_schema(example: str) -> None:
    assert validate(build_schema(sdl()), parse(example)) == []


def test_a_browser_shows_the_examples_and_their_answers(demo: Demo, browser: Browser) -> None:
    opened(demo, browser)
    names = re.findall(r"(?:query|mutation) (\w+)", "".join(EXAMPLES))
    tabs = "[...document.querySelectorAll('.graphiql-tab')]"
    assert browser.evaluate(f"{tabs}.map(tab => tab.innerText.trim())") == names
    assert json.loads(browser.evaluate(f"{HEADERS}.getValue()")) == {"Authorization": "Bearer …"}
    browser.evaluate(RUN)
    assert browser.until(f"{ANSWER}.includes('SERVER_SUSPENDED')")
    assert browser.complaints == []
    assert {re.match(r"\w+://[^/]+", address)[0] for address in browser.requests} == {demo.address}  # type: ignore[index]


def test_every_example_answers_a_member_and_nothing_is_kept(demo: Demo, browser: Browser) -> None:
    opened(demo, browser)
    for place, example in enumerate(EXAMPLES):
        browser.evaluate(f"document.querySelectorAll('.graphiql-tab button')[{2 * place}].click()")
        header = json.dumps({"Authorization": f"Bearer {demo.token}"})
        browser.evaluate(f"{HEADERS}.setValue({json.dumps(header)})")
        [(name, root)] = re.findall(r"(?:query|mutation) (\w+).*\n  (\w+)", example)
        browser.until(f"{QUERY}.operationName === '{name}'")
        browser.evaluate(RUN)
        answer = json.loads(browser.until(f"{ANSWER}.includes('\"{root}\"') && {ANSWER}"))
        assert "errors" not in answer
        assert answer["data"][root]
    assert browser.complaints == []
    assert browser.evaluate("localStorage.length + sessionStorage.length") == 0


def test_menus_and_documentation_keep_to_the_policy(demo: Demo, browser: Browser) -> None:
    opened(demo, browser)
    for label in ("Show Documentation Explorer", "Show History", "Open settings dialog"):
        browser.evaluate(f"document.querySelector('[aria-label=\"{label}\"]').click()")
    assert browser.until("document.querySelector('.graphiql-dialog') !== null")
    assert browser.complaints == []


def opened(demo: Demo, browser: Browser) -> None:
    browser.open(f"{demo.address}/graphiql")
    browser.until(f"document.querySelector('.graphiql-execute-button') && {HEADERS}.getValue()")
