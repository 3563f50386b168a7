"""Hosts as they are written in URIs, and domains that platforms are known by: each in one way.

Everything here is a pure function of its arguments; the tables of the installed `idna` package are
the only thing that can change an answer.
"""

import re
import unicodedata
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import idna

SHOWN_OF_REFUSED = 80  # characters of a refused text that its error repeats
_ROOM = SHOWN_OF_REFUSED - 2  # without the quotation marks

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})
# Underscores are no host names by RFC 1123, but such hosts resolve and serve accounts and pages.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# WHATWG URL 3.5: browsers read a host whose last label is a number as an IPv4 address.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class BadUri(ValueError):
    """A text that is no URI, or no domain, that Comity knows.

    The message says what was got (at most 80 characters, nothing unprintable) and what to write
    instead. It repeats a subject, so it is for whoever sent it and not for a public log.
    """


def canonical_domain(text: str) -> str:
    """Return a platform's domain in lower case and A-labels, without trailing dots.

    Raises `BadUri` unless it is a host name of two labels or more (RFC 1035 2.3.4 for the lengths).
    Underscores pass, and A-labels that IDNA 2008 would not register (emoji): such hosts exist.
    """
    refuse_invisible(text)
    domain = ".".join(_a_label(label, text) for label in _host_labels(text))
    if len(domain) > 253:
        raise bad(text, "a domain of at most 253 characters")
    if "." not in domain or _NUMBER.fullmatch(domain.rpartition(".")[2]):
        raise bad(text, "a domain of two labels or more, the last no number")
    return domain


def web_host(host: str) -> str:
    try:
        if host.startswith("["):
            address = IPv6Address(host[1:-1])
            if address.scope_id is None:
                return f"[{_ipv6(address)}]"
        return str(IPv4Address(".".join(_host_labels(host))))
    except AddressValueError:
        return canonical_domain(host)


def _ipv6(address: IPv6Address) -> str:
    # RFC 5952 5, spelled out because Python prints mapped addresses otherwise before 3.13
    mapped = address.ipv4_mapped
    return f"::ffff:{mapped}" if mapped else address.compressed


def _host_labels(host: str) -> list[str]:
    try:
        mapped = idna.uts46_remap(host, std3_rules=False)
    except UnicodeError:
        raise bad(host, "a host name in characters that IDNA allows (UTS 46)") from None
    return mapped.rstrip(".").split(".")


def _a_label(label: str, host: str) -> str:
    if not label.isascii():
        try:
            label = idna.alabel(label).decode()
        except UnicodeError:
            raise bad(host, "a host name that IDNA 2008 allows, or its xn-- form") from None
    elif label.startswith("xn--") and not _is_punycode(label[4:]):
        raise bad(host, "xn-- only before Punycode (RFC 3492)")
    if not _LABEL.fullmatch(label):
        raise bad(host, "a host name, its labels 1 to 63 letters, digits and inner hyphens")
    return label


def _is_punycode(text: str) -> bool:
    if len(text) > 59:  # longer than a label; and the codec's time grows with the square
        return False
    try:
        decoded = text.encode().decode("punycode")
        decoded.encode()  # refuses surrogates
        return not decoded.isascii() and decoded.encode("punycode").decode() == text
    except UnicodeError:
        return False


def refuse_invisible(text: str) -> None:
    if text.isascii() and text.isprintable() and " " not in text:
        return  # nearly every text, without a look at each character
    if any(unicodedata.category(char) in _INVISIBLE for char in text):
        raise bad(text, "no white space, control, formatting or surrogate characters")


def bad(got: str, expected: str) -> BadUri:
    return BadUri(f"got {shown(got)}; expected {expected}")


def shown(text: str) -> str:
    # A slice first: what was refused can be long.
    told = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text[:SHOWN_OF_REFUSED]
    )
    return f"'{told}'" if len(told) <= _ROOM else f"'{told[: _ROOM - 1]}…'"
