"""Whatever file a stranger hands over: one credential comes out of it, or a finding with a code, soon and in little."""

import json
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import contextmanager
from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.credentials.baking_png import MAX_CHUNKS, bake_png, read_png
from shared.credentials.baking_svg import MAX_ELEMENTS, bake_svg, read_svg, svg_around
from shared.credentials.containers import Given, is_picture, unpack
from shared.credentials.errors import CredentialError
from shared.credentials.strict_json import MAX_BYTES
from tests.support.badges import a_signed_badge
from tests.support.examples import examples
from tests.support.pictures import IEND, SIGNATURE, a_png, an_svg, chunk, compressed, credential, header, itxt

TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJkaWQ6ZXhhbXBsZToxIn0.c2lnbmF0dXJl"
OLD = {"@context": "https://w3id.org/openbadges/v2", "type": "Assertion"}
ADDRESS = "https://badges.example/assertions/1"


def refusal(raw: bytes) -> str:
    with pytest.raises(CredentialError) as refused:
        unpack(raw)
    assert refused.value.detail
    return refused.value.code


def outcome(read: Callable[[bytes], Any], raw: bytes) -> str:
    """The code with which bytes are refused, or that a credential was taken out of them."""
    try:
        read(raw)
    except CredentialError as error:
        return error.code
    return "taken"


def element(body: str) -> str:
    """The element that holds a credential, with whatever in it."""
    return f"<openbadges:credential>{body}</openbadges:credential>"


def assertion(body: str = "", verify: str = "") -> bytes:
    """An SVG of Open Badges 2.0."""
    return (
        f'<svg xmlns:openbadges="http://openbadges.org"><openbadges:assertion verify="{verify}">'
        f"<![CDATA[\n {body}\n]]></openbadges:assertion></svg>"
    ).encode()


