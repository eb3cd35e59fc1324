"""What is signed of a verifier's receipt, for who makes one and for who checks it."""

from collections.abc import Mapping
from typing import Any

from shared.credentials.canonical import jcs

# What is signed begins with this, so that no signature for something else can pass for a receipt's.
SIGNED = b"laurel receipt v1\n"


def signed_form(receipt: Mapping[str, Any]) -> bytes:
    """Return the bytes under a receipt's signature: SIGNED, and the RFC 8785 form of all but the signature.

    Raises MalformedJson for what has no such form.
    """
    return SIGNED + jcs({name: value for name, value in receipt.items() if name != "signature"})
