"""Which form of a badge an Accept header asks for (RFC 9110 section 12.5.1)."""

from collections.abc import Collection

from shared.web.pages import wants_page

PAGE, RECORD = "text/html", "application/json"
DOCUMENT = "application/vc"
# A badge as a token, by the token's profile. That of Open Badges has no name of its own.
TOKENS = {"vc+jwt": "application/vc+jwt", "ob3-jwt": "application/jwt"}
VARY = {"Vary": "Accept"}
# What the signed document is called by those who ask for it.
DOCUMENTS = (DOCUMENT, "application/vc+ld+json", "application/ld+json")


def chosen(accept: str | None) -> str:
    """Return the media type to answer with: of what is named and offered, the most wanted, or the first of them.

    A browser, and whoever names nothing that is offered, gets the page.
    """
    return PAGE if wants_page(accept) else preferred(accept, (RECORD, *DOCUMENTS, *TOKENS.values())) or PAGE


def preferred(accept: str | None, offered: Collection[str]) -> str | None:
    """Return the most wanted of the media types that are named and offered, or the first of them; None: none is."""
    wanted = sorted(map(_weighed, (accept or "").split(",")), key=lambda each: -each[1])
    return next((media for media, weight in wanted if weight > 0 and media in offered), None)


def _weighed(media_range: str) -> tuple[str, float]:
    media, *parameters = (part.strip().lower() for part in media_range.split(";"))
    weights = [value for name, _, value in (each.partition("=") for each in parameters) if name == "q"]
    try:
        return media, float(weights[0]) if weights else 1.0
    except ValueError:
        return media, 0.0
