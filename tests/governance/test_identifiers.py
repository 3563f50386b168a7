"""One subject, one canonical URI, one key; everything else refused in words that help."""

import hashlib
import hmac
from base64 import urlsafe_b64decode

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from governance import identifiers
from governance.hosts import BadUri, canonical_domain
from governance.identifiers import LONGEST_URI, Subject, SubjectKind, lookup_key, parse_subject

ACCOUNT = frozenset({SubjectKind.ACCOUNT})
CONTENT = frozenset({SubjectKind.CONTENT})
SERVER = frozenset({SubjectKind.SERVER})
ACCOUNT_OR_CONTENT = ACCOUNT | CONTENT

PLC = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
UUID = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"


@pytest.mark.parametrize(
    ("given_uri", "kinds", "host"),
    [
        ("acct:alice@example.social", ACCOUNT, "example.social"),
        (PLC, ACCOUNT, None),
        ("did:web:example.social", ACCOUNT, None),
        ("did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH", ACCOUNT, None),
        ("https://example.social", SERVER, "example.social"),
        ("https://example.social:8443", SERVER, "example.social"),
        ("https://192.0.2.1", SERVER, "192.0.2.1"),
        ("https://[2001:db8::1]", SERVER, "[2001:db8::1]"),
        ("https://example.social/@alice", ACCOUNT_OR_CONTENT, "example.social"),
        ("https://example.social/?author=1", ACCOUNT_OR_CONTENT, "example.social"),
        (f"at://{PLC}/app.bsky.feed.post/3k5tq", CONTENT, None),
        ("at://alice.example.social/app.bsky.feed.post/3k5tq", CONTENT, None),
        (f"urn:uuid:{UUID}", ACCOUNT_OR_CONTENT, None),
    ],
)
def test_a_canonical_uri_stays_and_says_its_kinds_and_host(
    given_uri: str, kinds: frozenset[SubjectKind], host: str | None
) -> None:
    assert parse_subject(given_uri) == Subject(uri=given_uri, kinds=kinds, host=host)


@pytest.mark.parametrize(
    ("given_uri", "canonical"),
    [
        ("acct:@User@EXAMPLE.social.", "acct:user@example.social"),
        ("ACCT:Alice@Example.Social", "acct:alice@example.social"),
        ("acct:%61lice@example.social", "acct:alice@example.social"),
        ("acct:alice%2Ebob@example.social", "acct:alice.bob@example.social"),
        ("acct:a%21b@example.social", "acct:a!b@example.social"),
        (
            "acct:Juliet%40capulet.example@shop.example",
            "acct:juliet%40capulet.example@shop.example",
        ),
        ("acct:%c3%89lodie@example.social", "acct:%C3%A9lodie@example.social"),
        ("acct:\u00c9lodie@example.social", "acct:%C3%A9lodie@example.social"),
        ("acct:E\u0301lodie@example.social", "acct:%C3%A9lodie@example.social"),
        ("acct:a%2541@example.social", "acct:a%2541@example.social"),
        ("acct:\U0001f600@example.social", "acct:%F0%9F%98%80@example.social"),
        ("acct:alice@example.social#main-key", "acct:alice@example.social"),
        ("acct:alice@B\u00dcCHER.example", "acct:alice@xn--bcher-kva.example"),
        ("acct:alice@XN--BCHER-KVA.example", "acct:alice@xn--bcher-kva.example"),
    ],
)
def test_one_account_has_one_acct_uri(given_uri: str, canonical: str) -> None:
    assert parse_subject(given_uri).uri == canonical


