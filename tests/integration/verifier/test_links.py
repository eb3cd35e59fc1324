"""Links, by API and page: fetched once for each call, answered as what they lead to, remembered as every answer is."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from shared.credentials.baking_png import bake_png
from shared.credentials.baking_svg import bake_svg
from tests.integration.verifier.builders import EMAIL, Institution
from tests.integration.verifier.conftest import Verifier, outcomes
from tests.integration.verifier.test_pages import BROWSER, give, headline
from tests.support.pictures import a_png, an_svg


@dataclass
class Shelf:
    """A server on which one badge stands, or does not; `asked` are the paths that were asked for."""

    url: str = ""
    badge: dict[str, Any] | None = None
    picture: bytes | None = None
    asked: list[str] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.decode().split(" ")[1])
        status = "200 OK" if self.badge or self.picture else "404 Not Found"
        body = self.picture or json.dumps(self.badge or {"code": "document_not_found"}).encode()
        kind = "image/any" if self.picture else "application/vc" if self.badge else "application/problem+json"
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def a_shelf() -> AsyncIterator[Shelf]:
    shelf = Shelf()
    async with await asyncio.start_server(shelf.answer, "127.0.0.1", 0) as server:
        shelf.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/badge.json"
        yield shelf


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with a_shelf() as made:
        yield made


@pytest.fixture
async def linked(verifier: Verifier) -> AsyncIterator[Verifier]:
    """The verifier with its routes; links may lead to this machine."""
    async with verifier.serving(allow_loopback_fetches=True):
        yield verifier


async def ask(verifier: Verifier, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
    return await verifier.client.post("/v1/verifications", json=body, headers=headers or {})


async def test_a_link_is_answered_as_the_badge_that_it_leads_to(linked: Verifier, shelf: Shelf) -> None:
    oak = Institution()
    shelf.badge = oak.badge()
    await linked.know(oak, shelf.badge)
    answer = await ask(linked, url=shelf.url, expected_recipient={"email": EMAIL})
    assert answer.status_code == 200, answer.text
    assert answer.json()["verdict"] == "valid"
    assert outcomes(answer.json())["recipient"] == "pass"
    for fields in ({"link": f" {shelf.url} "}, {"text": f"{shelf.url}\r\n"}):
        page = await give(linked, **fields)
        assert (page.status_code, headline(page)) == (200, "Valid")
        assert "what the link leads to" in page.text
    assert shelf.asked == ["/badge.json"] * 3, "each call fetches"
    assert await linked.value("select count(*) from verifications") == 3


async def test_a_link_to_a_picture_is_answered_as_the_badge_inside(linked: Verifier, shelf: Shelf) -> None:
    oak = Institution()
    badge = oak.badge()
    await linked.know(oak, badge)
    for shelf.picture in (bake_png(a_png(), json.dumps(badge)), bake_svg(an_svg(), json.dumps(badge))):
        answer = await ask(linked, url=shelf.url)
        assert (answer.status_code, answer.json()["verdict"]) == (200, "valid")
        assert headline(await give(linked, link=shelf.url)) == "Valid"
    shelf.picture = a_png()
    answer = await ask(linked, url=shelf.url)
    assert (answer.status_code, answer.json()["code"]) == (422, "no_badge_inside")


async def test_a_link_that_does_not_give_the_badge_out_says_whom_to_ask(linked: Verifier, shelf: Shelf) -> None:
    answer = await ask(linked, url=shelf.url)
    assert (answer.status_code, answer.json()["code"]) == (422, "document_withheld")
    page = await give(linked, link=shelf.url)
    assert (page.status_code, headline(page)) == (422, "Could not be checked")
    assert "ask whoever gave you the link for the file itself" in page.text
    assert f'value="{shelf.url}"' in page.text


async def test_a_link_to_a_page_of_our_own_is_fetched_once_and_called_a_page(linked: Verifier) -> None:
    here = str(linked.client.base_url)
    answer = await ask(linked, url=f"{here}/?link={here}/")
    assert (answer.status_code, answer.json()["code"]) == (422, "link_is_a_page")


async def test_loopback_is_refused_unless_the_installation_allows_it(served: Verifier, shelf: Shelf) -> None:
    shelf.badge = {}
    for url in (shelf.url, shelf.url.replace("http:", "https:"), "https://localhost/"):
        answer = await ask(served, url=url)
        assert answer.status_code == 422
        assert answer.json()["code"] in ("url_refused", "address_refused")
        assert "127.0.0.1" not in answer.text
    assert shelf.asked == []


async def test_a_request_names_exactly_one_badge(served: Verifier) -> None:
    bodies: list[dict[str, Any]] = [
        {"url": "https://x.example/", "credential": {}},
        {"url": None},
        {"credential": None},
        {"url": "https://x.example/", "credential": None},
        {"url": ""},
        {"url": "https://x.example/" + "x" * 2000},
        {"url": 7},
        {"url": "https://x.example/", "token": "x"},
    ]
    for body in bodies:
        answer = await served.client.post("/v1/verifications", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_links_share_the_rate_of_those_without_a_key(verifier: Verifier, shelf: Shelf) -> None:
    async with verifier.serving(anonymous_rate="2/day", allow_loopback_fetches=True):
        assert [(await ask(verifier, url=shelf.url)).status_code for _ in range(3)] == [422, 422, 429]
        page = await verifier.client.post("/", files={"link": (None, shelf.url)}, headers=BROWSER)
        assert page.status_code == 429
    assert len(shelf.asked) == 2


async def test_a_repeated_request_hears_the_first_answer_though_the_link_has_died(
    linked: Verifier, shelf: Shelf
) -> None:
    oak = Institution()
    shelf.badge = oak.badge()
    await linked.know(oak, shelf.badge)
    key = {**await linked.employer(), "Idempotency-Key": "one"}
    first = (await ask(linked, key, url=shelf.url)).json()
    again = (await ask(linked, key, url=shelf.url)).json()
    assert again == first
    shelf.badge = None
    late = (await ask(linked, key, url=shelf.url)).json()
    assert (late["id"], late["verdict"], late["verified_at"]) == (first["id"], "valid", first["verified_at"])
    other = await ask(linked, key, url=f"{shelf.url}?other")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    unheard = await ask(linked, {**key, "Idempotency-Key": "two"}, url=shelf.url)
    assert (unheard.status_code, unheard.json()["code"]) == (422, "document_withheld")
    shelf.badge = oak.badge()
    assert (await ask(linked, {**key, "Idempotency-Key": "two"}, url=shelf.url)).status_code == 200
