"""POST over TLS: a server is believed by its certificate alone."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from api.posting import Unanswered, post
from api.tls import tls_context
from tests.api.http.test_publishing import listening


@pytest.fixture(autouse=True)
def no_certificates_are_kept() -> Iterator[None]:
    """Have each test's process read the certificates that it believes."""
    tls_context.cache_clear()
    yield
    tls_context.cache_clear()


def certificate(folder: Path, host: str, *, days: int = 1) -> Path:
    """A file with a self-signed certificate of a host and its key."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / f"{host}.{days}.pem"
    path.write_bytes(key.private_bytes(pem, *plain) + made.public_bytes(pem))
    return path


async def posted(certificate: Path, host: str = "127.0.0.1") -> bytes:
    """What a server with a certificate answers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with listening(lambda body: (200, "text/plain", body[::-1]), context) as port:
        return bytes((await post(f"https://{host}:{port}/w/add-checkpoint", b"abc")).body)


async def test_a_certificate_that_is_trusted_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    assert await posted(own) == b"cba"
    assert await posted(own) == b"cba"
    assert tls_context.cache_info().misses == 1  # reading all that a system believes takes long


@pytest.mark.parametrize(("host", "days"), [("127.0.0.1", -1), ("127.0.0.2", 1)])
async def test_one_that_ran_out_or_is_anothers_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, days: int
) -> None:
    wrong = certificate(tmp_path, host, days=days)
    monkeypatch.setenv("SSL_CERT_FILE", str(wrong))
    with pytest.raises(Unanswered, match="no trusted TLS"):
        await posted(wrong)


async def test_one_that_nobody_vouches_for_is_not(tmp_path: Path) -> None:
    with pytest.raises(Unanswered, match="no trusted TLS"):
        await posted(certificate(tmp_path, "127.0.0.1"))
