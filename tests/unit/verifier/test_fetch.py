"""Links that strangers give: one bounded answer from a public address, or a sentence that tells little."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.verifier.domain.documents import Badge, badge_of, given_in
from services.verifier.fetch import AT_ONCE, AT_ONCE_PER_CALLER, LINKS, Fetcher, HostTrouble, next_address
from shared import telemetry
from shared.errors import Invalid, LaurelError, Unavailable
from tests.support.pictures import a_png
from tests.support.poll import eventually
from tests.support.ports import free_port

BADGE = {"type": ["VerifiableCredential", "OpenBadgeCredential"], "name": "planted-9f3a"}
JSON = "application/json"
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def plain(status: str = "200 OK", body: bytes = json.dumps(BADGE).encode(), **headers: str) -> Answer:
    """One whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in {"Content_Type": JSON, **headers}.items()]

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    return answer


async def silence(_: asyncio.StreamWriter) -> None:
    """Nothing, for longer than anybody waits."""
    await asyncio.sleep(60)


async def drip(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, without end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless(writer: asyncio.StreamWriter) -> None:
    """As much as is taken, without saying how much."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        writer.write(b" " * 65536)
        await writer.drain()


@asynccontextmanager
async def at(answer: Answer) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives one answer to everybody; gives its address and the heads that it received."""
    heads: list[bytes] = []
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            await answer(writer)
            await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass  # whoever asked has heard enough
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/badge", heads
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def read(raw: bytes) -> Badge:
    """Take the badge out of what came, as the desk does but for pictures."""
    return badge_of(given_in(raw))


def a_fetcher(seconds: float = 60.0) -> Fetcher:
    return Fetcher(allow_loopback=True, seconds=seconds)


async def refusal(fetcher: Fetcher, url: str) -> LaurelError:
    with pytest.raises(LaurelError) as refused:
        await fetcher.fetch(url, "somebody", read)
    return refused.value


@pytest.mark.parametrize(
    "kind", ["application/vc", "application/ld+json", "application/json; charset=utf-8", "text/plain", ""]
)
async def test_a_badge_is_fetched_and_no_page_is_asked_for(kind: str) -> None:
    async with at(plain(Content_Type=kind)) as (url, heads):
        assert await a_fetcher().fetch(url, "somebody", read) == BADGE
    head = heads[0].decode().lower()
    assert head.startswith("get /badge http/1.1\r\n")
    assert "\r\naccept: application/vc, application/ld+json;q=0.9, application/json;q=0.8, image/png;q=0.3, " in head
    assert "\r\naccept-encoding: identity\r\n" in head
    assert "text/html" not in head


BOMB = gzip.compress(b" " * (64 << 20))
REFUSED: dict[str, tuple[Answer, str, str]] = {
    "to inside": (plain("302 Found", Location="http://169.254.169.254/"), "fetch_failed", "not followed"),
    "to a file": (plain("301 Moved Permanently", Location="file:///etc/passwd"), "fetch_failed", "not followed"),
    "304": (plain("304 Not Modified", b""), "fetch_failed", "not followed"),
    "404": (plain("404 Not Found"), "document_withheld", "ask whoever gave you the link"),
    "403": (plain("403 Forbidden"), "document_withheld", "ask whoever gave you the link"),
    "500": (plain("500 Internal Server Error"), "fetch_failed", "gave no file"),
    "called html": (plain(Content_Type="text/html"), "link_is_a_page", "web page"),
    "html called json": (plain(body=b"<!doctype html><p>"), "link_is_a_page", "web page"),
    "gzip bomb": (plain(body=BOMB, Content_Encoding="gzip"), "fetch_failed", "not unpacked"),
    "endless": (endless, "fetch_failed", "larger than"),
    "just too large": (plain(body=b"{" + b" " * (1 << 20) + b"}"), "fetch_failed", "larger than"),
    "no strict json": (plain(body=b'{"a": 1, "a": 2}'), "malformed", "no badge file"),
    "deep": (plain(body=b"[" * 100_000), "malformed", "no badge file"),
    "no object": (plain(body=b"[]"), "not_a_badge", "one JSON object"),
    "empty": (plain(body=b""), "nothing_given", "nothing"),
    "picture": (plain(body=a_png()), "no_badge_inside", "no badge"),
    "half a picture": (plain(body=a_png()[:-1]), "malformed_picture", "no badge file"),
    "photograph": (plain(body=b"\xff\xd8\xff"), "format_not_read", "JPEG"),
}


@pytest.mark.parametrize(("answer", "code", "words"), REFUSED.values(), ids=REFUSED)
async def test_an_answer_that_is_no_badge_file_is_refused_in_words_without_what_it_holds(
    answer: Answer, code: str, words: str
) -> None:
    async with at(answer) as (url, heads):
        error = await refusal(a_fetcher(), url)
    assert isinstance(error, Invalid)
    assert error.code == code
    assert words in error.detail
    assert "planted" not in error.detail
    assert len(heads) == 1
    assert LINKS.labels(code)._value.get() > 0, "it is counted"


async def test_a_slow_drip_ends_with_the_time_that_a_link_has() -> None:
    async with at(drip) as (url, _):
        assert (await refusal(a_fetcher(seconds=0.3), url)).code == "fetch_failed"


async def test_a_closed_port_a_silent_one_and_a_host_without_name_are_not_told_apart() -> None:
    async def nowhere(_host: str, _port: int) -> list[str]:
        raise OSError

    async with at(silence) as (silent, _):
        fetcher = a_fetcher(seconds=0.3)
        errors = [
            await refusal(fetcher, silent),
            await refusal(fetcher, f"http://127.0.0.1:{free_port()}/"),
            await refusal(Fetcher(seconds=0.3, resolve=nowhere), "https://nowhere.example/"),
            await refusal(fetcher, silent.replace("http:", "https:")),
        ]
    assert {(type(error), error.code, error.detail) for error in errors} == {
        (HostTrouble, "fetch_failed", "Nothing could be fetched from this link within 0.3 seconds.")
    }


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "file:///etc/passwd", "data:application/json,{}", "javascript:1", "badge", "",
        "https://user:password@example.com/", "https://example.com/#part", "https://example.com/\r\nHost: x",
    ],
)  # fmt: skip
async def test_a_link_that_is_none_is_refused_before_anything_is_asked(url: str) -> None:
    assert (await refusal(Fetcher(), url)).code == "url_refused"


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://localhost/", "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data",
        "https://[::1]/", "https://[::ffff:169.254.169.254]/", "https://example.com:22/", "https://0x7f.1/",
    ],
)  # fmt: skip
async def test_a_link_to_the_inside_is_refused(url: str) -> None:
    assert (await refusal(Fetcher(), url)).code == "address_refused"


