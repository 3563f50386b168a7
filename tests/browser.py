"""A real browser, driven by the Chrome DevTools Protocol over a pipe."""

import json
import os
import select
import subprocess
import sys
import time
from base64 import b64decode
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.tools import program

PATIENCE = 30.0  # seconds for anything to appear
# This machine alone can be found, and the browser calls nobody of its own accord.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
    "--window-size=1400,900",
)
# The browser reads commands from descriptor 3 and writes answers to descriptor 4.
START = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); "
START += "os.execv(sys.argv[3], sys.argv[3:])"


class Browser:
    """One page of Chromium. `requests` and `complaints` say what it did since the start."""

    def __init__(self, profile: Path) -> None:
        chromium = program("chromium", "install Debian's package chromium, or its like")
        commands, self._in = os.pipe()
        self._out, answers = os.pipe()
        options = [*FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, str(commands), str(answers), chromium, *options],
            pass_fds=(commands, answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._serial = 0
        self._read = b""
        self._session: dict[str, str] = {}
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def __enter__(self) -> Self:
        try:
            targets = self.call("Target.getTargets")["targetInfos"]
            [target] = [t["targetId"] for t in targets if t["type"] == "page"]
            attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
            self._session = {"sessionId": attached["sessionId"]}
            for domain in ("Page", "Runtime", "Network", "Log"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, t: type[BaseException] | None, v: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def open(self, address: str) -> None:
        """Goes to a page. What it loads may come later: `until` waits for it."""
        self.call("Page.navigate", url=address)

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script: str) -> Any:
        """The value of an expression, once there is one."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if value := self.evaluate(script):
                return value
            time.sleep(0.05)
        raise AssertionError(f"{script} never came true; complaints: {self.complaints}")

    def picture(self) -> bytes:
        """What the page looks like, as PNG."""
        return b64decode(self.call("Page.captureScreenshot")["data"])

    def call(self, method: str, **params: object) -> Any:
        """The answer to one command of the protocol."""
        self._serial += 1
        command = {"id": self._serial, "method": method, "params": params, **self._session}
        os.write(self._in, json.dumps(command).encode() + b"\0")
        while (message := self._next()).get("id") != self._serial:
            self._notice(message.get("method", ""), message.get("params", {}))
        assert "error" not in message, message["error"]
        return message["result"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            ready, _, _ = select.select([self._out], [], [], PATIENCE)
            assert ready, "the browser says nothing"
            chunk = os.read(self._out, 1 << 16)
            assert chunk, "the browser has ended"
            self._read += chunk
        first, _, self._read = self._read.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        return message

    def _notice(self, event: str, params: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            address = params["request"]["url"]
            if not address.startswith("data:"):
                self.requests.append(address)
        elif event == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.complaints.append(json.dumps(params["args"]))
