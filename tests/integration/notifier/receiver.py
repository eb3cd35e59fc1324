"""A webhook receiver that a test makes behave as badly as it likes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

# Writes the response to one request; the connection is closed afterwards.
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Hook:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What came in so far; `answer` decides how the next request is answered."""

    url: str
    answer: Answer
    port: int = 0
    hooks: list[Hook] = field(default_factory=list)
    bytes_taken: int = 0  # of an endless response, before it was cut


def says(status: str, *headers: str) -> Answer:
    """A response without a body, such as `says("429 Too Many", "Retry-After: 90")`."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", "Content-Length: 0", *headers]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")

    return answer


async def hangs(_: asyncio.StreamWriter) -> None:
    """Never answers."""
    await asyncio.Event().wait()


@asynccontextmanager
async def receiving(answer: Answer | None = None) -> AsyncIterator[Receiver]:
    """Run a receiver on loopback until the block ends; it answers 204 unless told otherwise."""
    receiver = Receiver("", answer or says("204 No Content"))
    under_way: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            receiver.hooks.append(await _read(reader))
            await receiver.answer(writer)
            await writer.drain()
        writer.close()
        under_way.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    receiver.url = f"http://127.0.0.1:{receiver.port}/hook"
    yield receiver
    server.close()
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Hook:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    request, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return Hook(request.split(" ")[1], headers, await reader.readexactly(int(headers["content-length"])))
