"""What is no badge, given to the verify page: a reason in words, and the form with what was typed."""

import json

from tests.integration.verifier.builders import a_poison_badge
from tests.integration.verifier.conftest import Verifier
from tests.integration.verifier.page import BROWSER, give, headline, looks_good, tone
from tests.support.pictures import a_png

UNREAD = {
    "PNG": (a_png(), 422, "The picture holds no badge"),
    "half a PNG": (a_png()[:-1], 400, "a part of it is missing"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 422, "holds no badge"),
    "SVG with a DTD": (b"<!DOCTYPE svg><svg/>", 400, "document type"),
    "JPEG": (b"\xff\xd8\xff", 422, "picture (JPEG)"),
    "HTML": (b"<!doctype html>", 422, "web page"),
    "nothing": (b"", 422, "This file is empty"),
    "list": (b"[]", 422, "one JSON object"),
    "twice": (b'{"a": 1, "a": 2}', 400, "same member twice"),
    "deep": (b"[" * 100 + b"]" * 100, 400, "nested deeper"),
    "half": (b'{"a": "\\ud800"}', 400, "half of a surrogate"),
    "bytes": (b"\xff\xfe\x00", 400, "not JSON in UTF-8"),
}


async def test_a_file_from_which_no_badge_can_be_taken_is_a_page_with_the_reason_and_the_form(
    served: Verifier,
) -> None:
    for content, status, words in UNREAD.values():
        page = await give(served, file=("badge", content), link="https://kept.example/", name="Kept Name")
        assert (page.status_code, headline(page), tone(page)) == (status, "Could not be checked", "care")
        assert words in page.text
        assert 'value="https://kept.example/"' in page.text
        assert 'value="Kept Name"' in page.text
        assert not looks_good(page)
        instead = status == 422 and words.endswith(("(JPEG)", "page"))
        assert ("JSON, or a PNG or SVG picture" in page.text) is instead
        assert ("sent by a messenger" in page.text) is ("no badge" in words)


async def test_what_was_typed_is_still_there_when_it_could_not_be_read(served: Verifier) -> None:
    page = await give(served, text='{"a": <b>')
    assert page.status_code == 400
    assert "{&#34;a&#34;: &lt;b&gt;</textarea>" in page.text
    nothing = await give(served)
    assert (nothing.status_code, headline(nothing)) == (422, "Could not be checked")
    assert "You gave nothing to check: choose a file, paste its text, or give its link." in nothing.text
    bare = await give(served, link="example.org/badge")
    assert (bare.status_code, "A link begins with https://, such as" in bare.text) == (422, True)
    other = await give(served, link="ftp://example.org/badge")
    assert (other.status_code, "A link begins with" in other.text) == (422, False)
    long = await give(served, text="{}", name="x" * 201)
    assert (long.status_code, "longer than any" in long.text) == (422, True)


BOUNDARY = {"Content-Type": "multipart/form-data; boundary=b"}
FORMS = (
    ({"Content-Type": "application/x-www-form-urlencoded"}, b"text=%7B%7D", 415),
    ({"Content-Type": "application/json"}, b"{}", 415),
    ({}, b"", 415),
    ({"Content-Type": "multipart/form-data"}, b"x", 400),
    ({"Content-Type": "multipart/form-data; boundary=b; charset=utf-7"}, b"x", 415),
    (BOUNDARY, b"", 422),
    (BOUNDARY, b"--b\r\nnonsense", 422),
    (BOUNDARY, b"no boundary at all", 400),
    (BOUNDARY, b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n", 400),
    (BOUNDARY, b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n\xff\xfe\x00\r\n--b--\r\n', 400),
    (BOUNDARY, b'--b\r\nContent-Disposition: form-data; name="text"; filename="x"\r\n\r\n{}\r\n--b--\r\n', 422),
    (BOUNDARY, b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n{}\r\n--b--\r\n', 422),
    (BOUNDARY, b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n' * 1000 + b"--b--\r\n", 400),
    (
        BOUNDARY,
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n{}\r\n' * 9 + b"--b--\r\n",
        400,
    ),
)


async def test_a_form_that_no_browser_sends_is_a_page_with_a_reason(served: Verifier) -> None:
    for headers, body, status in FORMS:
        page = await served.client.post("/", content=body, headers={**BROWSER, **headers})
        assert page.status_code == status, (headers, body[:80])
        assert headline(page) == "Could not be checked"


async def test_a_poison_badge_is_an_answer(served: Verifier) -> None:
    page = await give(served, text=json.dumps(a_poison_badge()))
    assert (page.status_code, headline(page)) == (200, "Could not be checked")
