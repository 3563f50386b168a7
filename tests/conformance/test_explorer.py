"""The site in a real browser: axe finds nothing, and everything is done by keyboard alone."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.serving import ASKING, Demo
from tests.browser import Browser
from tests.conformance.conftest import ADVICE, MODULES
from tests.tools import missing

AXE = MODULES / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
IS_WIDE = "document.documentElement.scrollWidth > innerWidth"
DESK, PHONE, NARROWEST = 1280, 390, 320
# What is pressed: 24 pixels each way, but within sentences (WCAG 2.5.8).
SMALL = """[...document.querySelectorAll("a, button, input, select, summary, textarea")]
  .filter((one) => !one.matches(".skip, [type=hidden], [type=radio]") &&
    !(getComputedStyle(one).display === "inline" && one.closest("p, li, dd, h1, h2, h3, td, th")))
  .filter((one) => { const { width, height } = one.getBoundingClientRect();
    return width && height && (width < 24 || height < 24); })
  .map((one) => one.outerHTML)"""
PAGES = [
    "/",
    "/?days=365",
    "/sanctions?measure=ACCOUNT_SUSPENDED&category=SCAMS_AND_FRAUD",
    "/sanctions/{sanction}",
    "/appeals",
    "/platforms",
    "/platforms/harbor.example",
    "/categories",
    "/policy",
    "/log",
    "/data",
    "/data/columns",
    "/reports",
    "/reports/harbor.example",
    "/appeal",
    "/nothing/here",
    "/sanctions?measure=WARNING&from=2026-02-01&to=2026-01-01",
    "/staff",
    "/staff/appeals/{appeal}",
    "/staff/notices",
    "/staff/receipts",
    "/staff/sanctions",
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Yield a browser."""
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture(scope="module")
def ids(served: Demo) -> dict[str, str]:
    """Return a sanction that was appealed against, and an appeal that waits to be admitted."""
    asked = """{
      sanctions(first: 1, filter: { isAppealed: true }) { nodes { id } }
      appeals(first: 1, filter: { platform: "harbor.example", states: [FILED] }) { nodes { id } }
    }"""
    data = ASKING.get(f"{served.address}/graphql", params={"query": asked}).json()["data"]
    return {name[:-1]: data[name]["nodes"][0]["id"] for name in ("sanctions", "appeals")}


def looked_at(browser: Browser, address: str, width: int, scheme: str) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.call("Emulation.setEmulatedMedia", features=media)
    opened(browser, address)


def opened(browser: Browser, address: str) -> None:
    browser.evaluate("window.isOld = true")
    browser.open(address)
    browser.until("!window.isOld && document.readyState === 'complete'")


def typed(browser: Browser, text: str) -> None:
    browser.call("Input.insertText", text=text)


def pressed(browser: Browser, key: str) -> None:
    code = {"Tab": 9, "Enter": 13, "End": 35, "ArrowLeft": 37}[key]
    event: dict[str, Any] = {"key": key, "code": key, "windowsVirtualKeyCode": code}
    text = {"text": "\r"} if key == "Enter" else {}
    browser.call("Input.dispatchKeyEvent", type="keyDown", **event, **text)
    browser.call("Input.dispatchKeyEvent", type="keyUp", **event)


def reached(browser: Browser, selector: str) -> None:
    """Goes on with the tabulator until the element has the focus, which can be seen."""
    for _ in range(80):
        pressed(browser, "Tab")
        if browser.evaluate(f"document.activeElement.matches({json.dumps(selector)})"):
            style = "getComputedStyle(document.activeElement).outlineStyle"
            assert browser.evaluate(style) != "none"
            return
    raise AssertionError(f"{selector} isn't reached by keyboard")


def entered(browser: Browser, served: Demo) -> None:
    """Logs in by keyboard, unless that was done."""
    opened(browser, f"{served.address}/staff")
    if browser.evaluate("document.querySelector('#token') === null"):
        return
    reached(browser, "#token")
    typed(browser, served.token)
    pressed(browser, "Enter")
    browser.until("document.querySelector('.staffbar') !== null")


