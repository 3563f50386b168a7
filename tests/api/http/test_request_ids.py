"""Each answer names its request."""

import re

import pytest

from tests.api.http.outside import Node

MADE = re.compile(r"[0-9a-f]{32}")
UUID = "4f1c6f0e-7f4b-4a41-9c5f-6a7d0e1b2c3d"


@pytest.mark.parametrize("given", ["a", "A-1_b.2", "x" * 128, UUID])
def test_a_well_formed_id_of_the_callers_is_kept(lite: Node, given: str) -> None:
    response = lite.client.get("/", headers={"X-Request-Id": given})
    assert response.headers.get_list("x-request-id") == [given]


@pytest.mark.parametrize(
    "given",
    [
        "",
        " ",
        "x" * 129,
        "a b",
        "a:b",
        "a@b.example",
        "a/b",
        "a%20b",
        "a\tb",
        "cty_secret",
        "f" * 64,
    ],
)
def test_any_other_is_replaced(lite: Node, given: str) -> None:
    response = lite.client.get("/", headers={"X-Request-Id": given})
    assert MADE.fullmatch(response.headers["x-request-id"])


def test_ids_that_are_made_differ(lite: Node) -> None:
    made = {lite.client.get("/").headers["x-request-id"] for _ in range(9)}
    assert len(made) == 9


def test_every_answer_has_one(lite: Node) -> None:
    headers = {"X-Request-Id": UUID}
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("POST", "/", 405),
        ("PUT", "/graphql", 405),
        ("GET", "/graphql", 400),
        ("GET", "/health/live", 200),
        ("GET", "/schema.graphql", 200),
        ("GET", "/graphql?query={policy{version}}", 200),
    ):
        response = lite.client.request(method, path, headers=headers)
        assert (response.status_code, response.headers["x-request-id"]) == (status, UUID)
