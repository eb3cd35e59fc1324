"""Inputs that Hypothesis builds from nothing: bytes, JSON with our members' names, tokens, pictures chunk by chunk."""

import json
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from shared.credentials import base64url
from tests.fuzz.mutations import INTERESTING, NAMES
from tests.fuzz.run import Run
from tests.fuzz.shapes import Shape
from tests.support.pictures import a_png, an_svg, chunk, itxt

_VALUES = st.recursive(
    st.sampled_from(INTERESTING) | st.text(max_size=10) | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=6),
    max_leaves=25,
)
_JSON = st.builds(lambda value: json.dumps(value).encode(), _VALUES)
_PARTS = _JSON | st.sampled_from([b'{"alg":"EdDSA","typ":"vc+jwt"}', b'{"alg":"ES256","kid":"#1"}', b"{}"])
_TOKENS = st.builds(
    lambda parts: b".".join(base64url.encode(part).encode() for part in parts), st.lists(_PARTS, min_size=1, max_size=5)
)
_CHUNKS = st.builds(
    chunk, st.sampled_from([b"iTXt", b"tEXt", b"IHDR", b"IEND", b"abcd"]), st.binary(max_size=40)
) | st.builds(itxt, _JSON | _TOKENS, st.sampled_from([b"openbadgecredential", b"openbadges"]), st.binary(max_size=4))
_PNGS = st.builds(lambda chunks, behind: a_png(*chunks, behind=behind), st.lists(_CHUNKS, max_size=4), st.binary())
_ELEMENTS = st.sampled_from(
    [
        "<openbadges:credential>",
        "</openbadges:credential>",
        "<openbadges:credential verify='e30.e30.e30'/>",
        "<![CDATA[",
        "]]>",
        "{}",
        "<g>",
        "</g>",
        "<?x y?>",
        "<!-- -->",
        "&lt;",
        "&#1;",
        "&e;",
        "x",
    ]
)
_SVGS = st.builds(lambda parts: an_svg(*parts), st.lists(_ELEMENTS, max_size=8))
_FILES = st.binary(max_size=300) | _JSON | _TOKENS | _PNGS | _SVGS
INPUTS: st.SearchStrategy[tuple[Shape, bytes]] = st.one_of(
    st.tuples(st.just(Shape("generated file", b"")), _FILES),
    st.tuples(st.just(Shape("generated status list", b"", "status list")), _JSON | _TOKENS),
    st.tuples(st.just(Shape("generated controller", b"", "controller")), _JSON),
)


def run_generated(count: int, number: int) -> Run:
    """Send so many generated inputs through the readers, the same ones for the same number."""
    run = Run()

    @seed(number)
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(INPUTS)
    def feed(given_: tuple[Shape, Any]) -> None:
        run.feed(*given_)

    feed()
    return run
