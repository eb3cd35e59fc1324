"""Reads forms as browsers send them (multipart/form-data, RFC 7578), with one file at most."""

from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from shared.errors import Malformed, UnsupportedMedia

MULTIPART = "multipart/form-data"


@dataclass(frozen=True)
class SentFile:
    """A file of a form; a browser sends an empty one without a name where none was chosen."""

    name: str
    content: bytes


async def read_form(request: Request, max_fields: int) -> list[tuple[str, str | SentFile]]:
    """Return a form's fields in their order. Raises Malformed, UnsupportedMedia."""
    kind = request.headers.get("content-type", "").lower()
    # A browser's form is in the page's own encoding, UTF-8, and names none.
    if not kind.startswith(MULTIPART) or "charset" in kind:
        raise UnsupportedMedia("form_not_taken", f"A form is taken as browsers send it ({MULTIPART}).")
    await request.body()  # keeps it for the Idempotency-Key's digest: a form takes its bytes away as it reads them
    try:
        async with request.form(max_files=1, max_fields=max_fields) as form:
            return [(name, await _value(value)) for name, value in form.multi_items()]
    except HTTPException as error:
        raise Malformed("form_malformed", "The form could not be read.") from error


async def _value(value: str | UploadFile) -> str | SentFile:
    return value if isinstance(value, str) else SentFile(value.filename or "", await value.read())
