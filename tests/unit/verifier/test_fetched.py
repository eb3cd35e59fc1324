"""Copies of what was fetched: used only while they may be, fetched once for all who ask, hosts in trouble spared."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from services.verifier.fetch import AT_ONCE_PER_CALLER, Fetcher
from services.verifier.fetched import (
    FAILED_SECONDS,
    FAILURES,
    MAX_BYTES,
    MAX_COPIES,
    MAX_SECONDS,
    PAUSE_SECONDS,
    Copies,
    Copy,
)
from tests.support.poll import eventually
from tests.support.ports import free_port


@dataclass
class Clock:
    """A clock that moves when it is told to."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Host:
    """A server whose every answer counts what was asked so far, under the status and headers of the moment."""

    url: str = ""
    status: str = "200 OK"
    headers: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.decode().split(" ")[1])
        body = str(len(self.asked)).encode()
        lines = [f"HTTP/1.1 {self.status}", f"Content-Length: {len(body)}", *self.headers, "", ""]
        await self.open.wait()
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def a_host() -> AsyncIterator[Host]:
    host = Host()
    host.open.set()
    async with await asyncio.start_server(host.answer, "127.0.0.1", 0) as server:
        host.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/did.json"
        yield host


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with a_host() as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def copies(clock: Clock) -> Copies:
    return Copies(Fetcher(allow_loopback=True, seconds=60), clock)


async def text(copies: Copies, url: str, *, anew: bool = False) -> str | None:
    return (await copies.get(url, "somebody", anew=anew)).text


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], MAX_SECONDS),
        (["Cache-Control: public, max-age=20"], 20),
        (["Cache-Control: max-age=20", "Age: 15"], 5),
        (["Cache-Control: s-maxage=10, max-age=20"], 10),
        (["Cache-Control: max-age=20", "Cache-Control: max-age=7"], 7),
        (['Cache-Control: MAX-AGE="9"'], 9),
        (["Cache-Control: max-age=999999999"], MAX_SECONDS),
        (["Cache-Control: max-age=20", "Age: soon"], 0),
        (["Cache-Control: no-store, max-age=20"], 0),
        (["Cache-Control: no-cache"], 0),
        (["Cache-Control: private, max-age=20"], 0),
        (["Cache-Control: max-age=0"], 0),
    ],
)
async def test_a_copy_is_used_for_as_long_as_its_host_and_we_allow_and_not_a_second_longer(
    copies: Copies, clock: Clock, host: Host, headers: list[str], seconds: float
) -> None:
    host.headers = headers
    assert await text(copies, host.url) == "1"
    if seconds:
        clock.now += seconds - 0.01
        assert await text(copies, host.url) == "1"
        clock.now += 0.01
    assert await text(copies, host.url) == "2"


async def test_an_old_copy_is_never_given_where_its_host_fails_now(copies: Copies, clock: Clock, host: Host) -> None:
    assert await text(copies, host.url) == "1"
    clock.now += MAX_SECONDS
    host.status = "500 Internal Server Error"
    assert await text(copies, host.url) is None
    host.status = "200 OK"
    clock.now += FAILED_SECONDS
    assert await text(copies, host.url) == "3"


async def test_a_copy_says_when_it_was_asked_for(copies: Copies, clock: Clock, host: Host) -> None:
    began = clock.now
    await text(copies, host.url)
    clock.now += 30
    assert (await copies.get(host.url, "another")).asked == began


async def test_who_wants_it_anew_gets_it_anew_and_so_do_all_after(copies: Copies, host: Host) -> None:
    assert [await text(copies, host.url, anew=anew) for anew in (False, True, False)] == ["1", "2", "2"]


async def test_a_failure_is_remembered_for_some_seconds(copies: Copies, clock: Clock, host: Host) -> None:
    host.status = "404 Not Found"
    for _ in range(3):
        assert await text(copies, host.url) is None
    assert len(host.asked) == 1
    clock.now += FAILED_SECONDS
    host.status = "200 OK"
    assert await text(copies, host.url) == "2"


