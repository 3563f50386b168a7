"""Variables of the environment: what each setting's text has to be, and what it says."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from governance.errors import BadSetting
from governance.log.errors import LogError
from governance.log.notes import check_name
from governance.log.witnesses import Witness, parse_witness

# Settings that are one of a few words, the default first.
CHOICES = {
    "log_level": ("info", "debug", "warning", "error"),
    "log_format": ("json", "text"),
    "tracing": ("off", "otlp"),
    "trusted_alone": ("off", "on"),
    "pages": ("apart", "inside"),
}
SHORTEST_METRICS_TOKEN = 16  # characters
LONGEST_SECRET = 10_000  # characters
MOST_WITNESSES = 15  # with the log's own, as many signatures as every reader takes (signed-note)


def given(variable: str, environment: Mapping[str, str], *, is_secret: bool) -> str | None:
    """A setting's text; a secret's may be in a file that the variable with _FILE names."""
    named = f"{variable}_FILE"
    if not is_secret or named not in environment:
        return environment.get(variable)
    if variable in environment:
        raise BadSetting(f"{variable} and {named}: expected one of them, got both")
    try:
        with open(environment[named], encoding="utf-8") as file:
            return file.read(LONGEST_SECRET).strip()
    except (OSError, ValueError):  # the latter for what is no text, or no name of a file
        raise BadSetting(f"{named}: expected a file of text that this process can read") from None


def parsed(name: str, variable: str, text: str, default: object) -> object:
    """What a setting's text says, of the kind of its default; BadSetting says what was expected."""
    if isinstance(default, int):
        if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**31:
            raise BadSetting(f"{variable}: expected a positive whole number, got {text!r}")
        return int(text)
    if not text.strip():
        raise BadSetting(f"{variable}: expected a value, got an empty one")
    if isinstance(default, Path) or default is None:
        return Path(text)
    if name in ("log_origin", "witness_name"):
        return _name(variable, text)
    if name == "witnesses":
        return _witnesses(variable, text)
    if name == "public_url":
        return _public_url(variable, text)
    if name == "test_network":
        return _test_network(variable, text)
    if name in CHOICES:
        return _choice(variable, text, CHOICES[name])
    if name == "metrics_token":
        return _metrics_token(variable, text)
    return _database_url(variable, text)


def _choice(variable: str, text: str, choices: Sequence[str]) -> str:
    if text not in choices:
        raise BadSetting(f"{variable}: expected one of {', '.join(choices)}; got {text!r}")
    return text


def _witnesses(variable: str, text: str) -> tuple[Witness, ...]:
    found: list[Witness] = []
    for number, one in enumerate(text.replace(",", " ").split(), 1):
        try:
            found.append(parse_witness(one))
        except LogError as error:
            expected = "name+id+key@https://host/prefix"
            raise BadSetting(
                f"{variable}: expected {expected} in place {number}: {error}"
            ) from None
    if not 0 < len({witness.verifier.key for witness in found}) == len(found) <= MOST_WITNESSES:
        raise BadSetting(f"{variable}: expected 1 to {MOST_WITNESSES} witnesses of different keys")
    return tuple(found)


def _public_url(variable: str, text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("https", "http") or not url.hostname or {*"?#@ "} & {*text}:
        raise BadSetting(f"{variable}: expected a URL such as https://node.example, got {text!r}")
    return text.rstrip("/")


def _test_network(variable: str, text: str) -> tuple[tuple[str, str, int], ...]:
    found = []
    for number, one in enumerate(text.split(), 1):
        domain, _, address = one.partition("=")
        host, _, port = address.rpartition(":")
        if not domain or not host or not port.isascii() or not port.isdigit():
            raise BadSetting(f"{variable}: expected domain=host:port in place {number}")
        found.append((domain.lower(), host, int(port)))
    return tuple(found)


def _name(variable: str, text: str) -> str:
    try:
        check_name(text)
    except LogError as error:
        raise BadSetting(f"{variable}: expected a name such as example.org/log ({error})") from None
    return text


def _metrics_token(variable: str, text: str) -> str:
    # A secret, so it is never repeated in a message.
    if len(text) < SHORTEST_METRICS_TOKEN or not text.isascii() or not text.isprintable():
        raise BadSetting(
            f"{variable}: expected at least {SHORTEST_METRICS_TOKEN} characters of ASCII"
        )
    if " " in text:
        raise BadSetting(f"{variable}: expected no spaces")
    return text


def _database_url(variable: str, text: str) -> str:
    # The address may hold a password, so it is never repeated in a message.
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        raise BadSetting(f"{variable}: expected sqlite:///FILE or postgresql://…") from None
    if url.drivername not in ("sqlite", "postgresql", "postgres"):
        raise BadSetting(
            f"{variable}: expected sqlite:///FILE or postgresql://…, got {url.drivername}://…"
        )
    if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
        raise BadSetting(f"{variable}: expected a file, sqlite:///FILE; memory isn't kept")
    return text
