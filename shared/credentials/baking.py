"""What baked pictures of both kinds have in common: what may be put into one, and what is taken out.

Source: Open Badges 3.0, section "Baked Badge"; the older form is that of the Open Badges 2.0 Baking Specification.
"""

import re
from dataclasses import dataclass
from typing import Literal

from shared.credentials.errors import CredentialError
from shared.credentials.strict_json import read_json

Generation = Literal["3.0", "2.0"]

# What JSON and XML both take for white space.
BLANKS = " \t\r\n"
# What begins like a JSON object in base64url, as the header of every token does.
_COMPACT_JWS = re.compile(r"e[wy][\w-]*(?:\.[\w-]+){2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Baked:
    """The text that a picture holds, as yet unread, and the generation of Open Badges that its place there names."""

    text: str
    generation: Generation


def is_token(content: str) -> bool:
    """Tell whether a text is a compact JWS by its form (RFC 7515 section 7.1); nothing of it is decoded."""
    return _COMPACT_JWS.fullmatch(content) is not None


def refuse_other_content(content: str) -> None:
    """Raise CredentialError (`malformed`, `too_large`, `not_a_badge`) unless a text is a compact JWS or JSON object."""
    if not is_token(content) and not isinstance(read_json(content.encode("utf-8", "surrogatepass")), dict):
        raise CredentialError("A badge is a signed token or one JSON object.", "not_a_badge")
