"""Bounds what one caller can cost: size and duration of a request, and how often."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httptools
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.errors import LaurelError, Malformed, RateLimited, TooLarge, Unavailable, UnsupportedMedia
from shared.web.problems import answer, present, problem

MAX_HEADER_BYTES = 32 * 1024
HEADER_SECONDS = 10.0
# Of the bodies of all requests under way: callers that stop just before the end must not fill the memory.
MAX_HELD_BYTES = 64 * 1024 * 1024
# Of a body that is not taken so much is read, and dropped, so that its caller comes to hear why.
LINGER_BYTES = 16 * 1024 * 1024
LINGER_SECONDS = 2.0


class Rate:
    """How often one caller may do one thing, counted in this process; written like `30/minute`."""

    def __init__(self, rate: str) -> None:
        self._rate = parse(rate)
        self._window = MovingWindowRateLimiter(MemoryStorage())
        count, unit = self._rate.multiples, self._rate.GRANULARITY.name
        self._period = f"in one {unit}" if count == 1 else f"in {count} {unit}s"

    def spend(self, who: str) -> None:
        """Count one; raises RateLimited where it was one too many."""
        if not self._window.hit(self._rate, who):
            detail = f"This was asked for more often than {self._rate.amount} times {self._period} from your address."
            raise RateLimited("too_many_requests", detail, retry_after=self._rate.get_expiry())


class BodyLimit:
    """ASGI middleware: takes a request's whole body, bounded in bytes and seconds, before anything looks at it."""

    def __init__(
        self,
        app: ASGIApp,
        max_bytes: int,
        seconds: float,
        larger: Mapping[str, int] | None = None,
        streamed: Mapping[str, int] | None = None,
    ) -> None:
        """`larger` has, by path, what is taken where one request holds many things.

        `streamed` has those paths whose POST reads its body itself, piece by piece, each within `seconds`.
        """
        self._app = app
        self._max_bytes = max_bytes
        self._larger = larger or {}
        self._streamed = streamed or {}
        self._seconds = seconds
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body, or answer 400, 408, 413, 415 or 503 and close the connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "POST" and (max_bytes := self._streamed.get(scope["path"])):
            await self._stream(scope, receive, send, max_bytes)
            return
        body = bytearray()
        try:
            if told := await self._refusal(scope, receive, body):
                await _turn_away(told, scope, receive, send)
            else:
                await self._app(scope, _once(bytes(body), receive), send)
        finally:
            self._held -= len(body)

    async def _stream(self, scope: Scope, receive: Receive, send: Send, max_bytes: int) -> None:
        try:
            _refuse_early(scope, max_bytes)
        except LaurelError as error:
            await _turn_away(answer(error), scope, receive, send)
        else:
            body = _Pieces(receive, send, max_bytes, self._seconds)
            await self._app(scope, body.receive, body.send)

    async def _refusal(self, scope: Scope, receive: Receive, body: bytearray) -> JSONResponse | None:
        """Read the request's body into `body`; return the answer to a request that is not taken."""
        max_bytes = max(self._max_bytes, self._larger.get(scope["path"], 0))
        try:
            _refuse_early(scope, max_bytes)
            async with asyncio.timeout(self._seconds):
                await self._read(receive, body, max_bytes)
        except LaurelError as error:
            return answer(error)
        except TimeoutError:
            return problem(408, "body_too_slow", f"The body took longer than {self._seconds:g} s.")
        return None

    async def _read(self, receive: Receive, body: bytearray, max_bytes: int) -> None:
        more = True
        while more:
            message = await receive()
            piece = message.get("body", b"")
            body += piece
            self._held += len(piece)
            if len(body) > max_bytes:
                raise TooLarge("body_too_large", f"At most {max_bytes} bytes are taken.")
            if self._held > MAX_HELD_BYTES:
                raise Unavailable("busy", "Too much is being received at present.", retry_after=2)
            more = message["type"] != "http.disconnect" and message.get("more_body", False)


class _Pieces:
    """A body that is read piece by piece; whoever answers before its end closes the connection."""

    def __init__(self, receive: Receive, send: Send, max_bytes: int, seconds: float) -> None:
        self._receive, self._send = receive, send
        self._max_bytes, self._seconds = max_bytes, seconds
        self._bytes = 0
        self._whole = False

    async def receive(self) -> Message:
        """Return the next piece; raises TooLarge, and Malformed where it does not come in time."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout(self._seconds):
                message = await self._receive()
        except TimeoutError as error:
            raise Malformed("body_too_slow", f"Nothing came for {self._seconds:g} s.") from error
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._max_bytes:
            raise TooLarge("body_too_large", f"At most {self._max_bytes} bytes are taken.")
        self._whole = message["type"] == "http.request" and not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer."""
        if self._whole:
            await self._send(message)
            return
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await _lingering(self._receive, self._send)(message)


def _refuse_early(scope: Scope, max_bytes: int) -> None:
    headers = dict(scope["headers"])
    # Keys in addresses end up in logs and histories of machines that are not ours.
    if b"lrl_" in scope["query_string"]:
        raise Malformed("key_in_query", "An API key goes into the Authorization header, never into the address.")
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length) > max_bytes:
        raise TooLarge("body_too_large", f"At most {max_bytes} bytes are taken.")
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise UnsupportedMedia("encoding_not_taken", "Bodies are taken as they are, without Content-Encoding.")


async def _turn_away(told: JSONResponse, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request whose body is not taken, and close the connection."""
    response = present(told, dict(scope["headers"]).get(b"accept", b"").decode("latin-1"))
    response.headers["Connection"] = "close"
    await response(scope, receive, _lingering(receive, send))


def _lingering(receive: Receive, send: Send) -> Send:
    """Return a `send` that reads on for a moment once all is said, and closes then.

    A connection that is closed while its caller is still sending is reset, and the answer lost with it.
    """

    async def linger(message: Message) -> None:
        if message["type"] != "http.response.body" or message.get("more_body", False):
            await send(message)
            return
        await send({**message, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await _read_off(receive)
        await send({"type": "http.response.body", "body": b""})

    return linger


async def _read_off(receive: Receive) -> None:
    read, more = 0, True
    while more and read < LINGER_BYTES:
        message = await receive()
        read += len(message.get("body", b""))
        more = message["type"] != "http.disconnect" and message.get("more_body", False)


def _once(body: bytes, receive: Receive) -> Receive:
    waiting = True

    async def replay() -> Message:
        nonlocal waiting
        if waiting:
            waiting = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replay


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with bounds it lacks: the size of a request's head and the time it may take."""

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Start the clock of the first request's head."""
        super().connection_made(transport)
        self._start()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Let what begins no request, blank lines say, keep the connection no longer than a head may take."""
        super().data_received(data)
        if self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            self._start()

    def on_message_begin(self) -> None:
        """Start the clock of a later request's head, and count its bytes anew."""
        super().on_message_begin()
        self._stop()
        self._start()
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Count the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Stop the clock: from here on the body's limits hold."""
        self._stop()
        super().on_headers_complete()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEADER_BYTES:
            raise httptools.HttpParserError("request head too large")

    def _start(self) -> None:
        self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _stop(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