@pytest.mark.parametrize(
    ("given_uri", "canonical"),
    [
        ("HTTPS://Example.Social", "https://example.social"),
        ("https://example.social/", "https://example.social"),
        ("https://example.social:443/", "https://example.social"),
        ("https://example.social:0443/", "https://example.social"),
        ("https://example.social:/", "https://example.social"),
        ("https://example.social./?", "https://example.social"),
        ("https://example.social/#top", "https://example.social"),
        ("https://example.social/a/..", "https://example.social"),
        ("https://example.social/a/%2E%2e/%40b", "https://example.social/%40b"),
        ("https://example.social/%7Ealice", "https://example.social/~alice"),
        ("https://example.social/a%c3%a9", "https://example.social/a%C3%A9"),
        ("https://example.social/a\u00e9", "https://example.social/a%C3%A9"),
        ("https://example.social/a|b", "https://example.social/a%7Cb"),
        ("https://example.social/a%2541", "https://example.social/a%2541"),
        ("https://example.social/a%2Fb", "https://example.social/a%2Fb"),
        ("https://example.social/@Alice", "https://example.social/@Alice"),
        ("https://example.social/actor#main-key", "https://example.social/actor"),
        ("https://example.social?q=1", "https://example.social/?q=1"),
        ("https://example.social/x?", "https://example.social/x"),
        ("https://example.social/x?a[]=%7e/../?", "https://example.social/x?a%5B%5D=~/../?"),
        ("https://m\u00fcnchen.example/x", "https://xn--mnchen-3ya.example/x"),
        ("https://stra\u00dfe.example/", "https://xn--strae-oqa.example"),
        ("https://example\u3002social\uff0e/x", "https://example.social/x"),
        ("https://\uff11\uff12\uff17.0.0.1/", "https://127.0.0.1"),
        ("https://[2001:0DB8:0::0001]:443/x", "https://[2001:db8::1]/x"),
        ("https://[::FFFF:C000:0201]/", "https://[::ffff:192.0.2.1]"),
        ("https://some_user.blog.example/", "https://some_user.blog.example"),
        ("https://xn--6r8h.example/", "https://xn--6r8h.example"),
    ],
)
def test_https_uris_are_normalised(given_uri: str, canonical: str) -> None:
    assert parse_subject(given_uri).uri == canonical


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b/c/./../../g", "/a/g"),  # RFC 3986 5.2.4
        ("/./x", "/x"),
        ("/../x", "/x"),
        ("/x/.", "/x/"),
        ("/x/y/..", "/x/"),
        ("/x//y", "/x//y"),
        ("/x//../y", "/x/y"),
        ("/...", "/..."),
        ("/.well-known", "/.well-known"),
    ],
)
def test_dot_segments_are_removed(path: str, expected: str) -> None:
    assert parse_subject(f"https://example.social{path}").uri == f"https://example.social{expected}"


@pytest.mark.parametrize(
    ("given_uri", "canonical"),
    [
        (PLC.upper(), PLC),
        ("DID:Web:Example.Social.", "did:web:example.social"),
        ("did:web:Example.Social%3a8443:Alice", "did:web:example.social%3A8443:Alice"),
        ("did:web:example.social%3A443", "did:web:example.social"),
        ("did:EXAMPLE:Ab%7ec%41#key-1", "did:example:Ab%7EcA"),
        (f"AT://{PLC}/App.Bsky.feed.post/3K#x", f"at://{PLC}/app.bsky.feed.post/3K"),
        (
            "at://Alice.Example/app.bsky.feed.postGate/3k",
            "at://alice.example/app.bsky.feed.postGate/3k",
        ),
        (f"URN:UUID:{UUID.upper()}", f"urn:uuid:{UUID}"),
    ],
)
def test_dids_records_and_urns_are_normalised(given_uri: str, canonical: str) -> None:
    assert parse_subject(given_uri).uri == canonical


def test_look_alike_hosts_stay_different_accounts() -> None:
    latin = parse_subject("acct:alice@paypal.example")
    cyrillic = parse_subject("acct:alice@p\u0430ypal.example")
    assert cyrillic.uri == "acct:alice@xn--pypal-4ve.example"
    assert latin.uri != cyrillic.uri


