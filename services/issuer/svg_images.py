"""An SVG picture made harmless: written anew from what is known to draw and to do nothing else.

Elements of SVG that are not listed here are refused by name, as the picture would look another way without them: what
runs or moves (script, animate), what brings other documents in (image, use, foreignObject, a), style sheets, and what
costs a reader much (filter, pattern). What belongs to drawing programs (other namespaces, metadata) and attributes that
are not listed are left out. What is written holds no address but those of its own gradients, masks and clips.
Source: SVG 1.1 (Second Edition), appendices L and M.
"""

import re
from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape, quoteattr

from shared.credentials.baking_svg import SVG, XLINK, parse
from shared.credentials.errors import CredentialError
from shared.errors import Invalid, TooLarge

MAX_BYTES = 256 * 1024
# Drawings are ten deep or so; a reader may take each level by a call of its own.
MAX_DEPTH = 64


def _names(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_LEFT_OUT = _names("metadata")
_ELEMENTS = _names(
    "svg g defs title desc path rect circle ellipse line polyline polygon text tspan linearGradient radialGradient "
    "stop clipPath mask"
)
_OF_TEXT = _names("title desc text tspan")
_GRADIENTS = _names("linearGradient radialGradient")
# Those that may also stand in a `style`, whose declarations become attributes.
_PRESENTATION = _names(
    "fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin stroke-miterlimit "
    "stroke-dasharray stroke-dashoffset color opacity visibility display clip-path clip-rule mask stop-color "
    "stop-opacity font-family font-size font-style font-weight text-anchor letter-spacing word-spacing "
    "text-decoration dominant-baseline shape-rendering text-rendering"
)
_ATTRIBUTES = _PRESENTATION | _names(
    "id x y x1 y1 x2 y2 cx cy r rx ry fx fy dx dy rotate width height d points transform viewBox preserveAspectRatio "
    "gradientUnits gradientTransform spreadMethod offset clipPathUnits maskUnits maskContentUnits textLength "
    "lengthAdjust version"
)
_NAME = r"#[A-Za-z_][\w.-]{0,199}"
_OWN = re.compile(_NAME, re.ASCII)
# Nothing that CSS could read as an address, an escape, a comment or a rule, but for a reference within the picture.
_PLAIN = re.compile(r"[^\\<>@{};&]*", re.ASCII)
_REFERENCE = re.compile(rf"""url\(\s*(["']?)({_NAME})\1\s*\)(?:\s+(?:none|[#\w]+))?""", re.ASCII)
_CALLS_ELSEWHERE = re.compile(r"url|image|src|expression|/\*|:", re.ASCII | re.IGNORECASE)


def sanitised(upload: bytes) -> bytes:
    """Return an SVG as it is kept: in UTF-8, of at most 256 KiB, with nothing in it but shapes, colours and texts.

    Raises Invalid (`image_unreadable`; `image_not_harmless`, which names what is not taken), TooLarge.
    """
    writer = _Writer()
    try:
        parse(upload, writer)
    except CredentialError as error:
        raise Invalid("image_unreadable", "This is not a readable SVG image.") from error
    content = "".join(writer.written).encode()
    if len(content) > MAX_BYTES:  # some letters have several bytes
        raise _too_large()
    return content


class _Writer:
    """Takes in a picture's parts as the parser meets them, and writes those that are kept."""

    def __init__(self) -> None:
        self.written = ['<?xml version="1.0" encoding="UTF-8"?>\n']
        self._open: list[str] = []
        self._left_out = 0  # how deep inside of something that is left out
        self._length = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Write an element, refuse it, or leave it out with all that is inside."""
        namespace, _, name = tag.rpartition("}")
        is_known = namespace == f"{{{SVG}" and name in _ELEMENTS and (name == "svg") != bool(self._open)
        if self._left_out or (self._open and (namespace != f"{{{SVG}" or name in _LEFT_OUT)):
            self._left_out += 1
            return
        if not is_known:
            raise _not_harmless(f"the element {name[:40]}" if self._open else "another first element than svg")
        if len(self._open) >= MAX_DEPTH:
            raise _not_harmless(f"more than {MAX_DEPTH} elements inside each other")
        kept = dict(_kept(name, attributes))
        if not self._open:
            _refuse_without_size(kept)
            kept = {"xmlns": SVG, **kept}
        self._open.append(name)
        self._write(f"<{name}{''.join(f' {key}={quoteattr(value)}' for key, value in kept.items())}>")

    def end(self, _tag: str) -> None:
        """Close an element, if it was written."""
        if self._left_out:
            self._left_out -= 1
        else:
            self._write(f"</{self._open.pop()}>")

    def data(self, text: str) -> None:
        """Write the words of a text."""
        if not self._left_out and self._open and self._open[-1] in _OF_TEXT:
            self._write(escape(text))

    def _write(self, text: str) -> None:
        self._length += len(text)
        if self._length > MAX_BYTES:
            raise _too_large()
        self.written.append(text)

    def pi(self, _target: str, _text: str | None = None) -> None:
        """Refuse an instruction: style sheets come by one too."""
        raise _not_harmless("processing instructions")


def _not_harmless(what: str) -> Invalid:
    return Invalid("image_not_harmless", f"Pictures with {what} are not taken: export it as plain SVG, or as PNG.")


def _too_large() -> TooLarge:
    return TooLarge("image_too_large", f"The image does not fit into {MAX_BYTES} bytes.")


def _refuse_without_size(kept: Mapping[str, str]) -> None:
    if "viewBox" not in kept and not {"width", "height"} <= kept.keys():
        raise Invalid("image_unreadable", "The picture has no size: neither viewBox nor width and height.")


def _kept(name: str, attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give the attributes that are kept, those of a `style` after its others: they prevail."""
    for attribute, value in attributes.items():
        if attribute in _ATTRIBUTES and _is_plain(attribute, value):
            yield attribute, value
    if name in _GRADIENTS:
        inherited = attributes.get("href", attributes.get(f"{{{XLINK}}}href", ""))
        if _OWN.fullmatch(inherited):
            yield "href", inherited
    for declaration in attributes.get("style", "").split(";"):
        declared, _, value = (part.strip() for part in declaration.partition(":"))
        if declared in _PRESENTATION and _is_plain(declared, value):
            yield declared, value


def _is_plain(attribute: str, value: str) -> bool:
    if attribute == "id":
        return _OWN.fullmatch(f"#{value}") is not None
    return _REFERENCE.fullmatch(value) is not None or bool(
        _PLAIN.fullmatch(value) and not _CALLS_ELSEWHERE.search(value)
    )
