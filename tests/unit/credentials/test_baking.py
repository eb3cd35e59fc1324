"""What is baked into a picture comes out of it as it went in, here and with another implementation."""

import json
import struct
from base64 import urlsafe_b64encode
from io import BytesIO
from xml.dom import minidom

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openbadgeslib import baking as other
from PIL import Image

from shared.credentials.baking import Baked
from shared.credentials.baking_png import bake_png, read_png
from shared.credentials.baking_svg import bake_svg, read_svg, svg_around
from shared.credentials.containers import Given, unpack
from shared.credentials.errors import CredentialError
from tests.support.badges import a_signed_badge
from tests.support.examples import examples
from tests.support.pictures import SIGNATURE, a_png, an_svg, compressed, credential, header, itxt

TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJkaWQ6ZXhhbXBsZToxIn0.c2lnbmF0dXJl"
BADGE = json.dumps(a_signed_badge(), ensure_ascii=False)
# Values that XML, CDATA sections and PNG texts are easily broken by.
_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.sampled_from(
    [
        "]]>",
        "]]]>>",
        "]]",
        "<![CDATA[",
        "</openbadges:credential>",
        "&amp;",
        "&x;",
        "\ufffe\uffff",
        "\r\n",
        "\x85\u2028",
    ]
)
_DOCUMENTS = st.dictionaries(_TEXTS, st.recursive(_TEXTS | st.booleans() | st.integers(-99, 99), st.lists), max_size=5)
_PNG, _SVG = a_png(), an_svg()


@examples(30)
@given(_DOCUMENTS, st.booleans(), st.sampled_from([None, 1]))
def test_every_document_survives_being_baked_into_a_picture_of_either_kind(document, ascii_only, indent):
    content = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    assert read_png(bake_png(_PNG, content)) == Baked(content, "3.0"), "a PNG keeps it to the letter"
    assert unpack(bake_png(_PNG, content)) == Given(document, None, "png", "3.0")
    assert unpack(bake_svg(_SVG, content)) == Given(document, None, "svg", "3.0")
    assert unpack(bake_svg(svg_around(_PNG, content[:50]), content)).document == document


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_every_token_survives_being_baked(payload, signature):
    token = ".".join(
        urlsafe_b64encode(each).decode().rstrip("=") for each in (b'{"alg":"x"}', payload or b"x", signature or b"x")
    )
    assert unpack(bake_png(_PNG, token)) == Given(None, token, "png", "3.0")
    assert unpack(bake_svg(_SVG, token)) == Given(None, token, "svg", "3.0")


@pytest.mark.parametrize("content", [TOKEN, BADGE], ids=["token", "json"])
def test_another_implementation_reads_what_we_bake(content):
    png, svg = bake_png(_PNG, content), bake_svg(_SVG, content)
    assert other.extract_png(png, keyword=other.ITXT_KEYWORD_OB3) == content
    found = other.extract_svg(svg, element=other.SVG_ELEMENT_OB3, text_fallback=True)
    assert found == content
    around = bake_svg(svg_around(_PNG, "A & B"), content)
    assert other.extract_svg(around, element=other.SVG_ELEMENT_OB3, text_fallback=True) == content


@pytest.mark.parametrize("content", [TOKEN, BADGE], ids=["token", "json"])
def test_what_another_implementation_bakes_is_read_here(content):
    png = other.bake_png(_PNG, content, "a comment", keyword=other.ITXT_KEYWORD_OB3)
    ours = {"element": other.SVG_ELEMENT_OB3, "namespace": other.SVG_NS_OB3}
    svg = other.bake_svg(_SVG, content, "a comment", **ours, as_text=content == BADGE)
    old = other.bake_png(_PNG, content)
    for raw, generation in ((png, "3.0"), (svg, "3.0"), (old, "2.0")):
        given = unpack(raw)
        assert (given.token or given.document) == (TOKEN if content == TOKEN else json.loads(BADGE))
        assert given.generation == generation


def test_a_baked_png_is_still_the_picture_with_one_uncompressed_text_right_behind_its_header():
    drawn = BytesIO()
    Image.new("RGB", (40, 30), "teal").save(drawn, "PNG")
    baked = bake_png(drawn.getvalue(), TOKEN)
    with Image.open(BytesIO(drawn.getvalue())) as before, Image.open(BytesIO(baked)) as after:
        assert after.info == {"openbadgecredential": TOKEN}, "found before the pixels were"
        assert before.tobytes() == after.tobytes()
    start = len(SIGNATURE) + len(header())
    assert baked[:start] + baked[start + 12 + 24 + len(TOKEN) :] == drawn.getvalue(), "nothing else is touched"
    (length,) = struct.unpack(">I", baked[start : start + 4])
    assert baked[start + 4 : start + 8 + length] == b"iTXtopenbadgecredential" + bytes(5) + TOKEN.encode()


