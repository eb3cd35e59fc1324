"""What one connection may cost: bytes, seconds and headers are bounded before anything looks at a request."""

import asyncio
import gzip
from urllib.parse import urlsplit

import pytest

from shared.web import limits
from tests.integration.web.conftest import Site


async def raw(site: Site, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send `pieces` over one connection and return all that comes back until the server closes it."""
    address = urlsplit(site.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        return await asyncio.wait_for(reader.read(), 60)
    except ConnectionError:
        return b""
    finally:
        writer.close()


HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


async def test_a_gigabyte_is_refused_by_its_announcement(site: Site) -> None:
    answer = await raw(site, HEAD + b"Content-Length: 1073741824\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"body_too_large" in answer


async def test_an_endless_chunked_body_is_cut_at_the_limit(site: Site) -> None:
    chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
    answer = await raw(site, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 11)
    assert answer.startswith(b"HTTP/1.1 413") or answer == b""  # reset while we were still sending


async def test_a_body_that_drips_is_answered_408(site: Site) -> None:
    answer = await raw(site, HEAD + b"Content-Length: 1000\r\n\r\n", b"{", b" ")
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"body_too_slow" in answer


async def test_a_head_that_drips_is_cut_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEADER_SECONDS", 0.2)
    assert await raw(site, b"GET /livez HTTP/1.1\r\nX-Slow: ", b"a") == b""


async def test_blank_lines_keep_no_connection_open(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEADER_SECONDS", 0.2)
    answer = await raw(site, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n", pause=0.1)
    assert answer.startswith(b"HTTP/1.1 200")  # and then the connection was closed, or `raw` would wait


async def test_bodies_that_stop_before_their_end_fill_no_memory(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_HELD_BYTES", 150_000)
    stalled = HEAD + b"Content-Length: 90001\r\n\r\n" + b" " * 90_000
    answers = await asyncio.gather(raw(site, stalled), raw(site, stalled))
    assert sorted(answer[9:12] for answer in answers) == [b"408", b"503"]
    assert (await site.client.post("/echo", json={"a": "x" * 90_000})).status_code == 200


async def test_an_answer_to_a_thousand_mistakes_tells_of_twenty_and_repeats_no_long_name(site: Site) -> None:
    body = {"n" * 5000 + str(number): 1 for number in range(10)} | {str(number): 1 for number in range(1000)}
    answer = await site.client.post("/things", json=body, headers=await site.key())
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 20
    assert len(answer.content) < 10_000


async def test_a_flood_of_headers_is_refused(site: Site) -> None:
    flood = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 1000) for number in range(64))
    answer = await raw(site, b"GET /livez HTTP/1.1\r\nHost: x\r\n" + flood + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 400") or answer == b""


async def test_a_compressed_body_is_refused_unopened(site: Site) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    answer = await site.client.post("/echo", content=bomb, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (415, "encoding_not_taken")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_00 + b"]" * 100_00,
        b'{"a": ' + b"9" * 90_000 + b"}",
        b'{"a": 1e400}',
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b'{"a": "\\ud800"}',
        b'{"a": "\\u0000"}',
        b'\xef\xbb\xbf{"a": 1}',
        b"\xff\xfe",
        b"{",
        b"",
    ],
)
async def test_a_body_that_is_no_strict_json_is_refused_with_a_code(site: Site, body: bytes) -> None:
    answer = await site.client.post("/echo", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"]


async def test_an_unexpected_error_is_a_500_that_tells_nothing(site: Site) -> None:
    answer = await site.client.get("/broken")
    assert answer.status_code == 500
    assert "planted-secret" not in answer.text
    assert answer.json()["code"] == "internal_error"
