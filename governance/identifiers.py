"""Canonical URIs of subjects, and the keys they are looked up by.

Two spellings of one account must give one key, or whoever is suspended under one spelling walks in
under the other. Everything here is a pure function of its arguments.
"""

import re
import unicodedata
from binascii import b2a_base64
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from governance.hosts import BadUri, bad, canonical_domain, refuse_invisible, shown, web_host
from governance.log.macs import kept

LONGEST_URI = 2_048  # characters, as given and as canonical


class SubjectKind(StrEnum):
    """What a sanction is about."""

    ACCOUNT = "ACCOUNT"
    CONTENT = "CONTENT"
    SERVER = "SERVER"


class Subject(NamedTuple):
    """Whom or what a sanction is about, named by its canonical URI."""

    uri: str
    kinds: frozenset[SubjectKind]  # every kind that the URI leaves open
    host: str | None  # of acct and https: lower case, A-labels, no port; to find its platform by


_ACCOUNT = frozenset({SubjectKind.ACCOUNT})
_CONTENT = frozenset({SubjectKind.CONTENT})
_SERVER = frozenset({SubjectKind.SERVER})
_ACCOUNT_OR_CONTENT = _ACCOUNT | _CONTENT
_BEFORE = {kind: b"comity:lookup:v1\0" + kind.encode() + b"\0" for kind in SubjectKind}  # a URI
_URLSAFE = bytes.maketrans(b"+/", b"-_")  # RFC 4648 5

_KNOWN = "acct:, did:, https:, at: or urn:uuid:"
_NEAR = {"http": "https", "mailto": "acct"}  # schemes that people write, and what to write instead

# RFC 3986 2.2, 2.3, 3.3, 3.4
_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_SUB_DELIMS = "!$&'()*+,;="
_IN_PATH = _UNRESERVED + _SUB_DELIMS + ":@/"
_IN_QUERY = _IN_PATH + "?"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)")  # RFC 3986 3.1
_HTTPS = re.compile(r"//([^/?]*)([^?]*)\??(.*)")
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([0-9]{0,10}))?")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DID = re.compile(r"([A-Za-z0-9]+):((?:[A-Za-z0-9._-]|%[0-9A-F]{2}|:(?!\Z))+)")  # DID Core 3.1
_PLAIN = re.compile(  # an account whose name and domain have nothing to be normalised
    r"acct:[a-z0-9_]{1,64}@((?:(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63})",
    re.ASCII,
)
_PLC = re.compile(r"[a-z2-7]{24}")  # did:plc specification, "Identifier Syntax"
_RECORD = re.compile(  # AT Protocol: at-uri-scheme, nsid, record-key
    r"//([^/]+)/((?:[A-Za-z0-9-]+\.){2,})([A-Za-z][A-Za-z0-9]*)/([A-Za-z0-9._~:-]{1,512})"
)
_UUID = re.compile(r"uuid:([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})")  # RFC 9562 4


def parse_subject(text: str) -> Subject:
    """Read a subject's URI and return its canonical form and the kinds it leaves open.

    Applied to its own result it changes nothing. Raises `BadUri` for anything else than an `acct:`,
    `did:`, `https:`, `at:` or `urn:uuid:` URI of at most 2,048 characters.
    """
    if (plain := _PLAIN.fullmatch(text)) and len(plain[1]) <= 253:
        return Subject(text, _ACCOUNT, plain[1])  # as it has to be already: most are
    if len(text) > LONGEST_URI:
        raise bad(text, f"at most {LONGEST_URI} characters")
    refuse_invisible(text)
    if "\\" in text:
        # Browsers take it for a slash and other software doesn't: they'd see different hosts.
        raise bad(text, "no backslash, or %5C where one is meant")
    match = _SCHEME.fullmatch(text)
    read = match and _READERS.get(match[1].lower())
    if not match or not read:
        raise bad(text, _advice(text))
    subject = read(match[2].partition("#")[0])
    if len(subject.uri) > LONGEST_URI:
        raise bad(text, f"at most {LONGEST_URI} characters once percent-encoded")
    return subject


def lookup_key(secret: bytes, kind: SubjectKind, uri: str) -> str:
    """Return the key a subject or an alias is found by: 43 characters of base64url.

    It is an HMAC-SHA256, so whoever holds the database without `secret` can't confirm a guess.
    `uri` must be canonical (`Subject.uri`): another spelling gives another key.
    """
    digest = kept(secret).digest(_BEFORE[kind] + uri.encode())
    return b2a_base64(digest).translate(_URLSAFE, b"=\n").decode()


def _acct(rest: str) -> Subject:
    local, at, host = rest.removeprefix("@").partition("@")
    if not (local and at and host) or "@" in host:
        raise bad(f"acct:{rest}", "acct:name@domain with one name and one domain")
    domain = canonical_domain(host)
    return Subject(f"acct:{_local_part(local)}@{domain}", _ACCOUNT, domain)


def _local_part(local: str) -> str:
    # No character divides a local part (RFC 7565 7), so decoding all of them joins no two accounts.
    _refuse_stray_percent(local)
    try:
        name = unquote_to_bytes(local).decode()
    except UnicodeDecodeError:
        raise bad(local, "a name percent-encoded as UTF-8") from None
    refuse_invisible(name)
    lowered = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).lower())
    return quote(lowered, safe=_UNRESERVED + _SUB_DELIMS)


