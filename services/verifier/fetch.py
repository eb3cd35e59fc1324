"""Fetches a badge from a link that a stranger gave: from public addresses, once, bounded, and telling little of it.

    document = await Fetcher().fetch("https://badges.example/credentials/0d6c…", caller="192.0.2.7", read=desk.read)

Nothing is kept for a second call: each fetches. Links may carry an owner's token, so no address is logged, and none
leaves with a span (shared/telemetry.py). Nor is anything of what comes back repeated, but as a checked badge.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
from prometheus_client import Counter as Metric

from services.verifier.domain.documents import PAGE, Badge, kind_of
from shared import telemetry
from shared.credentials.baking import is_token
from shared.credentials.errors import CredentialError
from shared.credentials.strict_json import MAX_BYTES, read_json
from shared.errors import Invalid, LaurelError, Malformed, Unavailable
from shared.web.outbound import PinnedTransport, Resolve, check_url, open_client, resolve

# For all of it: resolving the name, connecting, the last byte.
SECONDS = 5.0
AT_ONCE = 16
# So many callers with links that hang are needed to keep everybody's waiting.
AT_ONCE_PER_CALLER = 4
# Of one request: issuers' documents and status lists.
VALUES = 16

LINKS = Metric("laurel_links_total", "Links that were given, by what came of them", ["outcome"])

HEADERS = {
    # Pages for people are not asked for: a registry gives its signed document to those who want nothing else.
    "Accept": "application/vc, application/ld+json;q=0.9, application/json;q=0.8, image/png;q=0.3, image/svg+xml;q=0.3",
    "Accept-Encoding": "identity",
    "User-Agent": "Laurel",
}
Read = Callable[[bytes], Awaitable[Badge]]
_PAGES = ("text/html", "application/xhtml+xml")
_WITHHELD = frozenset({401, 403, 404, 410})


class Fetcher:
    """At most AT_ONCE fetches at a time, each for SECONDS."""

    def __init__(self, allow_loopback: bool = False, *, seconds: float = SECONDS, resolve: Resolve = resolve) -> None:
        """`allow_loopback` lets links lead to this machine itself, over http and to any port."""
        self._allow_loopback = allow_loopback
        self._seconds = seconds
        self._resolve = resolve
        self._tls = httpx.create_ssl_context(trust_env=False)  # once: reading the certificates takes its time
        self._under_way: Counter[str] = Counter()

    async def fetch(self, url: str, caller: str, read: Read) -> Badge:
        """Return the badge at `url`; `caller` is whoever asks, by whatever tells callers apart.

        `read` takes the badge out of what comes back. Raises Invalid: `url_refused`, `address_refused`, `fetch_failed`
        (whatever went wrong on the way, in the same words for a host that refuses and one that is silent),
        `document_withheld`, `link_is_a_page`, and as `read` does; Unavailable (`busy`).
        """
        try:
            address = check_url(url, self._allow_loopback)
            with self._place(caller):
                raw = await self._fetch(address)
            badge = await _read(raw, read)
        except LaurelError as error:
            LINKS.labels(error.code).inc()
            raise
        LINKS.labels("fetched").inc()
        return badge

    async def fetch_values(self, urls: Sequence[str], caller: str) -> dict[str, Any]:
        """Return what stands at each of some addresses, JSON or the text of a token; None where none is to be had.

        At most VALUES of them are asked, so that no badge makes us knock at many doors.
        """
        places = asyncio.Semaphore(AT_ONCE_PER_CALLER)

        async def value(url: str) -> Any:
            async with places:
                try:
                    with self._place(caller):
                        return _value(await self._fetch(check_url(url, self._allow_loopback)))
                except (LaurelError, CredentialError):
                    return None

        asked = urls[:VALUES]
        return {**dict.fromkeys(urls), **dict(zip(asked, await asyncio.gather(*map(value, asked)), strict=True))}

    async def _fetch(self, address: httpx.URL) -> bytes:
        try:
            with telemetry.untold():
                async with asyncio.timeout(self._seconds):
                    return await self._get(address)
        except (httpx.HTTPError, httpx.StreamError, TimeoutError) as error:
            detail = f"Nothing could be fetched from this link within {self._seconds:g} seconds."
            raise Invalid("fetch_failed", detail) from error

    async def _get(self, address: httpx.URL) -> bytes:
        transport = PinnedTransport(self._allow_loopback, resolve=self._resolve, verify=self._tls)
        # A client for each link, so that no cookie goes from one to the next.
        async with (
            open_client(transport) as client,
            client.stream("GET", address, headers=HEADERS, timeout=self._seconds) as response,
        ):
            _refuse_answer(response)
            return await _bounded(response)

    @contextmanager
    def _place(self, caller: str) -> Iterator[None]:
        if self._under_way.total() >= AT_ONCE or self._under_way[caller] >= AT_ONCE_PER_CALLER:
            raise Unavailable("busy", "Too many links are being fetched at present.", retry_after=5)
        self._under_way[caller] += 1
        try:
            yield
        finally:
            self._under_way[caller] -= 1
            self._under_way += Counter()  # forgets those who have none left


def _refuse_answer(response: httpx.Response) -> None:
    """Raise Invalid unless the head of an answer promises a badge file."""
    if response.is_redirect or response.status_code // 100 == 3:
        detail = "This link leads on to another address, which is not followed. Give the address of the file itself."
        raise Invalid("fetch_failed", detail)
    if response.status_code in _WITHHELD:
        detail = "This link does not give out the badge file; ask for the file or for the owner's permission."
        raise Invalid("document_withheld", detail)
    if response.status_code != 200:
        raise Invalid("fetch_failed", "The server that this link leads to gave no file.")
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Invalid("fetch_failed", "The server that this link leads to sent a packed answer, which is not unpacked.")
    if response.headers.get("content-type", "").partition(";")[0].strip().lower() in _PAGES:
        raise _page()


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > MAX_BYTES:
            raise Invalid("fetch_failed", f"What this link leads to is larger than {MAX_BYTES} bytes.")
    return bytes(body)


async def _read(raw: bytes, read: Read) -> Badge:
    if kind_of(raw) == PAGE:
        raise _page()
    try:
        return await read(raw)
    except Malformed as error:  # the request was readable; what it names is not
        raise Invalid(error.code, f"This link leads to no badge file. {error.detail}") from error


def _value(raw: bytes) -> Any:
    text = raw.strip().decode("latin-1")  # of any bytes; a token has none but ASCII
    return text if is_token(text) else read_json(raw)


def _page() -> Invalid:
    detail = "This link leads to a web page, not to a badge file. Look there for the file, and give that or its link."
    return Invalid("link_is_a_page", detail)
