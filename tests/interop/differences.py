"""Where other programs and ours disagree, and why; docs/interop.md tells more of each."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# As JSON writes them: what canonical N-Quads of RDFC-1.0 escape, and those of its forerunner do not.
_CONTROL = re.compile(r"\\(?:[tbf]|u00)|\x7f")

ALTERED_ACCEPTED = "its altered copy was accepted"


@dataclass(frozen=True)
class Difference:
    """A badge that one side signed and the other did not find good, or one that was altered and found good."""

    peer: str
    suite: str
    said: str
    badge: dict[str, Any]


def explanation(difference: Difference) -> str | None:
    """Return why the two sides do not agree on a badge, None where nobody knows."""
    if difference.said == ALTERED_ACCEPTED:
        return None
    return next((why for applies, why in _KNOWN if applies(difference)), None)


def _tiny_number(difference: Difference) -> bool:
    credits_ = difference.badge["credentialSubject"]["achievement"].get("creditsAvailable", 1)
    by_statements = "rdfc" in difference.suite or difference.suite.startswith("Ed25519")
    return by_statements and 0 < credits_ < 1e-6


def _control_character(difference: Difference) -> bool:
    old = difference.peer == "dcc" and difference.suite == "Ed25519Signature2020"
    return old and _CONTROL.search(json.dumps(difference.badge, ensure_ascii=False)) is not None


_KNOWN: tuple[tuple[Callable[[Difference], bool], str], ...] = (
    (_tiny_number, "jsonld.js writes 1e-7 as 0"),
    (_control_character, "rdf-canonize 3 leaves control characters as they are"),
)