GIVEN = {
    "json": (b' {"type": []}\r\n', Given({"type": []}, None, "json")),
    "token": (f"\n {TOKEN}\r\n".encode(), Given(None, TOKEN, "jwt")),
    "token with disclosures": (f"{TOKEN}~WyJzYWx0Il0~".encode(), Given(None, f"{TOKEN}~WyJzYWx0Il0~", "jwt")),
    "token whose header has lines": (b"ewogImFsZyI6IngifQ.e30.eA", Given(None, "ewogImFsZyI6IngifQ.e30.eA", "jwt")),
    "png": (a_png(itxt(b"{}")), Given({}, None, "png", "3.0")),
    "png with a language": (a_png(itxt(b"{}", described=b"\0\0de\0Plakette\0")), Given({}, None, "png", "3.0")),
    "png, compressed": (a_png(compressed(b"{}")), Given({}, None, "png", "3.0")),
    "png with other texts": (a_png(itxt(b"x", b"Title"), itxt(TOKEN.encode())), Given(None, TOKEN, "png", "3.0")),
    "png of 2.0": (a_png(itxt(json.dumps(OLD).encode(), b"openbadges")), Given(OLD, None, "png", "2.0")),
    "svg": (an_svg(credential("\n {} \n")), Given({}, None, "svg", "3.0")),
    "svg without CDATA": (an_svg(element("{&quot;a&quot;:1}")), Given({"a": 1}, None, "svg", "3.0")),
    "svg in pieces": (an_svg(element('{<![CDATA["a"]]>:1<!-- -->}')), Given({"a": 1}, None, "svg", "3.0")),
    "svg with a token": (an_svg(f'<openbadges:credential verify="{TOKEN}"/>'), Given(None, TOKEN, "svg", "3.0")),
    "svg under another prefix": (
        b'\xef\xbb\xbf<svg><g><credential xmlns="https://purl.imsglobal.org/ob/v3p0">{}</credential></g></svg>',
        Given({}, None, "svg", "3.0"),
    ),
    "svg of 2.0, hosted": (assertion(json.dumps(OLD), ADDRESS), Given(OLD, None, "svg", "2.0")),
    "png of 2.0, where it is": (
        a_png(itxt(ADDRESS.encode(), b"openbadges")),
        Given(None, None, "png", "2.0", url=ADDRESS),
    ),
    "svg of 2.0, where it is": (assertion(verify=ADDRESS), Given(None, None, "svg", "2.0", url=ADDRESS)),
    "svg of 2.0, signed": (assertion(verify=TOKEN), Given(None, TOKEN, "svg", "2.0")),
    "script and links": (
        an_svg("<script>alert(1)</script><image href='http://169.254.169.254/'/><a onclick='x()'/>", credential("{}")),
        Given({}, None, "svg", "3.0"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "given"), GIVEN.values(), ids=GIVEN)
def test_one_credential_comes_out_of_every_form(raw, given):
    assert unpack(raw) == given
    assert is_picture(raw) is (given.source in ("png", "svg"))


INFLATING = a_png(compressed(b" " * (64 << 20)))
NO_BADGE, MALFORMED, AMBIGUOUS = "no_badge_inside", "malformed_picture", "ambiguous_badge"
# Each ends in its code, whatever else is right about the picture.
PNGS = {
    "no badge": (a_png(), NO_BADGE),
    "60000 by 60000 pixels": (a_png(width=60_000, height=60_000), NO_BADGE),
    "an address of 1.0": (a_png(chunk(b"tEXt", b"openbadges\0" + ADDRESS.encode())), NO_BADGE),
    "an address of 3.0": (a_png(itxt(ADDRESS.encode())), NO_BADGE),
    "another keyword": (a_png(itxt(b"{}", b"OpenBadgeCredential")), NO_BADGE),
    "two badges": (a_png(itxt(b"{}"), itxt(b"{}")), AMBIGUOUS),
    "two badges, one behind the pixels": (a_png(itxt(b"{}"))[:-12] + itxt(b"{}") + IEND, AMBIGUOUS),
    "two badges of two generations": (a_png(itxt(b"{}"), itxt(b"{}", b"openbadges")), AMBIGUOUS),
    "bad checksum of the badge": (a_png(chunk(b"iTXt", b"openbadgecredential\0\0\0\0\0{}", crc=0)), MALFORMED),
    "bad checksum elsewhere": (a_png(chunk(b"tIME", b"", crc=1), itxt(b"{}")), MALFORMED),
    "zip behind": (a_png(itxt(b"{}"), behind=b"PK\x03\x04" + bytes(30)), MALFORMED),
    "one byte behind": (a_png(itxt(b"{}"), behind=b"\0"), MALFORMED),
    "another picture behind": (a_png(itxt(b"{}"), behind=a_png(itxt(b"{}"))), MALFORMED),
    "an end with something in it": (SIGNATURE + header() + itxt(b"{}") + chunk(b"IEND", b"{}"), MALFORMED),
    "no end": (a_png(itxt(b"{}"))[:-12], MALFORMED),
    "cut short": (a_png(itxt(b"{}"))[:-1], MALFORMED),
    "nothing but a beginning": (SIGNATURE, MALFORMED),
    "no header": (SIGNATURE + itxt(b"{}") + IEND, MALFORMED),
    "two headers": (a_png(header(), itxt(b"{}")), MALFORMED),
    "a header of another length": (SIGNATURE + chunk(b"IHDR", b"x") + itxt(b"{}") + IEND, MALFORMED),
    "a part of 4 GiB": (SIGNATURE + header() + pack(">I", 2**32 - 1) + b"iTXt", MALFORMED),
    "a part without a name": (a_png(chunk(b"\0\0\0\0", b""), itxt(b"{}")), MALFORMED),
    "text cut short": (a_png(chunk(b"iTXt", b"openbadgecredential\0\0\0")), MALFORMED),
    "text without end of its keyword": (a_png(chunk(b"iTXt", b"openbadgecredential")), MALFORMED),
    "text not UTF-8": (a_png(itxt(b'{"a": "\xff"}')), MALFORMED),
    "unknown compression": (a_png(itxt(zlib.compress(b"{}"), described=b"\1\1\0\0")), MALFORMED),
    "unknown flag": (a_png(itxt(b"{}", described=b"\2\0\0\0")), MALFORMED),
    "packed text cut short": (a_png(itxt(zlib.compress(b"{}" * 99)[:-5], described=b"\1\0\0\0")), MALFORMED),
    "packed text with something behind": (a_png(itxt(zlib.compress(b"{}") + b"{}", described=b"\1\0\0\0")), MALFORMED),
    "no packed text": (a_png(itxt(b"{}", described=b"\1\0\0\0")), MALFORMED),
    "text that unpacks to 64 MiB": (INFLATING, "too_large"),
    "10,000 parts": (a_png(*[chunk(b"tEXt", b"x")] * 10_000, itxt(b"{}")), "too_large"),
    "a list": (a_png(itxt(b"[]")), "not_a_badge"),
    "no JSON": (a_png(itxt(b"hello")), "malformed"),
    "nothing": (a_png(itxt(b"")), "malformed"),
    "the same member twice": (a_png(itxt(b'{"a":1,"a":2}')), "malformed"),
    "endless depth": (a_png(itxt(b"[" * 500_000)), "malformed"),
    "too large": (a_png(itxt(b"{}" + b" " * MAX_BYTES)), "too_large"),
}
DTD = '<!DOCTYPE svg [<!ENTITY x "{}">]>'
LAUGHS = "<!DOCTYPE svg [" + "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9)) + "]>"
BOMB = "<!DOCTYPE svg [<!ENTITY x '" + "x" * 100_000 + "'>]>"
OUTSIDE = '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
PARAMETER = '<!DOCTYPE svg [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x.dtd"> %x;]>'
# The line of Inkscape and Illustrator, and what could come along with it.
DRAWN = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"'
XINCLUDE = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
SVGS = {
    "no badge": (an_svg(), NO_BADGE),
    "an empty element": (an_svg("<openbadges:credential/>"), NO_BADGE),
    "the name without the namespace": (b"<svg><credential>{}</credential></svg>", NO_BADGE),
    "another element of the namespace": (an_svg("<openbadges:assertion>{}</openbadges:assertion>"), NO_BADGE),
    "two badges": (an_svg(credential("{}"), credential("{}")), AMBIGUOUS),
    "two badges of two generations": (
        an_svg(credential("{}"), '<b:assertion xmlns:b="http://openbadges.org">{}</b:assertion>'),
        AMBIGUOUS,
    ),
    "a badge in a badge": (an_svg(element(credential("{}"))), AMBIGUOUS),
    "an element in a badge": (an_svg(element("{<b/>}")), AMBIGUOUS),
    "a token and a body": (an_svg(credential("{}", f' verify="{TOKEN}"')), AMBIGUOUS),
    "a token and a body of 2.0": (assertion("{}", TOKEN), AMBIGUOUS),
    "a document type": (b"<!DOCTYPE svg>" + an_svg(credential("{}")), MALFORMED),
    "another root's doctype": (DRAWN.replace("svg", "g", 1).encode() + b">" + an_svg(credential("{}")), MALFORMED),
    "a document type of somebody's": (DRAWN.replace("W3C", "X").encode() + b">" + an_svg(credential("{}")), MALFORMED),
    "a document type that is a file": (b'<!DOCTYPE svg SYSTEM "file:///x">' + an_svg(credential("{}")), MALFORMED),
    "SVG's document type with something inside": (f"{DRAWN} []>".encode() + an_svg(credential("{}")), MALFORMED),
    "SVG's document type with an entity": (
        f'{DRAWN} [<!ENTITY x "{{}}">]>'.encode() + an_svg(element("&x;")), MALFORMED,
    ),
    "SVG's document type, and an entity that it may have": (
        f"{DRAWN}>".encode() + an_svg(element("&nbsp;{}")), MALFORMED,
    ),
    "SVG's document type twice": (f"{DRAWN}>{DRAWN}>".encode() + an_svg(credential("{}")), MALFORMED),
    "entities": (DTD.encode() + an_svg(element("&x;")), MALFORMED),
    "a billion laughs": (LAUGHS.encode() + an_svg(element("&l9;")), MALFORMED),
    "one large entity, often": (BOMB.encode() + an_svg("&x;" * 10_000, credential("{}")), MALFORMED),
    "an entity from a file": (OUTSIDE.encode() + an_svg(element("&x;")), MALFORMED),
    "a document type from elsewhere": (PARAMETER.encode() + an_svg(credential("{}")), MALFORMED),
    "an entity that nobody defined": (an_svg(element("&x;")), MALFORMED),
    "XInclude": (an_svg(XINCLUDE, credential("{}")), MALFORMED),
    "XInclude in the badge": (an_svg(element(XINCLUDE)), MALFORMED),
    "an instruction": (b'<?xml-stylesheet href="http://127.0.0.1:1/"?>' + an_svg(credential("{}")), MALFORMED),
    "cut short": (an_svg(credential("{}"))[:-1], MALFORMED),
    "something behind": (an_svg(credential("{}")) + b"PK\x03\x04", MALFORMED),
    "two roots": (an_svg(credential("{}")) * 2, MALFORMED),
    "another root": (b"<html>" + an_svg(credential("{}")) + b"</html>", MALFORMED),
    "a prefix without meaning": (b"<svg><openbadges:credential>{}</openbadges:credential></svg>", MALFORMED),
    "an encoding that nobody knows": (b'<?xml version="1.0" encoding="x-planted"?><svg/>', MALFORMED),
    "an encoding that is none": (b'<?xml version="1.0" encoding="utf-7"?><svg/>', MALFORMED),
    "not in its encoding": (an_svg(credential('{"a":"')) + b"\xff", MALFORMED),
    "a NUL": (an_svg(credential("{}\0")), MALFORMED),
    "too many elements": (an_svg("<a/>" * MAX_ELEMENTS, credential("{}")), "too_large"),
    "elements in elements": (b"<svg>" + b"<a>" * 200_000, "too_large"),
    "a list": (an_svg(credential("[]")), "not_a_badge"),
    "no JSON": (an_svg(credential("hello")), "malformed"),
    "too large": (an_svg(credential("{}" + " " * MAX_BYTES)), "too_large"),
}  # fmt: skip
TEXTS = {
    "nothing": (b"", "malformed"),
    "byte order mark": (b"\xef\xbb\xbf{}", "malformed"),
    "byte order mark before a token": (b"\xef\xbb\xbf" + TOKEN.encode(), "malformed"),
    "a list": (b"[]", "not_a_badge"),
    "a word": (b"eyJhbGci", "malformed"),
    "a token with other letters": (TOKEN.encode() + "é".encode(), "malformed"),
    "NUL": (b'{"a": "\\u0000"}', "malformed"),
    "too large": (b"{" + b" " * MAX_BYTES + b"}", "too_large"),
    "XML": (b"<rss/>", MALFORMED),
}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param(*case, id=f"{form}: {name}")
        for form, cases in (("png", PNGS), ("svg", SVGS), ("text", TEXTS))
        for name, case in cases.items()
    ],
)
def test_what_is_not_exactly_one_badge_is_refused_with_its_code_and_never_inflated(raw, code):
    with memory_for(8 * MAX_BYTES):
        assert refusal(raw) == code