@pytest.mark.parametrize(
    "answers", [["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["8.8.8.8", "::1"], ["169.254.169.254"]], ids=str
)
async def test_a_name_with_any_address_inside_is_refused(answers: Sequence[str]) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return answers

    fetcher = Fetcher(resolve=resolve)
    assert (await refusal(fetcher, "https://metadata.google.internal/")).code == "address_refused"


async def test_a_name_is_resolved_once_so_rebinding_has_nothing_to_answer() -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return next(answers)

    async with at(plain()) as (url, heads):
        fetcher = Fetcher(allow_loopback=True, resolve=resolve)
        assert await fetcher.fetch(url.replace("127.0.0.1", "localhost"), "somebody", read) == BADGE
        assert (await refusal(fetcher, url.replace("127.0.0.1", "localhost"))).code == "address_refused"
    assert len(heads) == 1


async def test_no_cookie_goes_from_one_fetch_to_the_next() -> None:
    async with at(plain(Set_Cookie="who=somebody; Path=/")) as (url, heads):
        fetcher = a_fetcher()
        await fetcher.fetch(url, "somebody", read)
        await fetcher.fetch(url, "another", read)
    assert len(heads) == 2
    assert b"cookie" not in heads[1].lower()


async def call_off(tasks: list[asyncio.Task[Any]]) -> None:
    """End fetches that hang, as those do who go away."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_caller_has_a_share_of_the_places_and_gets_them_back() -> None:
    async with at(silence) as (silent, heads), at(plain()) as (url, _):
        fetcher = a_fetcher()
        hanging = [asyncio.create_task(refusal(fetcher, silent)) for _ in range(AT_ONCE_PER_CALLER)]
        await eventually(lambda: len(heads) == AT_ONCE_PER_CALLER)
        with pytest.raises(Unavailable) as refused:
            await fetcher.fetch(url, "somebody", read)
        assert refused.value.code == "busy"
        assert refused.value.members["retry_after"] > 0
        assert await fetcher.fetch(url, "another", read) == BADGE
        await call_off(hanging)
        assert await fetcher.fetch(url, "somebody", read) == BADGE


async def test_no_more_than_so_many_links_are_fetched_at_once() -> None:
    async with at(silence) as (silent, heads), at(plain()) as (url, _):
        fetcher = a_fetcher()
        hanging = [asyncio.create_task(fetcher.fetch(silent, f"caller-{number}", read)) for number in range(AT_ONCE)]
        await eventually(lambda: len(heads) == AT_ONCE)
        with pytest.raises(Unavailable):
            await fetcher.fetch(url, "one more", read)
        await call_off(hanging)
        assert await fetcher.fetch(url, "one more", read) == BADGE


async def test_an_owners_token_in_a_link_leaves_neither_with_a_span_nor_with_a_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        telemetry.configure("verifier", None)
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(telemetry.Reticent(exporter)))
    async with at(plain()) as (url, heads):
        with telemetry.span("request"):
            await a_fetcher().fetch(f"{url}?owner=planted-token", "somebody", read)
            await refusal(a_fetcher(), "https://127.1/?owner=planted-token")
    assert b"planted-token" in heads[0]
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans] == ["request"], "a fetch has no span of its own"
    assert b"traceparent" not in heads[0].lower(), "and tells a stranger nothing of ours"
    assert "planted-token" not in "".join(span.to_json() for span in spans)
    said = capsys.readouterr()
    assert "planted-token" not in said.out + said.err


@asynccontextmanager
async def leading(*locations: str) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that sends people on, to one place after another, and gives the badge to who comes once more."""
    left = list(locations)

    async def answer(writer: asyncio.StreamWriter) -> None:
        await (plain("302 Found", b"", Location=left.pop(0)) if left else plain())(writer)

    async with at(answer) as served:
        yield served


async def test_a_hosted_badge_is_followed_through_three_redirects_of_its_host_and_no_more() -> None:
    for count, follows in ((1, True), (3, True), (4, False)):
        async with leading(*["/on"] * count) as (url, heads):
            got = asyncio.create_task(a_fetcher().get(url, redirects=3))
            if follows:
                assert json.loads((await got).body) == BADGE
                assert len(heads) == count + 1
            else:
                with pytest.raises(Invalid):
                    await got
                assert len(heads) == 4


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/",
        "https://127.0.0.1/",
        "http://localhost:{port}/",
        "http://evil-127.0.0.1/",
        "file:///etc/passwd",
        "//[::1]/",
        "http://a@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}/#x",
        "http://[x",
        "",
    ],
)
async def test_a_redirect_leads_to_the_same_host_under_the_same_rules_or_nowhere(location: str) -> None:
    left = [location]

    async def answer(writer: asyncio.StreamWriter) -> None:
        await plain("302 Found", b"", Location=left[0])(writer)

    async with at(answer) as (url, heads):
        left[0] = location.format(port=url.split(":")[2].split("/")[0])
        with pytest.raises(Invalid) as refused:
            await a_fetcher().get(url, redirects=1)
        assert refused.value.code in ("fetch_failed", "url_refused", "address_refused")
    assert len(heads) <= 2


@pytest.mark.parametrize(
    ("one", "other", "follows"),
    [
        ("badges.example", "api.badges.example", True),
        ("www.college.example", "college.example", True),
        ("college.example", "COLLEGE.example", True),
        ("badges.example", "evilbadges.example", False),
        ("badges.example", "badges.example.evil.example", False),
        ("badges.example", "evil.example", False),
    ],
)
async def test_a_host_sends_on_to_one_above_or_below_it_alone(one: str, other: str, follows: bool) -> None:
    address = httpx.URL(f"https://{one}/redirect")
    if follows:
        assert next_address(address, f"https://{other}/badge", one) == f"https://{other.lower()}/badge"
    else:
        with pytest.raises(Invalid):
            next_address(address, f"https://{other}/badge", one)


def test_a_host_above_does_not_send_on_to_the_neighbour_of_the_one_that_was_asked() -> None:
    above = httpx.URL("https://pages.example/redirect")
    assert next_address(above, "https://ada.pages.example/badge", "ada.pages.example")
    with pytest.raises(Invalid):
        next_address(above, "https://eve.pages.example/badge", "ada.pages.example")
