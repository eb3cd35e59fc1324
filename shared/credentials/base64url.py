"""Base64url without padding (RFC 7515 section 2), read in its one spelling alone."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from shared.credentials.errors import CredentialError


def encode(raw: bytes) -> str:
    """Return bytes as base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: Any, longest: int) -> bytes:
    """Return the bytes of base64url of at most `longest` characters; raises CredentialError `malformed` otherwise.

    A second spelling of the same bytes is refused: what is signed is the text, and two readers must agree on it.
    """
    if not isinstance(text, str) or len(text) > longest or not text.isascii():
        raise _malformed()
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise _malformed() from None
    if encode(raw) != text:
        raise _malformed()
    return raw


def _malformed() -> CredentialError:
    return CredentialError("A part is not base64url without padding.", "malformed")
