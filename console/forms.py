"""Forms that browsers send to this console's own pages."""

from urllib.parse import parse_qs

from fastapi import Request

from shared.errors import Forbidden, Malformed, TooLarge

# A key and an address.
MAX_FORM_BYTES = 4096


async def read_form(request: Request, max_bytes: int = MAX_FORM_BYTES) -> dict[str, str]:
    """Return a form's fields, of each the first value. Raises Malformed, TooLarge."""
    body = await request.body()
    if len(body) > max_bytes:
        raise TooLarge("form_too_large", f"The form has at most {max_bytes} bytes.")
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=20)
    except ValueError as error:
        raise Malformed("form_malformed", "This is no form of ours.") from error
    return {name: values[0] for name, values in fields.items()}


def refuse_others(request: Request) -> None:
    """Raise Forbidden where a page of another origin sends the form (Fetch Metadata), this host's other ports too."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("another_sites_form", "Only this site's own pages send its forms.")


def is_https(request: Request) -> bool:
    """Tell whether the browser came by https; a proxy in front says so, and whoever lies harms his own cookie alone."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
