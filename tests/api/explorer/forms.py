"""A browser without JavaScript: it keeps cookies, and sends forms as their page has them."""

import re
from html import unescape

from httpx2 import Response
from starlette.testclient import TestClient


class Visitor:
    """Somebody at the site. `page` is what was seen last."""

    def __init__(self, client: TestClient) -> None:
        client.cookies.clear()
        self._client = client
        self.page: Response

    def open(self, path: str) -> Response:
        self.page = self._client.get(path, follow_redirects=True)
        return self.page

    def send(self, action: str, **fields: str) -> Response:
        """Sends the page's form to an address, with its hidden fields, and follows the answer."""
        self.page = self._client.post(action, data=self.hidden(action) | fields)
        if self.page.status_code == 303:
            return self.open(self.page.headers["location"])
        return self.page

    def bare(self, action: str, **fields: str) -> Response:
        """The same without what the page hides in its form."""
        return self._client.post(action, data=fields)

    def hidden(self, action: str) -> dict[str, str]:
        forms = re.findall(
            r"<form action=\"([^\"]+)\" method=\"post\".*?</form>", self.page.text, re.S
        )
        assert action in forms, f"{action} is no form of this page: {forms}"
        [form, *_] = re.findall(rf'<form action="{action}".*?</form>', self.page.text, re.S)
        found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)
        return {name: unescape(value) for name, value in found}

    @property
    def text(self) -> str:
        return unescape(self.page.text)
