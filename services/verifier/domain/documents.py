"""Takes a badge out of what somebody sent, and says in plain words what stands there instead of one."""

import re
from typing import Any

from shared.credentials.errors import CredentialError
from shared.credentials.strict_json import read_json
from shared.errors import Invalid, Malformed

Document = dict[str, Any]

PAGE = "a web page"
# What files begin with, whatever their names say.
_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"%PDF-": "a PDF document",
    b"PK\x03\x04": "a ZIP archive",
}
_PAGE_BEGINNINGS = (b"<!doctype html", b"<html", b"<head", b"<body")
_TOKEN = re.compile(rb"eyJ[\w.~-]+")  # a JSON object in base64url, as a JWT's header is
# Where what a document is shows, if it does at all.
_HEAD_BYTES = 4096


def kind_of(raw: bytes) -> str | None:
    """Return what `raw` is by its content, as a noun for people; None where it may be JSON."""
    for beginning, kind in _BEGINNINGS.items():
        if raw.startswith(beginning):
            return kind
    text = raw.removeprefix(b"\xef\xbb\xbf").strip()
    if text.startswith(b"<"):
        return _markup(text[:_HEAD_BYTES].lower())
    return "a signed token (JWT)" if _TOKEN.fullmatch(text) else None


def read_document(raw: bytes) -> Document:
    """Return the badge that `raw` is.

    Raises Invalid (`nothing_given`, `format_not_read`, `not_a_badge`) or Malformed (`too_large`, `malformed`).
    """
    if not raw.strip():
        raise Invalid("nothing_given", "There is nothing in it.")
    kind = kind_of(raw)
    if kind == PAGE:
        raise Invalid("format_not_read", "This is a web page, not a badge file.")
    if kind is not None:
        raise Invalid("format_not_read", f"This is {kind}. Badges of this kind are not read here yet.")
    try:
        document = read_json(raw)
    except CredentialError as error:
        raise Malformed(error.code, error.detail) from error
    if not isinstance(document, dict):
        raise Invalid("not_a_badge", "This is JSON, but no badge: a badge is one JSON object.")
    return document


def _markup(head: bytes) -> str:
    if b"<svg" in head and not head.startswith(_PAGE_BEGINNINGS):
        return "a picture (SVG)"
    return PAGE if head.startswith(_PAGE_BEGINNINGS) else "a document in XML"