@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_nothing(served: Demo, browser: Browser, ids: dict[str, str], page: str) -> None:
    if not AXE.is_file():
        missing(f"axe-core isn't installed: {ADVICE}")
    if page.startswith("/staff/"):
        entered(browser, served)
    path = page.format(sanction=ids["sanction"], appeal=ids["appeal"])
    browser.complaints.clear()
    for width, scheme in ((DESK, "light"), (PHONE, "dark")):
        looked_at(browser, served.address + path, width, scheme)
        browser.evaluate(AXE.read_text(encoding="utf-8") + ";0")
        options = json.dumps({"runOnly": TAGS})
        browser.evaluate(f"axe.run({options}).then((found) => (window.found = found)), 0")
        browser.until("window.found !== undefined")
        found = browser.evaluate(
            "window.found.violations.map((v) => [v.id, v.nodes.map((n) => n.html).slice(0, 3)])"
        )
        assert found == [], (width, scheme)
        assert browser.evaluate("window.found.passes.length") > 10
        assert browser.evaluate(SMALL) == [], (width, scheme)
        assert not browser.evaluate(IS_WIDE), (width, scheme)
    looked_at(browser, served.address + path, NARROWEST, "light")
    assert not browser.evaluate(IS_WIDE)
    complaints = [one for one in browser.complaints if "404" not in one and "400" not in one]
    assert complaints == []


def test_a_browser_checks_an_entry_of_the_log_itself(
    served: Demo, browser: Browser, ids: dict[str, str]
) -> None:
    opened(browser, f"{served.address}/sanctions/{ids['sanction']}")
    browser.until("document.querySelector('#verdict').textContent !== ''")
    verdict = browser.evaluate("document.querySelector('#verdict').textContent")
    told = r"Checked in your browser: entry [\d,]+ is in the tree of [\d,]+ entries"
    assert re.match(told, verdict)
    assert browser.evaluate("document.querySelector('#verdict').className") == "verdict holds"


def test_a_long_series_is_explored_by_keyboard(served: Demo, browser: Browser) -> None:
    browser.complaints.clear()
    opened(browser, f"{served.address}/platforms/harbor.example?days=365")
    browser.until("document.querySelector('.explored canvas') !== null")
    reached(browser, ".explored")
    readout = "document.querySelector('.readout').textContent"
    rows = "[...document.querySelectorAll('.series tbody tr')].at(%d).cells[1].textContent"
    for key, row in (("End", -1), ("ArrowLeft", -2)):
        pressed(browser, key)
        number = browser.evaluate(rows % row)
        browser.until(f"{readout}.includes(': {number} decisions')")
    assert browser.complaints == []  # the policy lets it draw


def test_as_graphql_opens_what_the_page_asked(served: Demo, browser: Browser) -> None:
    opened(browser, f"{served.address}/sanctions?measure=WARNING")
    [total] = re.findall(r"^[\d,]+", browser.evaluate("document.querySelector('.lead').innerText"))
    browser.evaluate("document.querySelector('.colophon a[href^=\"/graphiql#\"]').click()")
    editor = "document.querySelector('.graphiql-query-editor .CodeMirror')"
    browser.until(f"{editor} && {editor}.CodeMirror.getValue().includes('query Sanctions(')")
    browser.until("document.querySelector('.graphiql-execute-button') !== null")
    browser.evaluate("document.querySelector('.graphiql-execute-button').click()")
    answer = "document.querySelector('.result-window .CodeMirror').CodeMirror.getValue()"
    browser.until(f"{answer}.includes('\"totalCount\": {total.replace(',', '')},')")


def test_staff_answer_an_appeal_by_keyboard_alone(
    served: Demo, browser: Browser, ids: dict[str, str]
) -> None:
    entered(browser, served)
    reached(browser, f"a[href='/staff/appeals/{ids['appeal']}']")
    pressed(browser, "Enter")
    browser.until("document.querySelector('button[value=ADMIT]') !== null")
    reached(browser, "button[value=ADMIT]")
    pressed(browser, "Enter")
    browser.until("document.querySelector('button[value=START_REVIEW]') !== null")


def test_everything_is_there_without_javascript(
    served: Demo, browser: Browser, ids: dict[str, str]
) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(f"{served.address}/sanctions/{ids['sanction']}")
        browser.until("document.querySelectorAll('.statement dt').length > 8")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
