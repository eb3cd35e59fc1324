"""What somebody sent is a badge, or is called what it is in plain words."""

import pytest

from services.verifier.domain.documents import badge_of, given_in, kind_of
from shared.credentials.containers import Given
from shared.errors import Invalid, LaurelError, Malformed
from tests.support.pictures import a_png, an_svg, itxt

KINDS = {
    b"%PDF-1.7": "a PDF document",
    b"PK\x03\x04": "a ZIP archive",
    b"<!DOCTYPE html><svg></svg>": "a web page",
    b"\n<html>": "a web page",
    b"<?xml version='1.0'?><rss/>": "a document in XML",
}
TOKEN = "eyJhbGciOiJFZERTQSJ9.e30.c2ln"
TOKENS = [
    TOKEN.encode(),
    f" {TOKEN}\n".encode(),
    a_png(itxt(TOKEN.encode())),
    an_svg(f"<openbadges:credential verify='{TOKEN}'/>"),
]


@pytest.mark.parametrize(("raw", "kind"), KINDS.items())
def test_a_file_that_is_not_read_yet_is_known_by_its_content_and_called_by_its_name(raw: bytes, kind: str) -> None:
    assert kind_of(raw) == kind
    with pytest.raises(Invalid) as refused:
        given_in(raw)
    assert refused.value.code == "format_not_read"
    assert kind in refused.value.detail


@pytest.mark.parametrize("raw", TOKENS, ids=["token", "blanks", "png", "svg"])
def test_a_token_is_a_badge_whatever_it_stands_in(raw: bytes) -> None:
    assert kind_of(raw) is None
    assert badge_of(given_in(raw)) == TOKEN


@pytest.mark.parametrize(
    ("raw", "error", "code"),
    [
        (b"", Invalid, "nothing_given"),
        (b" \n", Invalid, "nothing_given"),
        (b"[]", Invalid, "not_a_badge"),
        (b'"text"', Invalid, "not_a_badge"),
        (b"{", Malformed, "malformed"),
        (b'{"a": 1, "a": 2}', Malformed, "malformed"),
        (b'{"a": "\\u0000"}', Malformed, "malformed"),
        (b"\xef\xbb\xbf{}", Malformed, "malformed"),
        (b"\xff\xfe{\x00}\x00", Malformed, "malformed"),
        (b"[" * 100, Malformed, "malformed"),
        (b'{"a": "' + b"x" * (1 << 20) + b'"}', Malformed, "too_large"),
        (a_png(), Invalid, "no_badge_inside"),
        (a_png(itxt(b"{}"), itxt(b"{}")), Invalid, "ambiguous_badge"),
        (a_png(itxt(b"{}"), behind=b"PK\x03\x04"), Malformed, "malformed_picture"),
        (b"\xef\xbb\xbf <?xml version='1.0'?>\n<!-- a badge --><SVG/>", Malformed, "malformed_picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Invalid, "no_badge_inside"),
        (an_svg("<openbadges:credential>[]</openbadges:credential>"), Invalid, "not_a_badge"),
    ],
)
def test_what_is_no_badge_is_refused_with_a_reason(raw: bytes, error: type[LaurelError], code: str) -> None:
    with pytest.raises(error) as refused:
        given_in(raw)
    assert refused.value.code == code


def test_json_is_read_with_blanks_around_it() -> None:
    given = given_in(b'\r\n {"type": []}\r\n')
    assert given == Given({"type": []}, None, "json")
    assert badge_of(given) == {"type": []}
