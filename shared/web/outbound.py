"""Opens connections to addresses that strangers gave us: public ones only, and to the very address that was checked."""

import asyncio
import ipaddress
import socket

import httpx

from shared.errors import Invalid

# Services that answer HTTP stand here; anything else asked for is an attempt to talk to something else.
PORTS = frozenset({80, 443, 8000, 8080, 8443})


class PinnedTransport(httpx.AsyncBaseTransport):
    """Resolves a host once, refuses it unless every answer is public, and connects to what was checked.

    A name that answers differently the second time (DNS rebinding) so has nothing to answer. Connections are not
    kept: they are pooled by address, and two hosts at one address must not share one.
    """

    def __init__(self, allow_loopback: bool = False) -> None:
        self._allow_loopback = allow_loopback
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0), retries=0)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` to the checked address; raises Invalid (`address_refused`) or httpx's errors."""
        host = request.url.host
        port = request.url.port or {"http": 80, "https": 443}[request.url.scheme]
        address = await self._checked(host, port, request)
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return await self._inner.handle_async_request(pinned)

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()

    async def _checked(self, host: str, port: int, request: httpx.Request) -> str:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpx.ConnectError(f"{host} does not resolve", request=request) from error
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        for address in addresses:
            refuse_address(address, port, self._allow_loopback)
        return str(addresses[0])


def refuse_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int, allow_loopback: bool) -> None:
    """Raise Invalid unless `address` is public (or loopback, where that is allowed) and `port` one of HTTP's."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if allow_loopback and address.is_loopback:
        return
    if not address.is_global or address.is_multicast or address.is_reserved:
        raise Invalid("address_refused", "This host does not stand at a public address.")
    if port not in PORTS:
        raise Invalid("address_refused", f"Port {port} is not one that is connected to.")


def check_url(text: str, allow_loopback: bool = False) -> httpx.URL:
    """Return `text` as a URL that may be connected to later; raises Invalid (`url_refused`).

    https only (http for loopback, where that is allowed), a host, no user information, no fragment.
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise Invalid("url_refused", "This is not a URL.") from error
    if url.scheme not in ("https", "http") or not url.host or url.userinfo or url.fragment:
        raise Invalid("url_refused", "A URL with https, a host, no user information and no fragment is needed.")
    try:
        address = ipaddress.ip_address(url.host.strip("[]"))
    except ValueError:
        loopback = url.host == "localhost"
    else:
        loopback = address.is_loopback
        refuse_address(address, url.port or 443, allow_loopback)
    if url.scheme == "http" and not (loopback and allow_loopback):
        raise Invalid("url_refused", "Only https is connected to.")
    return url
