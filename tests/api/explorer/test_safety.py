"""Nothing that somebody wrote runs in a page, and no public page holds whom a sanction is about."""

import re
from hashlib import sha256
from html import escape, unescape
from urllib.parse import urlsplit

import pytest
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from api.explorer.site import HERE
from governance.drafts import SanctionTexts
from governance.identifiers import SubjectKind
from governance.membership import add_platform
from governance.sanctions import Disclosure, Sanction
from tests.api.explorer.forms import Visitor
from tests.api.http.outside import Node
from tests.api.worlds import Cast
from tests.builders import NOW, Team, World

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 1337 * 7331 }}"
RUN = re.compile(r"<script>|<img|onerror=alert(?!\(1\)&gt;)|9801547")
MOST_PAGES = 90


def texts() -> dict[str, object]:
    """Every text of a sanction, as a script; what has to be an address, with one in it."""
    long = {name: SCRIPT for name in SanctionTexts.model_fields if name != "content_uri"}
    camel = {re.sub(r"_(\w)", lambda m: m[1].upper(), name): text for name, text in long.items()}
    url = "https://mod.example/?<script>alert(1)</script>"
    return {
        **camel,
        "contentUri": url,
        "policyReference": {"rule": SCRIPT, "version": SCRIPT, "url": url},
        "measure": "CONTENT_OTHER",
        "subjectKind": "CONTENT",
        "subject": "https://mod.example/post/1",
    }


@pytest.fixture
def hostile(node: Node) -> tuple[Visitor, list[str], Team]:
    """Return a visitor to a node where every text is a script, its pages, and its staff."""
    node.world.do(add_platform, "named.example", SCRIPT, now=NOW)
    team, other = node.world.team("mod.example"), node.world.team("other.example")
    issued = node.issue(team.issuer, **texts())
    sanction = issued["sanction"]["id"]
    server = node.issue(
        team.issuer,
        subject="https://spam.example",
        subjectKind="SERVER",
        measure="SERVER_LIMITED",
        explanation=SCRIPT,
    )["sanction"]["id"]
    answer = {"sanctionId": server, "answer": "DISPUTED", "reason": SCRIPT}
    mutation = """mutation ($input: AnswerSanctionInput!) { answerSanction(input: $input) {
      __typename } }"""
    node.data(mutation, {"input": answer}, other.issuer)
    visitor = Visitor(node.client)
    visitor.open("/appeal")
    visitor.send("/appeal/open", sanction=sanction, secret=issued["appealSecret"])
    visitor.send("/appeal/move", move="FILE", message=SCRIPT)
    [appeal] = node.ask("Appeals")["nodes"]
    for move in ("ADMIT", "START_REVIEW", "ASK"):
        node.do("MoveAppeal", team.reviewer, appealId=appeal["id"], move=move, message=SCRIPT)
    pages = ["/", "/sanctions", "/appeals", "/platforms", "/categories", "/appeal", "/staff"]
    pages += ["/reports.atom", "/data.atom", "/log.atom", "/forks.atom", "/platforms.atom"]
    pages += ["/sanctions.atom", "/appeals.atom", f"/sanctions/{sanction}", f"/sanctions/{server}"]
    pages += ["/platforms/mod.example", "/platforms/named.example", "/platforms/other.example"]
    return visitor, [*pages, f"/staff/appeals/{appeal['id']}", "/staff/notices"], team


def test_a_script_in_any_text_is_text(node: Node, hostile: tuple[Visitor, list[str], Team]) -> None:
    visitor, pages, team = hostile
    visitor.open("/staff")
    visitor.send("/staff/login", token=node.token(team.reviewer))
    shown = 0
    for path in pages:
        page = visitor.open(path)
        assert page.status_code == 200, path
        assert RUN.findall(page.text) == [], path
        shown += page.text.count(escape(SCRIPT)) + page.text.count(str(escape(SCRIPT, quote=False)))
        shown += page.text.count("&lt;script&gt;alert(1)&lt;/script&gt;")
    assert shown > 20


@pytest.mark.parametrize(
    "path",
    [
        "/sanctions?platform={}",
        "/sanctions?language={}",
        "/sanctions?{}=1",
        "/sanctions?after={}",
        "/sanctions?sort={}",
        "/sanctions?from={}",
        "/appeals?state={}",
        "/sanctions/{}",
        "/platforms/{}",
        "/?days={}",
        "/platforms?sort={}",
        "/statistics.csv?by={}",
        "/{}",
    ],
)
def test_a_script_in_an_address_is_text(site: TestClient, path: str) -> None:
    page = site.get(path.format("%3Cscript%3Ealert(1)%3C/script%3E"))
    assert page.status_code in (400, 404)
    assert "<script>" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_every_link_leads_somewhere_and_no_page_names_a_subject(
    site: TestClient, cast: Cast, rich_file: tuple[object, Cast]
) -> None:
    with World(f"sqlite:///{rich_file[0]}") as world, world.database.reading() as session:
        private = subjects(session)
    assert len(private) > 50
    seen: set[str] = set()
    kinds: dict[str, int] = {}
    waiting = ["/", f"/sanctions/{cast.disputed}", f"/sanctions/{cast.appealable}"]
    while waiting and len(seen) < MOST_PAGES:
        path = waiting.pop(0)
        kind = re.sub(r"san_\w+|[\w-]+\.example|=[^&]*", "…", path)
        if path in seen or kinds.get(kind, 0) >= 2:  # of pages that are alike, two
            continue
        seen.add(path)
        kinds[kind] = kinds.get(kind, 0) + 1
        page = site.get(path, follow_redirects=True)
        assert page.status_code == 200, path
        for subject in private:
            assert subject not in page.text, (path, subject)
        if page.headers["content-type"].startswith("text/html"):
            found = [unescape(link) for link in re.findall(r'href="([^"]+)"', page.text)]
            waiting += [link.partition("#")[0] for link in found if is_ours(link)]
    assert len(seen) > 40


def subjects(session: Session) -> list[str]:
    """Whom or what the sanctions are about that are about no server, as the pages might say it."""
    found = (
        select(Disclosure.subject)
        .join(Sanction, col(Sanction.id) == col(Disclosure.sanction_id))
        .where(Sanction.subject_kind != SubjectKind.SERVER)
    )
    return sorted({subject.partition(":")[2].lstrip("/") for subject in session.exec(found)})


def is_ours(link: str) -> bool:
    there = urlsplit(link)
    is_page = not there.netloc and there.path.startswith("/")
    return is_page and not there.path.startswith(("/graphiql", "/log/tile"))


def test_vendored_files_are_those_that_the_readme_names() -> None:
    rows = re.findall(r"^\| `(\S+)` .*`(\w{64})` \|$", (HERE / "README.md").read_text(), re.M)
    vendored = {file.name: file for file in (HERE / "static" / "vendor").iterdir()}
    for name, digest in rows:
        assert sha256(vendored.pop(name).read_bytes()).hexdigest() == digest
    assert list(vendored) == ["uPlot.LICENSE.txt"]


@pytest.mark.parametrize(
    ("form", "page"),
    [
        ("/staff/login", "/staff"),
        ("/staff/appeals/apl_x/move", "/staff/appeals/apl_x"),
        ("/staff/receipts/remedy", "/staff/receipts"),
        ("/appeal/open", "/appeal"),
    ],
)
def test_where_a_form_is_sent_leads_to_its_page(site: TestClient, form: str, page: str) -> None:
    for answer in (site.get(form), site.head(form)):
        assert (answer.status_code, answer.headers["location"]) == (303, page)
