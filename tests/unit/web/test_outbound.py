"""Connections to strangers' addresses: what is refused, and that what was checked is what is connected to."""

import asyncio
import ipaddress
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.errors import Invalid
from shared.web.outbound import PinnedTransport, Resolve, check_url, open_client, refuse_address

NOT_PUBLIC = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.0.0.192", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "203.0.113.7", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "64:ff9b::7f00:1",
    "2001:db8::1", "2002:a00:1::1", "fc00::1", "fe80::1", "fec0::1", "ff02::1",
]  # fmt: skip


def answering(*answers: list[str]) -> Resolve:
    """A resolver that gives each of `answers` once, in order."""
    waiting = iter(answers)

    async def resolve(_host: str, _port: int) -> list[str]:
        return next(waiting)

    return resolve


@asynccontextmanager
async def receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """An HTTP server that says 204 to everything; gives its port and the heads it received."""
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1], heads


async def refusal(call: Callable[[], Awaitable[object]]) -> str:
    with pytest.raises(Invalid) as caught:
        await call()
    return caught.value.code


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(Invalid):
        refuse_address(ipaddress.ip_address(address), allow_loopback=False)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_taken(address: str) -> None:
    refuse_address(ipaddress.ip_address(address), allow_loopback=False)


def test_where_loopback_is_allowed_no_other_private_address_is() -> None:
    refuse_address(ipaddress.ip_address("127.0.0.1"), allow_loopback=True)
    refuse_address(ipaddress.ip_address("::ffff:127.0.0.1"), allow_loopback=True)
    for address in ("10.0.0.1", "169.254.169.254", "0.0.0.0"):
        with pytest.raises(Invalid):
            refuse_address(ipaddress.ip_address(address), allow_loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "javascript:alert(1)", "//example.com/", "https://", "not a url",
        "https://user@example.com/", "https://user:password@example.com/", "https://:@example.com/",
        "https://example.com/#fragment", "https://example.com:22/", "https://example.com:25/", "https://example.com:0/",
        "https://example.com:70000/", "https://10.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
        "https://localhost/", "https://any.localhost/", "https://good.example\\@evil.example/",
        "https://example.com\r\nHost: evil.example/", "https://example.com/\0", "http://127.0.0.1:9000/",
        "https://example.com/a b", " https://example.com/", "https://example.com/\u2028To%20pay:", "https://example.com/\x85",
        "https://example.com/\u00a0", "https://example.com/\u202etxt", "https://example.com/\ud800",
    ],
)  # fmt: skip
def test_a_url_with_anything_odd_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        check_url(url)


@pytest.mark.parametrize("url", ["https://example.com/hook?x=1", "https://bücher.example:8443/", "https://8.8.8.8/"])
def test_an_ordinary_https_url_is_taken(url: str) -> None:
    assert check_url(url).scheme == "https"


def test_loopback_is_taken_over_http_and_on_any_port_only_where_it_is_allowed() -> None:
    for url in ("http://127.0.0.1:9000/", "http://localhost:9000/", "http://[::1]:9000/"):
        assert check_url(url, allow_loopback=True).host
        with pytest.raises(Invalid):
            check_url(url)
    with pytest.raises(Invalid):
        check_url("http://example.com/", allow_loopback=True)


@pytest.mark.parametrize(
    "answer", [["10.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["8.8.8.8", "::1"], ["fe80::1%eth0"], ["127.0.0.1"]]
)
async def test_a_host_with_any_address_that_is_not_public_is_not_connected_to(answer: list[str]) -> None:
    async with open_client(PinnedTransport(resolve=answering(answer))) as client:
        assert await refusal(lambda: client.get("https://example.com/")) == "address_refused"


@pytest.mark.parametrize("url", ["https://127.1/", "https://0x7f.1/", "https://2130706433/", "https://017700000001/"])
async def test_odd_spellings_of_loopback_are_seen_through(url: str) -> None:
    async with open_client(PinnedTransport()) as client:
        assert await refusal(lambda: client.get(url)) == "address_refused"


async def test_every_request_is_checked_whatever_was_checked_at_registration() -> None:
    async with open_client(PinnedTransport(resolve=answering(["8.8.8.8"]))) as client:
        assert await refusal(lambda: client.get("https://example.com:22/")) == "address_refused"
        assert await refusal(lambda: client.get("http://example.com/")) == "url_refused"


async def test_a_host_that_does_not_resolve_is_a_connect_error() -> None:
    async def nowhere(_host: str, _port: int) -> list[str]:
        raise OSError

    for resolve in (nowhere, answering([])):
        async with open_client(PinnedTransport(resolve=resolve)) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get("https://example.com/")


async def test_lookups_that_hang_are_given_up_and_leave_the_loops_own_threads_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_named: answered.wait(60))
    monkeypatch.setattr("shared.web.outbound.RESOLVE_SECONDS", 0.2, raising=False)
    try:
        async with asyncio.timeout(30), open_client(PinnedTransport()) as client:
            calls = [client.get(f"https://{number}.example/", timeout=None) for number in range(100)]
            failures = await asyncio.gather(*calls, return_exceptions=True)
            await asyncio.to_thread(threading.active_count)
    finally:
        answered.set()
    assert {type(failure) for failure in failures} == {httpx.ConnectError}


async def test_a_host_is_resolved_once_so_rebinding_has_nothing_to_answer() -> None:
    """The second answer would lead elsewhere; nobody asks for it."""
    async with receiver() as (port, heads):
        resolve = answering(["127.0.0.1"], ["169.254.169.254"])
        async with open_client(PinnedTransport(allow_loopback=True, resolve=resolve)) as client:
            await client.get(f"http://localhost:{port}/first")
            assert await refusal(lambda: client.get(f"http://localhost:{port}/second")) == "address_refused"
    assert len(heads) == 1
    assert f"\r\nhost: localhost:{port}\r\n".encode() in heads[0].lower()


async def test_when_the_first_address_does_not_answer_the_next_is_tried() -> None:
    async with receiver() as (port, heads):
        resolve = answering(["127.0.0.2", "127.0.0.1"])
        async with open_client(PinnedTransport(allow_loopback=True, resolve=resolve)) as client:
            assert (await client.get(f"http://localhost:{port}/")).status_code == 204
    assert len(heads) == 1


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(redirect, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with open_client(PinnedTransport(allow_loopback=True)) as client:
            assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 302


async def test_proxies_and_passwords_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password planted-secret")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with receiver() as (port, heads), open_client(PinnedTransport(allow_loopback=True)) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 204
    assert b"authorization" not in heads[0].lower()


async def test_the_certificate_must_be_the_hosts_although_the_address_is_connected_to(tmp_path: Path) -> None:
    server_side, client_side = certificate_for("hook.localhost", tmp_path)
    async with receiver(server_side) as (port, heads):
        transport = PinnedTransport(
            allow_loopback=True, resolve=answering(["127.0.0.1"], ["127.0.0.1"]), verify=client_side
        )
        async with open_client(transport) as client:
            assert (await client.get(f"https://hook.localhost:{port}/")).status_code == 204
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await client.get(f"https://other.localhost:{port}/")
    assert len(heads) == 1


def certificate_for(host: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS settings of a server with a certificate for `host`, and of a client that trusts just that."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(pem + secret)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    return server, ssl.create_default_context(cadata=pem.decode())
