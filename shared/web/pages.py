"""What every page for people is made of: templates on one base, one style sheet, headers under which nothing runs.

pages = Pages("services.verifier")
return pages.page("verify.html", report=report)

Templates extend `base.html`. Text that strangers chose goes through the filter `foreign`, which isolates its direction;
Markdown through `markdown`. A page loads nothing from elsewhere, sets no cookie and has no script of its own inline.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import nh3
from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from shared.credentials.quoting import conceals
from shared.errors import NotFound

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # A page's address may be a learner's private link: no other site learns it.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}

# Of one text; a criteria's narrative may have 10,000 characters, most of which are prose.
MAX_MARKDOWN = 10_000
MAX_MARKS = 1_000
_MARKS = re.compile(r"[\[\]()*_`<>!|&\\~^:#-]|\n")
# The elements that Markdown makes; no pictures, which would tell a stranger's server who reads.
_TAGS = {
    "a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "strong", "ul",
}  # fmt: skip
_LINKS = {"http", "https", "mailto"}
# Explicit directional embeddings, overrides and isolates (Unicode TR9, section 2).
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_markdown = MarkdownIt("commonmark", {"html": False}).disable("image")

assets = APIRouter(include_in_schema=False)


class Pages:
    """The pages of one package: its `templates` folder, over the common ones."""

    def __init__(self, package: str) -> None:
        self._templates = Environment(
            loader=ChoiceLoader([PackageLoader(package), PackageLoader("shared.web")]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "foreign": foreign, "unturned": unturned, "markdown": markdown, "day": day, "moment": moment,
            "conceals": conceals,
        }  # fmt: skip
        self._templates.globals["asset"] = asset

    def page(self, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **said: Any) -> Response:
        """Render `template`; `headers` come on top of HEADERS."""
        text = self._templates.get_template(template).render(said)
        return HTMLResponse(text, status, headers={**HEADERS, **(headers or {})})


def foreign(text: object) -> Markup:
    """Return a stranger's text as HTML whose direction ends with it, and a warning where it holds what nobody sees.

    Characters that turn the direction are shown by their numbers: an isolate that is opened or closed in the text would
    take the element's own end for its, and turn what follows.
    """
    shown = Markup("<bdi>{}</bdi>").format(unturned(text))
    if not conceals(str(text)):
        return shown
    return shown + Markup(' <span class="conceals" role="note">(holds characters that are not seen)</span>')


def unturned(text: object) -> str:
    """Return a text for titles and attributes, in which characters that turn its direction stand by their numbers."""
    return _TURNING.sub(lambda found: f"‹U+{ord(found.group()):04X}›", str(text))


def markdown(text: str) -> Markup:
    """Return a stranger's Markdown as harmless HTML: no raw HTML, no pictures, links with http, https or mailto alone.

    Headings begin below the page's own. What is too long, or has too many marks (some of them cost their number's
    square), is shown as the text it is.
    """
    if len(text) > MAX_MARKDOWN or len(_MARKS.findall(text)) > MAX_MARKS:
        return Markup('<div class="prose" dir="auto"><p class="text">{}</p></div>').format(text)
    return Markup('<div class="prose" dir="auto">{}</div>').format(_rendered(text))


@lru_cache(256)
def _rendered(text: str) -> Markup:
    tokens = _markdown.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
    made = _markdown.renderer.render(tokens, _markdown.options, {})
    clean = nh3.clean(
        made,
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes=_LINKS,
        link_rel="nofollow noopener noreferrer",
    )
    return Markup(clean)  # noqa: S704  # nh3 has cleaned it


def day(instant: datetime | str) -> Markup:
    """Return a date for people (`26 November 2026`), in UTC, that programs can read too."""
    time = _instant(instant)
    return Markup('<time datetime="{}">{}</time>').format(time.isoformat(), f"{time.day} {time:%B %Y}")


def moment(instant: datetime | str) -> Markup:
    """Return a time for people, to the second, in UTC."""
    time = _instant(instant)
    text = f"{time.day} {time:%B %Y, %H:%M:%S} UTC"
    return Markup('<time datetime="{}">{}</time>').format(time.isoformat(), text)


def wants_page(accept: str | None) -> bool:
    """Tell whether an Accept header is a browser's: programs that want JSON do not ask for HTML."""
    return "text/html" in (accept or "")


@cache
def asset(name: str) -> str:
    """Return the address of a file of `static`; it changes with the file, so that browsers may keep it."""
    return f"/static/{name}?v={sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


@assets.get("/static/{name}")
async def static(name: str) -> Response:
    """A file that pages load."""
    content = _files().get(name)
    if content is None:
        raise NotFound("file_not_found", "There is no such file.")
    return Response(
        content,
        media_type=MEDIA_TYPES[Path(name).suffix],
        headers={"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"},
    )


@cache
def _files() -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in MEDIA_TYPES}


def _instant(instant: datetime | str) -> datetime:
    time = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return time.astimezone(UTC)