def _did(rest: str) -> Subject:
    method, colon, identifier = rest.partition(":")
    # A tilde stays escaped: unlike RFC 3986, DID Core 3.1 doesn't allow it in the open.
    identifier = _unescape(identifier, _UNRESERVED.replace("~", ""))
    match = _DID.fullmatch(method + colon + identifier)
    if not match:
        raise bad(f"did:{rest}", "did:method:identifier without path or query (DID Core 3.1)")
    method = match[1].lower()
    if method == "web":
        identifier = _did_web_identifier(identifier)
    elif method == "plc":
        identifier = _did_plc_identifier(identifier)
    return Subject(f"did:{method}:{identifier}", _ACCOUNT, None)


def _did_plc_identifier(identifier: str) -> str:
    if not _PLC.fullmatch(identifier.lower()):
        raise bad(f"did:plc:{identifier}", "did:plc: and 24 characters of base32 (a-z, 2-7)")
    return identifier.lower()


def _did_web_identifier(identifier: str) -> str:
    # did:web 2.1: the first part is host or host%3Aport, the others are a path
    authority, *path = identifier.split(":")
    host, escaped_colon, port = authority.partition("%3A")
    if escaped_colon:
        port = _port(port, authority).replace(":", "%3A")
    return ":".join([canonical_domain(host) + port, *path])


def _https(rest: str) -> Subject:
    match = _HTTPS.fullmatch(rest)
    if not match or not match[1]:
        raise bad(f"https:{rest}", "https://host/path")
    host, port = _authority(match[1])
    # Escapes first: %2e%2e is a dot segment too (RFC 3986 6.2.2.3).
    path = _without_dot_segments(_escape(_unescape(match[2]), _IN_PATH)) or "/"
    query = _escape(_unescape(match[3]), _IN_QUERY)
    if path == "/" and not query:
        return Subject(f"https://{host}{port}", _SERVER, host)
    question = f"?{query}" if query else ""
    return Subject(f"https://{host}{port}{path}{question}", _ACCOUNT_OR_CONTENT, host)


def _authority(authority: str) -> tuple[str, str]:
    if "@" in authority:
        # The refused part may be a password, so it isn't repeated.
        raise bad("…@" + authority.rpartition("@")[2], "a host with no user name before it")
    match = _AUTHORITY.fullmatch(authority)
    if not match:
        raise bad(authority, "host or host:port")
    return web_host(match[1]), _port(match[2] or "443", authority)


def _port(digits: str, authority: str) -> str:
    # Canonical is no port where it is the default one (RFC 3986 6.2.3).
    if not (digits.isascii() and digits.isdigit()) or not 0 < int(digits) < 65_536:
        raise bad(authority, "a port from 1 to 65535")
    return "" if int(digits) == 443 else f":{int(digits)}"


def _at(rest: str) -> Subject:
    match = _RECORD.fullmatch(rest)
    if not match or match[4] in {".", ".."}:
        raise bad(f"at:{rest}", "at://authority/collection/key; for an account, its did:")
    authority, namespace, name, key = match.groups()
    scheme, is_did, identifier = authority.partition(":")
    if is_did and scheme.lower() == "did":
        authority = _did(identifier).uri
    else:
        authority = canonical_domain(authority)  # a handle
    return Subject(f"at://{authority}/{namespace.lower()}{name}/{key}", _CONTENT, None)


def _urn(rest: str) -> Subject:
    match = _UUID.fullmatch(rest.lower())
    if not match:
        raise bad(f"urn:{rest}", "urn:uuid: and a UUID of 36 characters")
    return Subject(f"urn:uuid:{match[1]}", _ACCOUNT_OR_CONTENT, None)


_READERS = {"acct": _acct, "at": _at, "did": _did, "https": _https, "urn": _urn}


def _unescape(part: str, plain: str = _UNRESERVED) -> str:
    """RFC 3986 6.2.2.1 and 6.2.2.2: escapes in upper case, and none of plain characters."""
    _refuse_stray_percent(part)

    def normal(escape: re.Match[str]) -> str:
        char = chr(int(escape[1], 16))
        return char if char in plain else escape[0].upper()

    return _ESCAPE.sub(normal, part)


def _escape(part: str, plain: str) -> str:
    """RFC 3987 3.1: whatever may not stand in the open, as UTF-8. Escapes stay as they are."""
    return quote(part, safe=plain + "%")


def _without_dot_segments(path: str) -> str:
    """RFC 3986 5.2.4 for a path that is empty or begins with a slash."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in {".", ".."}:
        kept.append("")
    return "".join(f"/{segment}" for segment in kept)


def _refuse_stray_percent(part: str) -> None:
    if _STRAY_PERCENT.search(part):
        raise bad(part, "two hexadecimal digits after each %, and %25 for a percent sign")


def _advice(text: str) -> str:
    scheme, _, rest = text.partition(":")
    if scheme.lower() in _NEAR:
        candidate = f"{_NEAR[scheme.lower()]}:{rest}"
    elif "@" in text and ":" not in text:
        candidate = f"acct:{text}"
    else:
        candidate = f"https://{text}"
    try:
        return f"one of {_KNOWN}, perhaps {shown(parse_subject(candidate).uri)}"
    except BadUri:
        return f"one of {_KNOWN}"