async def test_what_is_gone_is_told_apart_from_what_fails(copies: Copies, host: Host) -> None:
    host.status = "410 Gone"
    copy = await copies.get(host.url, "somebody")
    assert (copy.text, copy.gone) == (None, True)
    host.status = "404 Not Found"
    assert not (await copies.get(f"{host.url}?other", "somebody")).gone


async def test_a_host_in_trouble_is_left_alone_and_then_asked_once(copies: Copies, clock: Clock, host: Host) -> None:
    host.status = "503 Service Unavailable"
    for number in range(FAILURES + 5):
        assert await text(copies, f"{host.url}?{number}") is None
    assert len(host.asked) == FAILURES
    clock.now += PAUSE_SECONDS
    for number in range(10, 15):
        assert await text(copies, f"{host.url}?{number}") is None
    assert len(host.asked) == FAILURES + 1
    clock.now += PAUSE_SECONDS
    host.status = "200 OK"
    for number in range(20, 25):
        assert await text(copies, f"{host.url}?{number}") is not None


async def test_a_host_that_refuses_is_not_in_trouble_and_one_host_does_not_answer_for_another(
    copies: Copies, host: Host
) -> None:
    host.status = "404 Not Found"
    for number in range(FAILURES + 1):
        await text(copies, f"{host.url}?{number}")
        await text(copies, f"http://127.0.0.1:{free_port()}/{number}")
    assert len(host.asked) == FAILURES + 1


async def test_all_who_ask_at_a_time_wait_for_one_fetch_even_if_its_first_asker_goes(
    copies: Copies, host: Host
) -> None:
    host.open.clear()
    first, *others = [asyncio.create_task(copies.get(host.url, f"caller-{number}")) for number in range(50)]
    await eventually(lambda: len(host.asked) == 1)
    first.cancel()
    host.open.set()
    assert {copy.text for copy in await asyncio.gather(*others)} == {"1"}
    assert len(host.asked) == 1


async def test_a_caller_waits_for_a_place_and_takes_none_of_the_others(copies: Copies, host: Host) -> None:
    host.open.clear()
    many = [
        asyncio.create_task(copies.get(f"{host.url}?{number}", "greedy")) for number in range(AT_ONCE_PER_CALLER + 3)
    ]
    await eventually(lambda: len(host.asked) == AT_ONCE_PER_CALLER)
    async with a_host() as other:
        assert (await copies.get(other.url, "modest")).text == "1"
    assert len(host.asked) == AT_ONCE_PER_CALLER
    host.open.set()
    assert None not in {copy.text for copy in await asyncio.gather(*many)}


async def test_what_is_kept_is_bounded_in_number_and_bytes(copies: Copies, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MAX_COPIES + 10):
        copies._keep((f"https://x.example/{number}", 0), Copy("x", 0.0, 60))
    assert len(copies._kept) == MAX_COPIES
    assert next(iter(copies._kept)) == ("https://x.example/10", 0)
    for number in range(100):
        copies._keep((f"https://x.example/large/{number}", 0), Copy("x" * (1 << 20), 0.0, 60))
    assert 0 < sum(4 * len(copy.text or "") for copy in copies._kept.values()) <= MAX_BYTES
    for key in list(copies._kept):
        copies._forget(key)
    assert copies._bytes == 0


async def test_what_is_no_text_is_not_to_be_had(copies: Copies) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        assert await text(copies, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/") is None


async def test_nobody_waits_for_an_address_behind_what_another_caller_has_under_way(copies: Copies, host: Host) -> None:
    async with a_host() as slow:
        slow.open.clear()
        hanging = [
            asyncio.create_task(copies.get(f"{slow.url}?{number}", "hoarder")) for number in range(AT_ONCE_PER_CALLER)
        ]
        await eventually(lambda: len(slow.asked) == AT_ONCE_PER_CALLER)
        queued = asyncio.create_task(copies.get(host.url, "hoarder"))
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            assert (await copies.get(host.url, "another")).text == "1"
        assert not queued.done()
        slow.open.set()
        await asyncio.gather(*hanging)
        assert (await queued).text == "1"
    assert len(host.asked) == 1
