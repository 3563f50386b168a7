"""Nothing is sent to an address that isn't public, by whatever name or redirect it is reached."""

import socket
import threading
from typing import Any

import httpx2
import pytest

from api import calling
from api.outward import NotPublic, Outside
from governance.errors import InvalidInput
from governance.settings import Settings
from tests.api.folders import dripping

PUBLIC = Outside(Settings())
TESTING = Settings(test_network=(("a.example", "127.0.0.1", 81),))
TEST = Outside(TESTING)
PRIVATE = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "2001:db8::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_reached(address: str) -> None:
    with pytest.raises(NotPublic):
        PUBLIC.address(address, 443)
    host = f"[{address}]" if ":" in address else address
    with PUBLIC.client() as client, pytest.raises(NotPublic):
        client.get(f"https://{host}/")


@pytest.mark.parametrize("address", ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "localhost"])
def test_nor_by_another_way_to_write_them(address: str) -> None:
    with pytest.raises(NotPublic):
        PUBLIC.address(address, 443)


def test_the_address_that_was_checked_is_the_one_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    def resolved(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", ("93.184.215.14", 443)), (0, 0, 0, "", ("10.0.0.1", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with pytest.raises(NotPublic):  # one of them isn't
        PUBLIC.address("both.example", 443)
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("93.184.215.14", 443))]
    )
    assert PUBLIC.address("one.example", 443) == ("93.184.215.14", 443)


def test_a_test_network_says_where_its_domains_are() -> None:
    assert TEST.address("a.example", 80) == ("127.0.0.1", 81)
    assert TEST.address("127.0.0.1", 82) == ("127.0.0.1", 82)
    assert TEST.well_known("a.example") == "http://a.example/.well-known/comity"
    assert PUBLIC.well_known("a.example") == "https://a.example/.well-known/comity"


@pytest.mark.parametrize(
    "url",
    [
        *("", "node.example", "http://node.example", "ftp://node.example", "https://"),
        *("https://u:p@node.example", "https://node.example?q=1", "https://node.example/#f"),
        *("https://node.example:99999", "https://no de.example", "https://x/" + "a" * 2_048),
    ],
)
def test_what_is_no_address_of_a_node_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        PUBLIC.url(url)
    assert caught.value.path == ("url",)


def test_a_node_has_an_address_without_a_slash_at_its_end() -> None:
    assert PUBLIC.url("https://node.example/comity/") == "https://node.example/comity"
    assert TEST.url("http://127.0.0.1:8001/") == "http://127.0.0.1:8001"


def test_a_name_that_leads_nowhere_is_out_of_reach() -> None:
    with PUBLIC.client() as client, pytest.raises(httpx2.ConnectError):
        client.get("https://nowhere.invalid/")


def test_an_answer_ends_in_time_however_little_comes_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calling, "LONGEST_ANSWER", 0.1)
    with (
        dripping() as (url, _),
        Outside(TESTING).client() as client,
        pytest.raises(httpx2.ReadTimeout),
    ):
        client.get(url)


def test_what_nobody_waits_for_any_longer_is_broken_off() -> None:
    outside = Outside(TESTING)
    with dripping() as (url, asked), outside.client() as client:

        def leave() -> None:
            asked.wait()
            outside.leave()

        threading.Thread(target=leave).start()
        with pytest.raises(httpx2.ReadError):
            client.get(url)
