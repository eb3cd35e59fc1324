"""Badges in SVG pictures: one element of the Open Badges namespace holds the credential.

Source: Open Badges 3.0, section "Baked Badge", SVG. Foreign pictures are read by a parser that takes no entity, no
XInclude and no processing instruction, and that opens nothing. The one document type that is passed over is the line
that drawing programs write, which names the W3C's own: it brings nothing, and nobody fetches what it names. Scripts and
links in pictures do not matter here: they are read for their one element, and never shown.
"""

import re
from base64 import b64encode
from html import escape
from typing import Any

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

from shared.credentials.baking import BLANKS, Baked, Generation, is_token, refuse_other_content
from shared.credentials.baking_png import size_of
from shared.credentials.errors import CredentialError, InvalidPicture

NAMESPACE = "https://purl.imsglobal.org/ob/v3p0"
SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
# More than drawings have; each costs the parser a microsecond or two.
MAX_ELEMENTS = 50_000
_ELEMENTS: dict[str, Generation] = {f"{{{NAMESPACE}}}credential": "3.0", "{http://openbadges.org}assertion": "2.0"}
_ROOTS = (f"{{{SVG}}}svg", "svg")
_XINCLUDE = "{http://www.w3.org/2001/XInclude}"
_DECLARATION = f' xmlns:openbadges="{NAMESPACE}"'
_DRAWN = re.compile(r"-//W3C//DTD SVG [\d.]{1,8}//EN")
# The start tag of the first element, in a document that is known to be well-formed and to have no other document type.
_START_TAG = re.compile(
    r"""\ufeff?(?:<\?xml[^>]*>)?(?:\s++|<!--.*?-->|<!DOCTYPE(?:[^"'>]|"[^"]*+"|'[^']*+')*+>)*+"""
    r"""<(?P<name>[^\s/>]++)(?P<attributes>(?:\s++[^\s=]++\s*+=\s*+(?:"[^"]*+"|'[^']*+'))*+)\s*+(?P<empty>/?)>""",
    re.DOTALL,
)
_ENCODING = re.compile(r"""\ufeff?<\?xml[^>]*?\sencoding\s*=\s*["'](?!utf-8["'])""", re.IGNORECASE)
# XML 1.0 section 2.2, Char: what it has no way of writing at all.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Inside JSON these two, and the end of a CDATA section, can stand in strings alone.
_NO_CDATA = re.compile("[\ufffe\uffff]|(?<=]])>")


def bake_svg(picture: bytes, content: str) -> bytes:
    """Return an SVG (in UTF-8) with a credential in it; everything else of it stays as it is.

    A compact JWS comes into the attribute `verify`, JSON into a CDATA section; a character that cannot stand in one is
    written by its number. Raises InvalidPicture (`malformed_picture`, `too_large`, `already_baked`) and as
    `refuse_other_content` does.
    """
    refuse_other_content(content)
    if _parsed(picture).generation is not None:
        raise InvalidPicture("The picture holds a badge already.", "already_baked")
    try:
        text = picture.decode()
    except UnicodeDecodeError as error:
        raise InvalidPicture("The picture is not in UTF-8.") from error
    tag = _START_TAG.match(text)
    if tag is None or _ENCODING.match(text):
        raise InvalidPicture("The picture is not in UTF-8.")
    # A picture may have given the prefix another meaning; then the element says for itself which one it has.
    on_root, on_element = (_DECLARATION, "") if "xmlns:openbadges" not in tag["attributes"] else ("", _DECLARATION)
    inside = f"\n{_element(content, on_element)}" + (f"</{tag['name']}>" if tag["empty"] else "")
    return f"{text[: tag.end('attributes')]}{on_root}>{inside}{text[tag.end() :]}".encode()


