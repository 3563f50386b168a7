"""One POST to another server: no redirects, no proxies, bounded; whoever waits may cancel it."""

import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import anyio
from httptools import HttpParserError, HttpResponseParser

MOST_BYTES = 64 * 1024  # of an answer, headers included


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


async def post(url: str, body: bytes) -> Answer:
    """What a server answers to a POST of plain text. Unanswered if it gives no whole answer."""
    to = urlsplit(url)
    assert to.hostname
    head = (
        f"POST {to.path} HTTP/1.1\r\nHost: {to.netloc}\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    try:
        async with await _connected(to.hostname, to.port, to.scheme == "https") as stream:
            await stream.send(head.encode() + body)
            return await _answer(stream)
    except ssl.SSLError:
        raise Unanswered("no trusted TLS") from None
    except (OSError, anyio.BrokenResourceError):
        raise Unanswered("not reached") from None


async def _connected(host: str, port: int | None, is_sealed: bool) -> anyio.abc.ByteStream:
    if not is_sealed:
        return await anyio.connect_tcp(host, port or 80)
    context = ssl.create_default_context()
    return await anyio.connect_tcp(
        host, port or 443, tls=True, ssl_context=context, tls_standard_compatible=False
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