def test_unpacking_a_text_of_64_mib_takes_memory_for_no_more_than_is_read():
    with memory_for(8 * MAX_BYTES):
        assert refusal(INFLATING) == "too_large"


@contextmanager
def memory_for(most):
    """Let the block take so many bytes of memory at most."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def test_the_largest_number_of_parts_and_elements_is_read():
    assert read_png(a_png(*[chunk(b"tEXt", b"x")] * (MAX_CHUNKS - 4), itxt(b"{}"))).text == "{}"
    assert read_svg(an_svg("<a/>" * (MAX_ELEMENTS - 3), credential("{}"))).text == "{}"


_BADGE = json.dumps(a_signed_badge())
_BAKED = [
    bake_png(a_png(), _BADGE),
    bake_png(a_png(), TOKEN),
    a_png(compressed(_BADGE.encode())),
    bake_svg(an_svg(), _BADGE),
    bake_svg(svg_around(a_png(), "A badge"), TOKEN),
    _BADGE.encode(),
    TOKEN.encode(),
    (DTD.encode() + an_svg(credential("{}"))),
]
_INSTEAD = st.binary(max_size=30) | st.sampled_from([b"\0", b"<", b"&", b"]]>", b"IEND"])
_CHANGES = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 30), _INSTEAD), max_size=4)


@examples(100)
@given(st.sampled_from(_BAKED), _CHANGES)
def test_no_change_of_a_file_raises_anything_but_our_own_error(raw, changes):
    for place, length, instead in changes:
        start = place % (len(raw) + 1)
        raw = raw[:start] + instead + raw[start + length :]
    known = {NO_BADGE, MALFORMED, AMBIGUOUS, "malformed", "too_large", "not_a_badge"}
    assert outcome(unpack, raw) in {"taken", *known}


@examples(100)
@given(
    st.binary()
    | st.binary().map(SIGNATURE.__add__)
    | st.text(alphabet="<>&;!?[]svg/=\"' x\n", max_size=99).map(str.encode)
)
def test_no_bytes_at_all_raise_anything_but_our_own_error(raw):
    for read in (unpack, read_png, read_svg):
        assert outcome(read, raw)


@given(st.data())
def test_a_changed_byte_of_a_png_is_seen_wherever_it_is(data):
    raw = bytearray(_BAKED[0])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CredentialError):
        read_png(bytes(raw))


@pytest.mark.parametrize("version", ["1.0", "1.1", "20010904"])
@pytest.mark.parametrize("before", ["", '<?xml version="1.0"?>\n<!-- Generator: > -->\n'])
def test_the_document_type_that_drawing_programs_write_is_passed_over(version, before):
    head = before + DRAWN.replace("1.1", version) + ">\n<!-- drawn -->"
    assert unpack(head.encode() + an_svg(credential("{}"))).document == {}
    baked = bake_svg(head.encode() + an_svg(), "{}")
    assert baked.startswith(head.encode())
    assert unpack(baked).document == {}