def read_svg(raw: bytes) -> Baked:
    """Return what the one badge element of an SVG holds: its attribute `verify`, or its body.

    Raises InvalidPicture: `no_badge_inside`, `ambiguous_badge` (two elements, or one with two badges), `too_large`, or
    `malformed_picture` for what is no plain SVG: not well-formed, with another document type than SVG's own, with
    entities or instructions.
    """
    found = _parsed(raw)
    if found.generation is None:
        raise InvalidPicture("The picture holds no badge.", "no_badge_inside")
    body, verify = "".join(found.body).strip(BLANKS), found.verify.strip(BLANKS)
    # A hosted badge of 2.0 has its address in the attribute and itself in the body.
    if body and verify and (found.generation == "3.0" or is_token(verify)):
        raise InvalidPicture("The picture holds more than one badge.", "ambiguous_badge")
    if not body and not verify:
        raise InvalidPicture("The picture holds no badge.", "no_badge_inside")
    return Baked(body or verify, found.generation)


def svg_around(png: bytes, title: str) -> bytes:
    """Return an SVG that shows a PNG in its own size, under a title for who can't see it; raises InvalidPicture."""
    width, height = size_of(png)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="{SVG}" xmlns:xlink="{XLINK}" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">\n'
        f"<title>{escape(_NO_XML.sub('', title))}</title>\n"
        f'<image width="{width}" height="{height}" xlink:href="data:image/png;base64,{b64encode(png).decode()}"/>\n'
        "</svg>\n"
    ).encode()


def _element(content: str, declaration: str) -> str:
    if is_token(content):
        return f'<openbadges:credential{declaration} verify="{content}"></openbadges:credential>'
    json = _NO_CDATA.sub(lambda found: f"\\u{ord(found.group()):04x}", content)
    return f"<openbadges:credential{declaration}><![CDATA[{json}]]></openbadges:credential>"


class _Found:
    """Takes in a document's parts as the parser meets them, and keeps the badge element's."""

    def __init__(self) -> None:
        self.generation: Generation | None = None
        self.verify = ""
        self.body: list[str] = []
        self._elements = 0
        self._inside = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Look at an element, which is the first, the badge, or neither."""
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise InvalidPicture(f"The picture is made of more than {MAX_ELEMENTS} elements.", "too_large")
        if (self._elements == 1 and tag not in _ROOTS) or tag.startswith(_XINCLUDE):
            raise InvalidPicture("This is no SVG, or it takes in other files.")
        generation = _ELEMENTS.get(tag)
        if self._inside or (generation and self.generation):
            raise InvalidPicture("The picture holds more than one badge.", "ambiguous_badge")
        if generation:
            self.generation, self.verify, self._inside = generation, attributes.get("verify", ""), True

    def end(self, _tag: str) -> None:
        """Leave an element; the badge's has no others inside."""
        self._inside = False

    def data(self, text: str) -> None:
        """Keep the badge's text."""
        if self._inside:
            self.body.append(text)

    def pi(self, _target: str, _text: str | None = None) -> None:
        """Refuse an instruction: it is made to change what others see."""
        raise InvalidPicture("The picture has processing instructions, which are not followed here.")


class _Parser(DefusedXMLParser):  # type: ignore[misc]  # it ships no types
    def defused_start_doctype_decl(self, name: str, system: str | None, public: str | None, inside: int) -> None:
        """Pass over the document type of a drawing, as long as it declares nothing itself."""
        if name != "svg" or inside or not _DRAWN.fullmatch(public or ""):
            super().defused_start_doctype_decl(name, system, public, inside)


def _parsed(raw: bytes) -> _Found:
    found = _Found()
    parse(raw, found)
    return found


def parse(raw: bytes, target: Any) -> None:
    """Hand a picture part by part to `target` (`start`, `end`, `data`, `pi`), as xml.etree's parsers do.

    Raises InvalidPicture (`malformed_picture`) for what is not well-formed or brings entities or a document type other
    than SVG's own, and what `target` raises.
    """
    parser: Any = _Parser(target=target, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(raw)
        parser.close()
    except CredentialError:
        raise
    except DefusedXmlException as error:
        raise InvalidPicture("The picture brings a document type or entities, which are not read here.") from error
    except (ParseError, ValueError, LookupError) as error:  # the last two: an encoding that nobody knows
        raise InvalidPicture("The picture is not well-formed XML.") from error
