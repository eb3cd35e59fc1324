"""A drawing is kept without anything that runs, moves, or leads elsewhere; what can't be kept so is refused."""

import time
from xml.etree import ElementTree

import pytest

from services.issuer.svg_images import MAX_BYTES, MAX_DEPTH, sanitised
from shared.errors import Invalid, LaurelError, TooLarge

SVG = "{http://www.w3.org/2000/svg}"
ROOT = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9"'
# What Inkscape writes around a drawing, shortened.
DRAWN = f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!-- Created with Inkscape (http://www.inkscape.org/) -->
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg {ROOT} width="90mm" height="90mm" xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"
     xmlns:sodipodi="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd" inkscape:version="1.3">
  <sodipodi:namedview id="base"><inkscape:grid type="xygrid"/></sodipodi:namedview>
  <metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">Ada's machine</rdf:RDF></metadata>
  <title>A &lt;bridge&gt; &amp; a cow</title>
  <defs>
    <linearGradient id="one"><stop offset="0" style="stop-color:#123456;stop-opacity:1"/></linearGradient>
    <linearGradient id="two" xlink:href="#one" x1="0" y1="0" x2="9" y2="9" gradientUnits="userSpaceOnUse"/>
    <clipPath id="round"><circle r="4" cx="4.5" cy="4.5"/></clipPath>
  </defs>
  <g inkscape:label="Layer 1" clip-path="url(#round)" transform="translate(1,2) rotate(45)">
    <path d="M 0,0 L 9,9 Z" style="fill:url(#two);stroke:none;-inkscape-font-specification:x;line-height:1.25"/>
    <text x="1" y="2" font-family="'Source Sans', sans-serif">Größe <tspan fill="red">zwei</tspan></text>
  </g>
</svg>
"""


def svg(inside: str = "", attributes: str = "") -> bytes:
    return f"<svg {ROOT}{attributes}>{inside}</svg>".encode()


def kept(inside: str = "", attributes: str = "") -> str:
    return sanitised(svg(inside, attributes)).decode()


def test_what_a_drawing_program_writes_looks_as_before_and_tells_nothing_beside() -> None:
    root = ElementTree.fromstring(sanitised(DRAWN.encode()))
    assert {name: root.get(name) for name in ("viewBox", "width")} == {"viewBox": "0 0 9 9", "width": "90mm"}
    assert root.findtext(f"{SVG}title") == "A <bridge> & a cow"
    path = next(root.iter(f"{SVG}path"))
    assert path.attrib == {"d": "M 0,0 L 9,9 Z", "fill": "url(#two)", "stroke": "none"}
    one, two = root.iter(f"{SVG}linearGradient")
    assert one[0].attrib == {"offset": "0", "stop-color": "#123456", "stop-opacity": "1"}
    assert two.get("href") == "#one"
    group = next(root.iter(f"{SVG}g"))
    assert (group.get("clip-path"), group.get("transform")) == ("url(#round)", "translate(1,2) rotate(45)")
    text = next(root.iter(f"{SVG}text"))
    assert ("".join(text.itertext()), text.get("font-family")) == ("Größe zwei", "'Source Sans', sans-serif")
    for gone in (b"inkscape", b"sodipodi", b"Ada", b"DOCTYPE", b"<!--", b"line-height"):
        assert gone not in sanitised(DRAWN.encode())


def test_what_was_kept_is_kept_the_same() -> None:
    once = sanitised(DRAWN.encode())
    assert sanitised(once) == once


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<script href="https://x.example/s.js"/>',
        "<style>* { fill: url(https://x.example/) }</style>",
        '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>',
        '<image href="https://x.example/i.png"/>',
        '<use href="#a"/>',
        '<a href="javascript:alert(1)"><path d="M0 0"/></a>',
        '<animate attributeName="href" values="javascript:alert(1)"/>',
        '<set attributeName="onload" to="alert(1)"/>',
        '<filter id="f"/>',
        '<pattern id="p"/>',
        '<svg viewBox="0 0 1 1"/>',
        "<g><symbol/></g>",
        '<?xml-stylesheet href="https://x.example/s.css"?>',
        f"{'<g>' * MAX_DEPTH}{'</g>' * MAX_DEPTH}",
    ],
)
def test_what_runs_moves_or_brings_others_in_is_refused(inside: str) -> None:
    with pytest.raises(Invalid) as refused:
        sanitised(svg(inside))
    assert refused.value.code == "image_not_harmless"


@pytest.mark.parametrize(
    "attributes",
    [
        ' onload="alert(1)"',
        ' ONLOAD="alert(1)"',
        ' href="javascript:alert(1)"',
        ' xlink:href="https://x.example/"',
        ' fill="url(https://x.example/#a)"',
        ' fill="URL(//x.example)"',
        ' fill="url(#a) url(//x.example)"',
        ' fill="u\\72l(//x.example)"',
        ' style="fill:url(https://x.example/)"',
        ' style="fill:/**/url(//x.example)"',
        ' style="background:url(//x.example)"',
        " style=\"fill:image-set('//x.example' 1x)\"",
        ' style="behavior:url(x.htc)"',
        ' mask="url(data:image/svg+xml,x)"',
        ' font-family="x}@import"',
        ' xml:base="https://x.example/"',
        ' id="a b"',
        ' class="planted"',
        ' data-x="alert"',
    ],
)
def test_attributes_that_lead_elsewhere_are_left_out(attributes: str) -> None:
    made = kept(f"<g{attributes}><path d='M0 0'/></g>", attributes)
    assert made == kept("<g><path d='M0 0'/></g>")


def test_another_namespace_hides_nothing() -> None:
    made = kept('<x:a xmlns:x="urn:x"><script xmlns="http://www.w3.org/2000/svg">alert(1)</script></x:a><g/>')
    assert made == kept("<g/>")
    assert kept('<metadata><script/></metadata><x:g xmlns:x="http://www.w3.org/2000/svg"/>') == kept("<g/>")


@pytest.mark.parametrize(
    "upload",
    [
        b"",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        svg()[:-3],
        svg() + b"PK\x03\x04",
        b"<svg/>",
        b"<html/>",
        b'<metadata xmlns="http://www.w3.org/2000/svg"/>',
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9"/>',
        b'<!DOCTYPE svg [<!ENTITY a "b">]>' + svg("&a;"),
        b'<!DOCTYPE svg SYSTEM "file:///etc/passwd">' + svg(),
        svg('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>').replace(b"<svg", b"<s", 1),
        b"<?xml version='1.0' encoding='nobodys'?>" + svg(),
    ],
)
def test_what_is_no_plain_svg_is_refused(upload: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        sanitised(upload)
    assert refused.value.code in ("image_unreadable", "image_not_harmless")


def test_a_drawing_that_is_too_large_is_refused_at_once() -> None:
    began = time.process_time()
    for inside in ("<g/>" * 250_000, f"<text>{'ü' * (MAX_BYTES // 2)}</text>"):
        with pytest.raises(TooLarge):
            sanitised(svg(inside))
    assert time.process_time() - began < 20


def test_no_damage_to_a_drawing_is_more_than_a_refusal() -> None:
    whole, codes = DRAWN.encode(), set()
    for place in range(0, len(whole), 17):
        for changed in (whole[:place], whole[:place] + b"<" + whole[place:], whole[:place] + b"\xff" + whole[place:]):
            try:
                sanitised(sanitised(changed))
            except LaurelError as error:
                codes.add(error.code)
    assert codes <= {"image_unreadable", "image_not_harmless"}
