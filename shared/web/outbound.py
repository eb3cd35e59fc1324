"""Opens connections to addresses that strangers gave us: public ones only, and to the very address that was checked."""

import asyncio
import ipaddress
import socket
import ssl
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx

from shared.errors import Invalid

# Services that answer HTTP stand here; anything else asked for is an attempt to talk to something else.
PORTS = frozenset({80, 443, 8000, 8080, 8443})
# A part of the time that a request has. A lookup can't be called off: its thread goes on until the system gives up,
# some 30 s where no name server answers. So strangers' hosts have threads of their own, more than one stranger's
# share of what goes out at once can hold; the loop's own are for work that ends.
RESOLVE_SECONDS = 10.0
_RESOLVING = ThreadPoolExecutor(32, "resolving")
# A host may have many addresses; the time for a request is better spent than on trying all of them.
ADDRESSES_TRIED = 4

# Not what this Python calls private, and yet not for us: IETF protocol assignments (some clouds keep secrets there),
# relays and embeddings of IPv4 in IPv6 that could lead back inside, Azure's host agent, old site-local addresses.
NOT_PUBLIC = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2002::/16", "fec0::/10"))
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Gives the addresses of a host, as text; raises OSError where it has none.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver, for 10 s."""
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    async with asyncio.timeout(RESOLVE_SECONDS):
        found = await asyncio.get_running_loop().run_in_executor(_RESOLVING, look_up)
    return [str(entry[4][0]) for entry in found]


class PinnedTransport(httpx.AsyncBaseTransport):
    """Resolves a host once, refuses it unless every answer is public, and connects to what was checked.

    A name that answers differently the second time (DNS rebinding) so has nothing to answer. Connections are not
    kept: they are pooled by address, and two hosts at one address must not share one.
    """

    def __init__(
        self, allow_loopback: bool = False, *, resolve: Resolve = resolve, verify: ssl.SSLContext | bool = True
    ) -> None:
        self._allow_loopback = allow_loopback
        self._resolve = resolve
        self._inner = httpx.AsyncHTTPTransport(
            verify=verify, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`; raises Invalid (`url_refused`, `address_refused`) or httpx's errors."""
        check_url(str(request.url), self._allow_loopback)
        *others, last = await self._checked(request)
        for address in others:
            try:
                return await self._send(request, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue  # nothing was sent yet, so the next address may be tried
        return await self._send(request, last)

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()

    async def _checked(self, request: httpx.Request) -> list[str]:
        host, port = _host(request.url), _port(request.url)
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError("the host does not resolve", request=request) from error
        # A link-local address comes with its zone; without one it is refused like the rest of its kind.
        addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in dict.fromkeys(found)]
        if not addresses:
            raise httpx.ConnectError("the host does not resolve", request=request)
        for address in addresses:
            refuse_address(address, self._allow_loopback)
            refuse_port(address, port, self._allow_loopback)
        return [str(address) for address in addresses[:ADDRESSES_TRIED]]

    async def _send(self, request: httpx.Request, address: str) -> httpx.Response:
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,  # the Host header among them
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": _host(request.url)},  # whose certificate is wanted
        )
        return await self._inner.handle_async_request(pinned)


def open_client(transport: PinnedTransport) -> httpx.AsyncClient:
    """Return a client that follows no redirect, and takes neither proxies nor passwords from the environment."""
    return httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)


def refuse_address(address: Address, allow_loopback: bool) -> None:
    """Raise Invalid (`address_refused`) unless `address` is public, or loopback where that is allowed."""
    address = _meant(address)
    if address.is_loopback and allow_loopback:
        return
    if (
        not address.is_global
        or address.is_multicast
        or address.is_reserved
        or any(address in net for net in NOT_PUBLIC)
    ):
        raise Invalid("address_refused", "This host does not stand at a public address.")


def refuse_port(address: Address | None, port: int, allow_loopback: bool) -> None:
    """Raise Invalid (`address_refused`) unless `port` is one of HTTP's; loopback, where allowed, may have any."""
    loopback = address is not None and _meant(address).is_loopback
    if port not in PORTS and not (loopback and allow_loopback):
        raise Invalid("address_refused", f"Port {port} is not one that is connected to.")


def check_url(text: str, allow_loopback: bool = False) -> httpx.URL:
    """Return `text` as a URL that may be connected to later; raises Invalid (`url_refused`, `address_refused`).

    https only (http for loopback, where that is allowed), a host, no user information, no fragment, a port of HTTP's,
    neither blanks nor characters that show as none: encoded they would mean what nobody saw.
    """
    if any(unicodedata.category(each)[0] in "CZ" for each in text):
        raise Invalid("url_refused", "A URL holds neither blanks nor control characters.")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise Invalid("url_refused", "This is not a URL.") from error
    if url.scheme not in ("https", "http") or not url.host or url.userinfo or url.fragment:
        raise Invalid("url_refused", "A URL with https, a host, no user information and no fragment is needed.")
    address = _literal(_host(url))
    if address is not None:
        refuse_address(address, allow_loopback)
    refuse_port(address, _port(url), allow_loopback)
    if url.scheme == "http" and not (allow_loopback and address is not None and _meant(address).is_loopback):
        raise Invalid("url_refused", "Only https is connected to.")
    return url


def _literal(host: str) -> Address | None:
    """Return the address that `host` spells out; `localhost` spells one too, everything else waits for the resolver."""
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 section 6.3
        return ipaddress.IPv4Address("127.0.0.1")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for: mapped (RFC 4291) or translated (RFC 6052)."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii")


def _port(url: httpx.URL) -> int:
    return {"http": 80, "https": 443}[url.scheme] if url.port is None else url.port
