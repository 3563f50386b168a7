"""Platforms, members and tokens, from the command line."""

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from governance.settings import read_settings
from tests.api.cli.conftest import Comity
from tests.builders import write_keys

TOKEN = re.compile(r"cty_[A-Za-z0-9_-]{43}\n")
ASKING = {"query": '{ suspensionStatus(subject: "acct:alice@b.example") { isSuspended } }'}


@pytest.fixture
def member(node: Comity) -> Comity:
    """Return the command on a node with one platform and one member."""
    assert node("platform", "add", "example.social", "--name", "Example Social").code == 0
    roles = ("--role", "ISSUER", "--role", "REVIEWER")
    assert node("member", "add", "example.social", "mod-1", *roles).code == 0
    return node


def test_tokens_are_of_members_alone(member: Comity) -> None:
    for arguments in (
        ("example.social", "nobody"),
        ("unknown.example", "mod-1"),
        ("localhost", "mod-1"),
    ):
        done = member("token", "create", *arguments)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("comity: ")
    assert member("token", "list").out == ""


def test_a_token_is_printed_alone_and_never_again(member: Comity) -> None:
    done = member("token", "create", "example.social", "mod-1")
    assert (done.code, done.err) == (0, "")
    assert TOKEN.fullmatch(done.out)
    listed = member("token", "list")
    assert listed.code == 0
    assert done.out.strip() not in listed.out
    assert listed.out.split("\t")[1:] == ["example.social", "mod-1", "live", "never\n"]


def test_a_token_opens_the_node_until_it_is_revoked(member: Comity) -> None:
    token = member("token", "create", "example.social", "mod-1", "--expires-in", "90d").out.strip()
    headers = {"Authorization": f"Bearer {token}"}
    ident, _, _, state, _ = member("token", "list").out.split("\t")
    assert state.startswith("until ")
    with TestClient(create_app(read_settings())) as client:
        answer = client.post("/graphql", json=ASKING, headers=headers).json()
        assert answer["data"] == {"suspensionStatus": {"isSuspended": False}}
        done = member("token", "revoke", ident)
        assert (done.code, done.out) == (0, "")
        assert client.post("/graphql", json=ASKING, headers=headers).status_code == 401
    _, _, _, state, used = member("token", "list").out.strip().split("\t")
    assert state.startswith("revoked ")
    assert used != "never"
    assert member("token", "revoke", ident).code == 0  # again changes nothing
    assert member("token", "revoke", "tok_unknown").code == 1


@pytest.mark.parametrize(
    "span", ["", "0d", "90", "d", "-1d", "1.5d", "90 d", "90w", "forever", "٣d", "999999d"]
)
def test_a_bad_lifetime_is_refused(member: Comity, span: str) -> None:
    done = member("token", "create", "example.social", "mod-1", f"--expires-in={span}")
    assert (done.code, done.out) == (1, "")
    assert "90d" in done.err
    assert member("token", "list").out == ""


def test_a_platform_is_added_once(member: Comity) -> None:
    for spelling in ("example.social", "Example.SOCIAL", "example.social."):
        done = member("platform", "add", spelling)
        assert (done.code, done.out) == (1, "")
        assert "example.social is a platform of this node already" in done.err
    assert member("platform", "add", "bücher.example").code == 0
    listed = [line.split("\t")[1:] for line in member("platform", "list").out.splitlines()]
    assert sorted(listed) == [
        ["example.social", "Example Social"],
        ["xn--bcher-kva.example", "xn--bcher-kva.example"],
    ]


@pytest.mark.parametrize("domain", ["", "localhost", "a b.example", "https://a.example", "1.2.3.4"])
def test_what_is_no_domain_is_no_platform(node: Comity, domain: str) -> None:
    done = node("platform", "add", domain)
    assert done.code == 1
    assert done.err.startswith("comity: ")
    assert node("platform", "list").out == ""


def test_a_member_has_known_roles(member: Comity) -> None:
    done = member("member", "add", "example.social", "mod-2", "--role", "OWNER")
    assert done.code == 2
    assert all(role in done.err for role in ("OWNER", "READER", "ISSUER", "REVIEWER", "ADMIN"))
    assert member("member", "add", "example.social", "mod-2").code == 2
    assert member("member", "add", "unknown.example", "mod-2", "--role", "READER").code == 1
    assert member("member", "add", "example.social", " ", "--role", "READER").code == 1
    assert member("token", "create", "example.social", "mod-2").code == 1


def test_adding_a_member_again_changes_its_roles_and_not_its_kind(member: Comity) -> None:
    done = member("member", "add", "example.social", "mod-1", "--role", "RESEARCHER")
    assert done.code == 0
    assert "RESEARCHER" in done.err
    assert "ISSUER" not in done.err
    service = member("member", "add", "example.social", "mod-1", "--role", "READER", "--service")
    assert service.code == 1
    assert "PERSON" in service.err


def test_members_are_listed_with_their_roles_and_live_tokens(member: Comity) -> None:
    for domain in ("other.example", "empty.example"):
        assert member("platform", "add", domain).code == 0
    assert (
        member("member", "add", "other.example", "login", "--service", "--role", "READER").code == 0
    )
    for lifetime in ("1h", "90d"):
        member("token", "create", "other.example", "login", "--expires-in", lifetime)
    ident, *_ = member("token", "list").out.split("\t")
    assert member("token", "revoke", ident).code == 0
    mod = "example.social\tmod-1\tPERSON\tISSUER, REVIEWER\t0\tnever\n"
    login = "other.example\tlogin\tSERVICE\tREADER\t1\tnever\n"
    assert member("member", "list").out == mod + login
    assert member("member", "list", "example.social").out == mod
    assert member("member", "list", "Other.Example").out == login
    assert member("member", "list", "empty.example").out == ""


def test_tokens_of_one_platform_are_listed_alone(member: Comity) -> None:
    member("platform", "add", "other.example")
    member("member", "add", "other.example", "login", "--service", "--role", "READER")
    for domain, handle in (("other.example", "login"), ("example.social", "mod-1")):
        member("token", "create", domain, handle)
    listed = member("token", "list").out.splitlines(keepends=True)
    assert [line.split("\t")[1] for line in listed] == ["other.example", "example.social"]
    assert member("token", "list", "other.example").out == listed[0]
    for command in ("member", "token"):
        done = member(command, "list", "unknown.example")
        assert (done.code, done.out) == (1, "")
        assert "no platform unknown.example" in done.err


def test_every_command_but_migrate_needs_a_migrated_database(comity: Comity) -> None:
    Path("list.csv").write_text("domain,severity\n")
    write_keys(Path("comity.key"))
    for arguments in (
        ("platform", "add", "example.social"),
        ("platform", "list"),
        ("member", "add", "example.social", "mod-1", "--role", "READER"),
        ("token", "create", "example.social", "mod-1"),
        ("member", "list"),
        ("token", "list"),
        ("token", "revoke", "tok_1"),
        ("import", "mastodon-blocks", "list.csv", "--platform", "example.social"),
        ("import", "block-events", "list.csv"),
        ("import", "dsa-statements", "list.csv"),
        ("serve", "--port", "1"),
    ):
        done = comity(*arguments)
        assert (done.code, done.out) == (1, ""), arguments
        assert "comity migrate" in done.err
