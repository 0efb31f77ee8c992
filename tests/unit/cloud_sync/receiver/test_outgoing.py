"""What leaves the site: to whom, within which time, and that an address is never shown whole."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.receiver.address import Address
from cloud_sync.receiver.outgoing import OutgoingError, Post, send
from tests.helpers.outside import outside

SECRET = "s3cret-token"


@pytest.mark.parametrize("status", [200, 204, 299])
async def test_it_is_taken_if_they_say_so(status: int) -> None:
    """Method, path with query, headers and body arrive as they were given."""
    async with outside(status) as there:
        address = Address(f"http://127.0.0.1:{there.port}/{SECRET}?a=1")
        await send(address, Post("POST", [("Lum-Time", "7")], b"body"))
    [asked] = there.asked
    assert (asked.method, asked.target, asked.body) == ("POST", f"/{SECRET}?a=1", b"body")
    assert asked.headers["lum-time"] == "7"


@pytest.mark.parametrize("status", [199, 301, 302, 400, 401, 404, 500, 503])
async def test_anything_else_is_no_yes(status: int) -> None:
    """A redirect is not followed."""
    async with outside(status) as there:
        with pytest.raises(OutgoingError) as refused:
            await send(Address(f"http://127.0.0.1:{there.port}/{SECRET}"), Post(), limit_s=0.5)
    assert len(there.asked) == 1
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200", b"HTTP/1.1 100 Go on\r\n\r\n"])
async def test_whoever_does_not_answer_is_given_up(head: bytes) -> None:
    """Also who answers a little and then no more."""
    async with outside(0) as there:
        there.head = head
        with pytest.raises(OutgoingError, match="did not answer within"):
            await send(Address(f"http://127.0.0.1:{there.port}/"), Post(), limit_s=0.2)


@pytest.mark.parametrize(
    "head", [b"\xff\x00", b"220 smtp\r\n", b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000]
)
async def test_nonsense_is_no_yes(head: bytes) -> None:
    """Whatever it is, it is one sentence, and none of it is kept."""
    async with outside(0) as there:
        there.head = head
        with pytest.raises(OutgoingError):
            await send(Address(f"http://127.0.0.1:{there.port}/{SECRET}"), Post(), limit_s=5)


async def test_nobody_there_is_said_in_words() -> None:
    """As the system calls it."""
    async with outside() as there:
        port = there.port
    with pytest.raises(OutgoingError, match=r"127\.0\.0\.1: .*refused") as refused:
        await send(Address(f"http://127.0.0.1:{port}/{SECRET}"), Post())
    assert SECRET not in str(refused.value)


async def test_over_tls_only_to_whom_the_given_certificates_vouch_for(tmp_path: Path) -> None:
    """With the right ones it goes through; with the system's own it does not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(tmp_path / "other.pem"))
    async with outside(tls=context) as there:
        address = Address(f"https://127.0.0.1:{there.port}/{SECRET}")
        await send(address, Post(), ca=tmp_path / "other.pem")
        with pytest.raises(OutgoingError, match="TLS failed"):
            await send(address, Post())
    assert len(there.asked) == 1


@pytest.mark.parametrize(
    "text",
    [
        "http://example.org/x",
        "ftp://example.org/",
        "https:///x",
        "https://user:pass@example.org/",
        "https://example.org/#x",
        "https://example.org/a b",
        "https://example.org/\r\nX: y",
        "https://example.org:99999/",
        "example.org",
        "",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(text: str) -> None:
    """It may be a secret with a typing error in it."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the sentence is what counts
        Address(text)
    assert not text or text not in str(refused.value)


@given(st.from_regex(r"[A-Za-z0-9_-]{8,40}", fullmatch=True))
def test_an_address_never_shows_what_makes_it_secret(token: str) -> None:
    """However it is printed."""
    address = Address(f"https://ping.example.org/{token}?key={token}")
    assert token not in f"{address} {address!r}"
    assert address.target == f"/{token}?key={token}"
    assert address == Address(f"https://ping.example.org:443/{token}?key={token}")


def _certificate(file: Path) -> Path:
    """A certificate for this machine, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "outside")])
    now = dt.datetime.now(dt.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file
