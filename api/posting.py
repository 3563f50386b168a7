"""One request to another server: no redirects, no proxies, bounded; whoever waits may cancel it."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

import anyio
import anyio.to_thread
from httptools import HttpParserError, HttpResponseParser

from api.tls import tls_context

MOST_BYTES = 64 * 1024  # of an answer, headers included
NONE: Mapping[str, str] = {}
Address = Callable[[str, int], tuple[str, int]]


class Unanswered(Exception):
    """No whole answer came; says why in a word, without anything that came from outside."""


@dataclass(slots=True)
class Answer:
    """A status, the media type, the body; filled by the parser's calls."""

    status: int = 0
    media: str = ""
    body: bytearray = field(default_factory=bytearray)
    is_whole: bool = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-type":
            self.media = value.partition(b";")[0].strip().lower().decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.is_whole = True


async def post(
    url: str,
    body: bytes,
    *,
    media: str = "text/plain",
    headers: Mapping[str, str] = NONE,
    address: Address | None = None,
) -> Answer:
    """What a server answers to a POST. Unanswered if it gives no whole answer.

    `address` says where a host really is, as `api.outward.Outside` does, and may raise an OSError.
    """
    told = {"Content-Type": media, "Content-Length": str(len(body)), **headers}
    return await _asked("POST", url, told, body, address)


async def get(
    url: str, *, headers: Mapping[str, str] = NONE, address: Address | None = None
) -> Answer:
    """What a server answers to a GET, as `post` has it."""
    return await _asked("GET", url, headers, b"", address)


async def _asked(
    method: str, url: str, headers: Mapping[str, str], body: bytes, address: Address | None
) -> Answer:
    to = urlsplit(url)
    assert to.hostname
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    target = (to.path or "/") + (f"?{to.query}" if to.query else "")
    head = f"{method} {target} HTTP/1.1\r\nHost: {to.netloc}\r\n{lines}Connection: close\r\n\r\n"
    try:
        async with await _connected(to, address) as stream:
            await stream.send(head.encode("latin-1") + body)
            return await _answer(stream)
    except ssl.SSLError:
        raise Unanswered("no trusted TLS") from None
    except (OSError, anyio.BrokenResourceError):
        raise Unanswered("not reached") from None


async def _connected(to: SplitResult, address: Address | None) -> anyio.abc.ByteStream:
    name, is_sealed = to.hostname or "", to.scheme == "https"
    host, port = name, to.port or (443 if is_sealed else 80)
    if address is not None:
        host, port = await anyio.to_thread.run_sync(address, host, port, abandon_on_cancel=True)
    if not is_sealed:
        return await anyio.connect_tcp(host, port)
    return await anyio.connect_tcp(
        host,
        port,
        tls=True,
        ssl_context=tls_context(__name__),
        tls_standard_compatible=False,
        tls_hostname=name,
    )


async def _answer(stream: anyio.abc.ByteStream) -> Answer:
    answer, size = Answer(), 0
    parser = HttpResponseParser(answer)
    while not answer.is_whole:
        try:
            data = await stream.receive()
            parser.feed_data(data)
        except anyio.EndOfStream:
            break  # the end of a body that has no length
        except HttpParserError:
            raise Unanswered("no HTTP") from None
        size += len(data)
        if size > MOST_BYTES:
            raise Unanswered("too long an answer")
    if not answer.status:
        answer.status = parser.get_status_code()
    return answer
