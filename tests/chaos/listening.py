"""Somebody who listens to a node's feed, and goes on after whatever happens to the node."""

import time
from contextlib import suppress
from threading import Thread

import httpx2

from api.network import Site

FEED = "subscription { events { cursor } }"


class Listener:
    """The cursors of a node's public feed as a subscriber heard them."""

    def __init__(self, site: Site) -> None:
        self.site, self.heard, self.calls = site, list[str](), 0
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with httpx2.Client(timeout=20) as client:
            while True:
                self.calls += 1
                with suppress(httpx2.HTTPError):
                    self._hear(client)
                time.sleep(0.1)

    def _hear(self, client: httpx2.Client) -> None:
        headers = {"Accept": "text/event-stream"}
        if self.heard:
            headers["Last-Event-ID"] = self.heard[-1]
        url, asked = f"{self.site.url}/graphql", {"query": FEED}
        with client.stream("POST", url, json=asked, headers=headers) as answer:
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    self.heard.append(line.removeprefix("id: "))
