"""Strangers' words on pages do nothing, and errors are pages for browsers alone."""

from collections.abc import AsyncIterator
from html.parser import HTMLParser

import httpx
import pytest
from fastapi import FastAPI

from shared.errors import NotFound, RateLimited
from shared.web import pages, problems
from shared.web.limits import BodyLimit
from shared.web.pages import day, foreign, markdown, moment

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
DANGEROUS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[here](javascript:alert(1))",
    "[here](data:text/html;base64,PHNjcmlwdD4=)",
    "[here](vbscript:x)",
    "![seen](https://stranger.example/pixel.png)",
    "<a href='javascript:alert(1)'>x</a>",
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    "```\n<svg onload=alert(1)>\n```",
]


class Made(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


@pytest.mark.parametrize("text", DANGEROUS)
def test_markdown_makes_nothing_that_runs_or_loads(text: str) -> None:
    (wrapper, _), *elements = Made(str(markdown(text))).elements
    assert wrapper == "div"
    assert {tag for tag, _ in elements} <= {"p", "a", "pre", "code"}
    for _, attributes in elements:
        assert set(attributes) <= {"href", "rel"}
        assert (attributes.get("href") or "https://").startswith(("https://", "mailto:"))


def test_markdown_keeps_what_it_is_for() -> None:
    made = str(markdown("# Title\n\nBuild *two* bridges:\n\n1. [plan](https://a.example/)\n2. build"))
    assert "<h3>Title</h3>" in made
    assert '<a href="https://a.example/" rel="nofollow noopener noreferrer">plan</a>' in made
    assert "<em>two</em>" in made
    assert "<ol>" in made


@pytest.mark.parametrize(
    "text", ["[" * 10_000, "a" * 10_001, "*a " * 3_000, "|a|\n|-|\n" + "|\n" * 4_000, "> " * 5_000]
)
def test_what_would_cost_too_much_is_shown_as_the_text_it_is(text: str) -> None:
    tags = [tag for tag, _ in Made(str(markdown(text))).elements]
    assert tags == ["div", "p"]


def test_a_strangers_text_is_escaped_and_its_direction_ends_with_it() -> None:
    assert str(foreign("<b>North</b>")) == "<bdi>&lt;b&gt;North&lt;/b&gt;</bdi>"


@pytest.mark.parametrize("text", ["\u202eevil\u2066", "a\u2069\u2069b", "\u2067\u2068\u202b"])
def test_what_turns_the_direction_is_shown_by_its_number_and_turns_nothing(text: str) -> None:
    shown = str(foreign(text))
    assert not set(shown) & set(text) - {"a", "b", "e", "v", "i", "l"}
    assert shown.count("‹U+20") == sum(each > "\u2000" for each in text)


@pytest.mark.parametrize("name", ["North\u202eAcademy", "Nor\u200bth", "No\u2066rth", "Nort\u00adh", "N\ufefforth"])
def test_a_name_that_hides_something_comes_with_a_warning(name: str) -> None:
    assert "characters that are not seen" in str(foreign(name))


@pytest.mark.parametrize("name", ["Zürich – École №5", "北京大学", "جامعة", "St. Mary’s"])
def test_names_of_every_script_come_without(name: str) -> None:
    assert str(foreign(name)) == f"<bdi>{name}</bdi>"


def test_times_are_told_in_utc_for_people_and_programs() -> None:
    assert str(day("2026-11-01T23:30:00-02:00")) == '<time datetime="2026-11-02T01:30:00+00:00">2 November 2026</time>'
    assert "2 November 2026, 01:30:00 UTC" in str(moment("2026-11-02T01:30:00Z"))


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)
    app.include_router(pages.assets)

    @app.get("/missing")
    async def missing() -> None:
        raise NotFound("thing_not_found", "There is no <thing>.")

    @app.get("/often")
    async def often() -> None:
        raise RateLimited("too_many_requests", "Too often.", retry_after=7)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("secret words")

    app.add_middleware(BodyLimit, max_bytes=10, seconds=1)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status"), [("/missing", 404), ("/nowhere", 404), ("/often", 429), ("/broken", 500), ("/static/x", 404)]
)
async def test_an_error_is_a_page_for_a_browser_and_a_problem_for_a_program(
    client: httpx.AsyncClient, path: str, status: int
) -> None:
    page, told = await client.get(path, headers=BROWSER), await client.get(path)
    assert page.status_code == told.status_code == status
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert told.headers["content-type"] == "application/problem+json"
    assert told.json()["code"] in page.text
    assert "secret words" not in page.text
    assert "<thing>" not in page.text


async def test_a_page_keeps_what_the_answer_says_of_the_next_try(client: httpx.AsyncClient) -> None:
    page = await client.get("/often", headers=BROWSER)
    assert page.headers["retry-after"] == "7"
    assert "Try again in 7 seconds" in page.text


async def test_a_body_that_is_too_large_is_a_page_too(client: httpx.AsyncClient) -> None:
    page = await client.post("/missing", headers=BROWSER, content=b"x" * 11)
    assert page.status_code == 413
    assert "At most 10 bytes" in page.text


async def test_pages_come_with_strict_headers_and_set_no_cookie(client: httpx.AsyncClient) -> None:
    page = await client.get("/missing", headers=BROWSER)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in page.headers


async def test_what_pages_load_is_there_under_a_name_that_changes_with_it(client: httpx.AsyncClient) -> None:
    page = await client.get("/missing", headers=BROWSER)
    for name, kind in (("laurel.css", "text/css"), ("laurel.js", "text/javascript"), ("laurel.svg", "image/svg+xml")):
        assert pages.asset(name) in page.text
        answer = await client.get(pages.asset(name))
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