@pytest.mark.parametrize(
    ("text", "suggested"),
    [
        ("@alice@example.social", "acct:alice@example.social"),
        ("Alice@Example.Social", "acct:alice@example.social"),
        ("mailto:alice@example.social", "acct:alice@example.social"),
        ("http://example.social/@alice", "https://example.social/@alice"),
        ("example.social", "https://example.social"),
        ("example.social:8443/x", "https://example.social:8443/x"),
    ],
)
def test_a_near_miss_is_told_what_to_write_instead(text: str, suggested: str) -> None:
    with pytest.raises(BadUri) as caught:
        parse_subject(text)
    assert str(caught.value).endswith(f"perhaps '{suggested}'")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "one of acct:"),
        ("alice", "one of acct:"),
        ("/users/alice", "one of acct:"),
        ("//example.social/x", "one of acct:"),
        ("ftp://example.social/x", "one of acct:"),
        ("http\u017f://example.social", "one of acct:"),
        ("javascript:alert(1)", "one of acct:"),
        ("x" * 3_000, "at most 2048 characters"),
        ("https://example.social/" + "\u00e9" * 1_000, "once percent-encoded"),
        (" acct:alice@example.social", "no white space"),
        ("acct:alice@example.social\n", "no white space"),
        ("acct:al\x00ice@example.social", "no white space"),
        ("acct:al%00ice@example.social", "no white space"),
        ("acct:al%E2%80%AEice@example.social", "no white space"),
        ("https://example.social/a\u202eb", "formatting"),
        ("https://exa\u200bmple.social/", "formatting"),
        ("https://example.social/a\u00a0b", "no white space"),
        ("https://example.social/\ud800", "surrogate"),
        ("https://example.social\\@evil.example/", "no backslash"),
        ("https://example.social/%", "two hexadecimal digits"),
        ("https://example.social/%4", "two hexadecimal digits"),
        ("acct:a%zz@example.social", "two hexadecimal digits"),
        ("acct:%ff@example.social", "UTF-8"),
        ("acct:", "acct:name@domain"),
        ("acct:alice", "acct:name@domain"),
        ("acct:@example.social", "acct:name@domain"),
        ("acct:@@alice@example.social", "acct:name@domain"),
        ("acct:alice@bob@example.social", "acct:name@domain"),
        ("acct:alice@localhost", "two labels"),
        ("acct:alice@192.0.2.1", "no number"),
        ("acct:alice@[2001:db8::1]", "host name"),
        ("acct:alice@example.social:443", "host name"),
        ("acct:alice@example.social/x", "host name"),
        ("https:", "https://host/path"),
        ("https:example.social", "https://host/path"),
        ("https:///x", "https://host/path"),
        ("https://:443/x", "host name"),
        ("https://alice@example.social/", "no user name"),
        ("https://example.social:0/", "a port"),
        ("https://example.social:65536/", "a port"),
        ("https://example.social:x/", "host:port"),
        ("https://ex%61mple.social/", "host name"),
        ("https://localhost/", "two labels"),
        ("https://2130706433/", "two labels"),
        ("https://0x7f.1/", "no number"),
        ("https://127.0.0.01/", "no number"),
        ("https://[fe80::1%25eth0]/", "host name"),
        ("https://[2001:db8::1/", "host:port"),
        ("https://-a.example/", "inner hyphens"),
        ("https://a..example/", "1 to 63"),
        (f"https://{'a' * 64}.example/", "1 to 63"),
        (f"https://{'a.' * 130}example/", "253"),
        ("https://\uff20.example/", "host name"),
        ("https://\U0001f4a9.example/", "xn-- form"),
        ("https://xn--zzzzzzzz.example/", "Punycode"),
        ("https://xn--abc-.example/", "Punycode"),
        ("did:", "DID Core"),
        ("did:example:", "DID Core"),
        ("did:example:a:", "DID Core"),
        ("did:\u212aey:z6Mk", "DID Core"),
        (f"{PLC}/path", "DID Core"),
        (f"{PLC}?query", "DID Core"),
        ("did:plc:short", "24 characters"),
        ("did:web:localhost%3A3000", "two labels"),
        ("did:web:example.social%3A", "a port"),
        (f"at://{PLC}", "for an account, its did:"),
        (f"at://{PLC}/app.bsky.feed.post", "at://authority/collection/key"),
        (f"at://{PLC}/app.bsky.feed.post/..", "at://authority/collection/key"),
        ("urn:uuid:1", "36 characters"),
        ("urn:isbn:0451450523", "36 characters"),
    ],
)
def test_anything_else_is_refused_with_what_was_expected(text: str, expected: str) -> None:
    with pytest.raises(BadUri, match=r"^got .*; expected ") as caught:
        parse_subject(text)
    assert expected in str(caught.value)


def test_a_refusal_repeats_no_password() -> None:
    with pytest.raises(BadUri) as caught:
        parse_subject("https://alice:hunter2@example.social/")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["x" * 3_000, "\x00" * 100, "\u202e" * 79, "\ud800" * 9])
def test_a_refusal_shows_at_most_80_printable_characters(text: str) -> None:
    with pytest.raises(BadUri) as caught:
        parse_subject(text)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message.removeprefix("got ").partition("; expected ")[0]) <= 80


