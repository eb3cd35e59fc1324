"""Takes a badge out of what somebody sent, and says in plain words what stands there instead of one."""

from typing import Any

from shared.credentials.containers import Given, unpack
from shared.credentials.errors import CredentialError
from shared.credentials.scanned import link_in
from shared.errors import Invalid, LaurelError, Malformed

Document = dict[str, Any]
Badge = Document | str
"""A badge as it is checked: its JSON document, or the text of its token."""

PAGE = "a web page"
# What files begin with, whatever their names say.
_BEGINNINGS = {b"%PDF-": "a PDF document", b"PK\x03\x04": "a ZIP archive"}
_PAGE_BEGINNINGS = (b"<!doctype html", b"<html", b"<head", b"<body")
# Where what a document is shows, if it does at all.
_HEAD_BYTES = 4096
# In which a file is wrong; every other finding is of a readable file that is no badge.
_MALFORMED = ("malformed", "malformed_picture", "too_large")


def kind_of(raw: bytes) -> str | None:
    """Return what `raw` is by its content, as a noun for people; None where it may be a badge."""
    for beginning, kind in _BEGINNINGS.items():
        if raw.startswith(beginning):
            return kind
    text = raw.removeprefix(b"\xef\xbb\xbf").strip()
    return _markup(text[:_HEAD_BYTES].lower()) if text.startswith(b"<") else None


def refuse_other_kinds(raw: bytes) -> None:
    """Raise Invalid (`nothing_given`, `format_not_read`) for what is no badge by its first bytes."""
    if not raw.strip():
        raise Invalid("nothing_given", "There is nothing in it.")
    kind = kind_of(raw)
    if kind == PAGE:
        raise Invalid("format_not_read", "This is a web page, not a badge file.")
    if kind is not None:
        raise _not_read(kind)


def given_in(raw: bytes) -> Given:
    """Return the credential that `raw` is or holds.

    Raises Invalid (`nothing_given`, `format_not_read`, `not_a_badge`, `no_badge_inside`, `ambiguous_badge`) or
    Malformed (`too_large`, `malformed`, `malformed_picture`).
    """
    refuse_other_kinds(raw)
    try:
        return unpack(raw)
    except CredentialError as error:
        raise unreadable(error.code, error.detail) from error


def link_of(text: str) -> str | None:
    """Return the link that a text is, None for any other text; raises Invalid (`wallet_link`)."""
    try:
        return link_in(text)
    except CredentialError as error:
        raise unreadable(error.code, error.detail) from error


def badge_of(given: Given) -> Badge:
    """Return the credential that was given, in either form."""
    return given.document if given.document is not None else given.token or ""


def unreadable(code: str, detail: str) -> LaurelError:
    """Return the error that tells of a finding in a file from which no credential can be taken."""
    return (Malformed if code in _MALFORMED else Invalid)(code, detail)


def _not_read(kind: str) -> Invalid:
    return Invalid("format_not_read", f"This is {kind}. Badges of this kind are not read here yet.")


def _markup(head: bytes) -> str | None:
    if b"<svg" in head and not head.startswith(_PAGE_BEGINNINGS):
        return None
    return PAGE if head.startswith(_PAGE_BEGINNINGS) else "a document in XML"
