"""Fetches what strangers' links and badges lead to: from public addresses, bounded, and telling little of it.

    document = await Fetcher().fetch("https://badges.example/credentials/0d6c…", caller="192.0.2.7", read=desk.read)

Nothing is kept here for a second call (fetched.py keeps what badges need beside). Links may carry an owner's token, so
no address is logged, and none leaves with a span (shared/telemetry.py). Nor is anything of what comes back repeated,
but as a checked badge.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import httpx
from prometheus_client import Counter as Metric

from services.verifier.domain.documents import PAGE, Badge, kind_of
from shared import telemetry
from shared.credentials.strict_json import MAX_BYTES
from shared.errors import Invalid, LaurelError, Malformed, Unavailable
from shared.web.outbound import PinnedTransport, Resolve, check_url, open_client, resolve

# For all of it: resolving the name, connecting, the last byte.
SECONDS = 5.0
AT_ONCE = 16
# So many callers with links that hang are needed to keep everybody's waiting.
AT_ONCE_PER_CALLER = 4

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
# What says something of a whole host; a mere 500 may be had from many a host by asking for something odd.
_IN_TROUBLE = frozenset({429, 502, 503, 504})
_MAX_AGE = re.compile(r"(?:^|[\s,])(?:s-maxage|max-age)\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_NOT_KEPT = re.compile(r"(?:^|[\s,])(?:no-store|no-cache|private)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Got:
    """What came back, and for how many seconds its server lets it be kept; None: it does not say."""

    body: bytes
    max_age: float | None


class HostTrouble(Invalid):
    """The host does not answer, or says itself that it can't."""


class Gone(Invalid):
    """The host says that there was something once, and is no more (410)."""


class Places:
    """At most AT_ONCE fetches at a time, and at most AT_ONCE_PER_CALLER of one caller's."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()
        self._freed = asyncio.Event()

    @contextmanager
    def take(self, caller: str) -> Iterator[None]:
        """Take a place until the block ends; raises Unavailable (`busy`) where there is none."""
        if not self._has_room(caller):
            raise Unavailable("busy", "Too many links are being fetched at present.", retry_after=5)
        self._under_way[caller] += 1
        try:
            yield
        finally:
            self._under_way[caller] -= 1
            self._under_way += Counter()  # forgets those who have none left
            self._freed.set()
            self._freed = asyncio.Event()

    @asynccontextmanager
    async def wait(self, caller: str) -> AsyncIterator[None]:
        """Take a place as soon as there is one, until the block ends."""
        while not self._has_room(caller):
            await self._freed.wait()
        with self.take(caller):
            yield

    def _has_room(self, caller: str) -> bool:
        return self._under_way.total() < AT_ONCE and self._under_way[caller] < AT_ONCE_PER_CALLER


class Fetcher:
    """Fetches within its places, each for SECONDS."""

    def __init__(self, allow_loopback: bool = False, *, seconds: float = SECONDS, resolve: Resolve = resolve) -> None:
        """`allow_loopback` lets links lead to this machine itself, over http and to any port."""
        self._allow_loopback = allow_loopback
        self._seconds = seconds
        self._resolve = resolve
        self._tls = httpx.create_ssl_context(trust_env=False)  # once: reading the certificates takes its time
        self.places = Places()

    async def fetch(self, url: str, caller: str, read: Read, *, redirects: int = 0) -> Badge:
        """Return the badge at `url`; `caller` is whoever asks, by whatever tells callers apart.

        `read` takes the badge out of what comes back. Raises Invalid (`link_is_a_page`), Unavailable (`busy`), and as
        `get` and `read` do.
        """
        try:
            with self.places.take(caller):
                got = await self.get(url, redirects)
            badge = await _read(got.body, read)
        except LaurelError as error:
            LINKS.labels(error.code).inc()
            raise
        LINKS.labels("fetched").inc()
        return badge

    async def get(self, url: str, redirects: int = 0) -> Got:
        """Return what stands at `url`, after so many redirects at most, each checked as the first address is.

        Raises Invalid: `url_refused`, `address_refused`, `fetch_failed` (whatever went wrong on the way, in the same
        words for a host that refuses and one that is silent), `document_withheld`, `link_is_a_page`.
        """
        address = check_url(url, self._allow_loopback)
        try:
            with telemetry.untold():
                async with asyncio.timeout(self._seconds):
                    return await self._get(address, redirects)
        except (httpx.HTTPError, httpx.StreamError, TimeoutError) as error:
            detail = f"Nothing could be fetched from this link within {self._seconds:g} seconds."
            raise HostTrouble("fetch_failed", detail) from error

    async def _get(self, address: httpx.URL, redirects: int, first: str | None = None) -> Got:
        transport = PinnedTransport(self._allow_loopback, resolve=self._resolve, verify=self._tls)
        # A client for each link, so that no cookie goes from one to the next.
        async with (
            open_client(transport) as client,
            client.stream("GET", address, headers=HEADERS, timeout=self._seconds) as response,
        ):
            if not (redirects and response.has_redirect_location):
                _refuse_answer(response)
                return Got(await _bounded(response), _max_age(response))
            first = first or address.host
            leads_to = next_address(address, response.headers["location"], first)
        return await self._get(check_url(leads_to, self._allow_loopback), redirects - 1, first)


def next_address(address: httpx.URL, location: str, first: str) -> str:
    """Return where a redirect leads; raises Invalid unless its host is the `first` asked, or above or below that.

    What stands at an address is its host's word, and many a host sends people on to wherever somebody's link says.
    """
    try:
        leads_to = address.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise Invalid("fetch_failed", "This link leads on to no address.") from error
    one, other = sorted((first.lower(), leads_to.host.lower()), key=len)
    if leads_to.scheme != address.scheme or not f".{other}".endswith(f".{one}"):
        raise Invalid("fetch_failed", "This link leads on to somebody else's address, which is not followed.")
    return str(leads_to)


def _max_age(response: httpx.Response) -> float | None:
    """Return for how long an answer may be kept, in seconds (RFC 9111 sections 5.1 and 5.2.2), None if it says nothing.

    Of two statements the stricter counts, and how long it was kept on the way is taken off.
    """
    said = ",".join(response.headers.get_list("cache-control"))
    if _NOT_KEPT.search(said):
        return 0.0
    seconds = min((int(each) for each in _MAX_AGE.findall(said)), default=None)
    age = response.headers.get("age", "0")
    return None if seconds is None else max(0.0, seconds - (int(age) if age.isascii() and age.isdigit() else seconds))


def _refuse_answer(response: httpx.Response) -> None:
    """Raise Invalid unless the head of an answer promises a badge file."""
    if response.is_redirect or response.status_code // 100 == 3:
        detail = "This link leads on to another address, which is not followed. Give the address of the file itself."
        raise Invalid("fetch_failed", detail)
    if response.status_code in _WITHHELD:
        detail = "This link gives out no file to everybody; ask whoever gave you the link for the file itself."
        raise (Gone if response.status_code == 410 else Invalid)("document_withheld", detail)
    if response.status_code != 200:
        detail = "The server that this link leads to gave no file."
        raise (HostTrouble if response.status_code in _IN_TROUBLE else Invalid)("fetch_failed", detail)
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


def _page() -> Invalid:
    detail = "This link leads to a web page, not to a badge file. Look there for the file, and give that or its link."
    return Invalid("link_is_a_page", detail)