def test_a_uri_may_have_2048_characters() -> None:
    longest = "https://example.social/".ljust(LONGEST_URI, "x")
    assert parse_subject(longest).uri == longest
    with pytest.raises(BadUri):
        parse_subject(longest + "x")


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("example.social", "example.social"),
        ("Example.SOCIAL.", "example.social"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("gc-key.xn--vusz0j.life", "gc-key.xn--vusz0j.life"),
        ("xn--6r8h.tk", "xn--6r8h.tk"),  # an emoji, which IDNA 2008 doesn't allow
        ("my_instance.example", "my_instance.example"),
        ("000.example", "000.example"),
        ("r3---sn.example", "r3---sn.example"),
    ],
)
def test_a_domain_is_lower_case_and_in_a_labels(text: str, domain: str) -> None:
    assert canonical_domain(text) == domain


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "domain",
        "#domain",
        "localhost",
        ".tk",
        "*.example",
        "beef*****.*lub",
        "192.0.2.1",
        "2001:db8::2",
        "exa\u200bmple.space",
        "example.social:443",
        "https://example.social",
        "alice@example.social",
        "example.social/x",
        " example.social",
        "a.example,b.example",
    ],
)
def test_what_names_no_host_is_no_domain(text: str) -> None:
    with pytest.raises(BadUri):
        canonical_domain(text)


TEMPLATES = (
    "{} https://example.social/{} HTTPS://{}.example/x https://a.example{} acct:{}@example.social "
    "acct:a@{}.example did:ex:{}a did:web:{}.example at://{}.example/b.c.d/e {}.example"
)
PIECES = (
    "a E 7 - _ . ~ ! : %2e %2F %7E %c3%89 %CC%81 %0E xn--bcher-kva b\u00fccher \u0130 \u03a3 "
    "\u0301 \u3002 \uff21 \u00df \U0001f600 / // .. /../ ? # @ :443 %3A443"
)
# Mostly nearly right: text that is only random hardly ever gets past the scheme.
NEARLY_URIS = st.builds(
    lambda template, pieces: template.replace("{}", "".join(pieces)),
    st.sampled_from(TEMPLATES.split()),
    st.lists(st.sampled_from(PIECES.split()), min_size=1, max_size=5),
)
ANY_TEXT = NEARLY_URIS | st.text(st.characters(exclude_categories=()), max_size=40)


@given(ANY_TEXT)
@example("acct:%0E\u0301@example.social")
@example("https://example.social/..//../x")
def test_any_text_is_a_stable_canonical_uri_or_refused(text: str) -> None:
    try:
        subject = parse_subject(text)
    except BadUri:
        return
    assert parse_subject(subject.uri) == subject
    assert subject.uri.isascii()
    assert subject.uri.isprintable()
    assert len(subject.uri) <= LONGEST_URI
    assert subject.kinds


@given(ANY_TEXT)
def test_any_text_is_a_stable_domain_or_refused(text: str) -> None:
    try:
        domain = canonical_domain(text)
    except BadUri:
        return
    assert canonical_domain(domain) == domain
    assert parse_subject(f"acct:a@{domain}").host == domain
    assert parse_subject(f"https://{domain}").host == domain


NAMES = st.text(st.characters(categories=["L", "N", "S", "P"], exclude_characters="\\%@#"))


@given(NAMES.filter(bool))
def test_case_and_percent_encoding_make_no_second_account(name: str) -> None:
    escaped = "".join(f"%{byte:02x}" for byte in name.encode())
    canonical = parse_subject(f"acct:{name}@example.social").uri
    assert parse_subject(f"acct:@{name}@EXAMPLE.social.").uri == canonical
    assert parse_subject(f"acct:{escaped}@example.social").uri == canonical
    if name.upper().lower() == name.lower():
        assert parse_subject(f"acct:{name.upper()}@example.social").uri == canonical


def test_a_lookup_key_is_43_characters_and_the_hmac_of_kind_and_uri() -> None:
    key = lookup_key(b"secret", SubjectKind.ACCOUNT, "acct:alice@example.social")
    message = b"comity:lookup:v1\0ACCOUNT\0acct:alice@example.social"
    assert len(key) == 43
    assert urlsafe_b64decode(key + "=") == hmac.new(b"secret", message, hashlib.sha256).digest()


def test_lookup_keys_differ_by_secret_kind_and_uri() -> None:
    uri = "https://example.social/@alice"
    keys = {
        lookup_key(b"secret", SubjectKind.ACCOUNT, uri),
        lookup_key(b"another", SubjectKind.ACCOUNT, uri),
        lookup_key(b"secret", SubjectKind.CONTENT, uri),
        lookup_key(b"secret", SubjectKind.ACCOUNT, uri + "2"),
    }
    assert len(keys) == 4


@given(st.from_regex(identifiers._PLAIN, fullmatch=True))
def test_what_is_plain_already_is_read_as_everything_else_is(text: str) -> None:
    subject = parse_subject(text)
    assume(len(text.rpartition("@")[2]) <= 253)
    assert parse_subject(text.replace("acct:", "ACCT:")) == subject