def test_a_baked_svg_has_the_element_first_under_the_namespace_that_its_root_declares():
    for content in (TOKEN, '{"a": "]]>"}'):
        root = minidom.parseString(bake_svg(_SVG.replace(b" xmlns:openbadges", b" xmlns:x"), content)).documentElement
        assert root.getAttribute("xmlns:openbadges") == "https://purl.imsglobal.org/ob/v3p0"
        element = next(each for each in root.childNodes if each.nodeType == each.ELEMENT_NODE)
        assert element.tagName == "openbadges:credential"
        if content == TOKEN:
            assert (element.getAttribute("verify"), element.childNodes) == (TOKEN, [])
        else:
            (section,) = element.childNodes
            assert section.nodeType == section.CDATA_SECTION_NODE
            assert json.loads(section.data) == json.loads(content)
            assert not element.hasAttribute("verify")


@pytest.mark.parametrize(
    "picture",
    [
        "<svg/>",
        "<svg />",
        "\ufeff<?xml version='1.0' encoding='utf-8'?>\n<!-- <svg> --><!--> -->\n<s:svg xmlns:s='http://www.w3.org/2000/svg'/>",
        "<svg title='a > b' aria-label=\"it's />\"><g/></svg>",
        "<svg\n  xmlns='http://www.w3.org/2000/svg'\n  ><!-- Ünïcode --></svg\n>",
        "<svg xmlns:openbadges='http://openbadges.org'><g/></svg>",
    ],
)
def test_pictures_of_every_way_of_writing_are_baked(picture):
    for content in (TOKEN, '{"a": "ü"}'):
        baked = bake_svg(picture.encode(), content)
        assert read_svg(baked) == Baked(content, "3.0")
        assert minidom.parseString(baked)


def test_an_svg_around_a_png_shows_it_in_its_size_and_tells_its_title():
    svg = minidom.parseString(
        svg_around(a_png(width=300, height=200), 'A & B </title><script> "\0\ufffe\ud800')
    ).documentElement
    assert (svg.getAttribute("width"), svg.getAttribute("height")) == ("300", "200")
    assert svg.getAttribute("viewBox") == "0 0 300 200"
    (title,), (image,) = svg.getElementsByTagName("title"), svg.getElementsByTagName("image")
    assert title.firstChild.data == 'A & B </title><script> "'
    assert image.getAttribute("xlink:href").startswith("data:image/png;base64,iVBORw0KGgo")
    assert not svg.getElementsByTagName("script")
    for picture in (b"", SIGNATURE, a_png(width=0), a_png(height=1 << 31)):
        with pytest.raises(CredentialError):
            svg_around(picture, "x")


@pytest.mark.parametrize(
    "content", ["", "text", "[]", '"eyJ"', "{", '{"a":1,"a":2}', "a.b.c", f"{TOKEN}.x", f"{TOKEN} ", '{"a":"\ud800"}']
)
def test_what_is_neither_a_token_nor_a_json_object_is_not_baked(content):
    for bake, picture in ((bake_png, _PNG), (bake_svg, _SVG)):
        with pytest.raises(CredentialError) as refused:
            bake(picture, content)
        assert refused.value.code in ("malformed", "not_a_badge")


def test_a_picture_that_holds_a_badge_already_is_not_baked_again():
    held = [a_png(itxt(b"{}")), a_png(compressed(b"{}")), a_png(itxt(b"x", b"openbadges"))]
    drawn = [an_svg(credential("{}")), an_svg("<a><openbadges:credential/></a>"), other.bake_svg(_SVG, TOKEN)]
    for bake, picture in [*((bake_png, each) for each in held), *((bake_svg, each) for each in drawn)]:
        with pytest.raises(CredentialError) as refused:
            bake(picture, TOKEN)
        assert refused.value.code == "already_baked"


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        b"<svg>",
        b"<html/>",
        "<svg>ü</svg>".encode("latin-1"),
        "<svg/>".encode("utf-16"),
        b"<?xml version='1.0' encoding='iso-8859-1'?><svg/>",
        b"<!DOCTYPE svg><svg/>",
    ],
)
def test_nothing_is_baked_into_what_is_no_plain_svg_in_utf_8(picture):
    with pytest.raises(CredentialError) as refused:
        bake_svg(picture, TOKEN)
    assert refused.value.code == "malformed_picture"
