"""Header lines made of names that strangers chose: they say what they say, and nothing in them is obeyed."""

import re
from email.header import Header
from email.policy import EmailPolicy
from functools import lru_cache
from typing import Any

# Nobody reads further, and a header line may not grow without end (RFC 5322 section 2.1.1).
MAX_HEADER_TEXT = 150
# Words that need neither quotes nor encoding before an address (RFC 5322 section 3.2.3, the usual ones).
_WORDS = re.compile(r"[A-Za-z0-9 '-]+")
# Characters that turn the reading direction: in a name they could show another one.
_TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# Control characters and line breaks: Unicode's categories Cc, Zl and Zp.
_BREAKING = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]))
_ON_ONE_LINE = str.maketrans(_BREAKING, " " * len(_BREAKING), _TURNING)
_BREAK = "\r\n"


class AsSet(EmailPolicy):
    """Writes headers as they were set, and does not read them.

    What the email package does by itself is to read them first: it turns encoded words (RFC 2047) into what they stand
    for, line breaks too, and forgets quotes when it folds. Either lets a name add headers, a body or another sender.
    And it reads them again at each look, which took most of a mail's time.
    """

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """Take `value` for what it is."""
        return name, value

    def header_fetch_parse(self, name: str, value: Any) -> Any:
        """Give `value` back."""
        return value

    def header_max_count(self, name: str) -> None:
        """Any number: to know it, a class would be made for each header."""


POLICY = AsSet(
    linesep=_BREAK,
    refold_source="none",
    cte_type="7bit",  # every server takes it; which of them take more would have to be asked
)


def one_line(text: str) -> str:
    """Return `text` without line breaks, control characters and turned reading, so that it can't pose as more."""
    return " ".join(text.translate(_ON_ONE_LINE).split())


# A cohort's mails have one subject and one sender.
@lru_cache(64)
def subject(text: str) -> str:
    """Return the value of a Subject header, folded, encoded (RFC 2047) where it is not ASCII."""
    return Header(_shown(text), header_name="Subject").encode(linesep=_BREAK)


@lru_cache(64)
def sender(on_behalf: str | None, address: str) -> str:
    """Return the value of a From header: for whom Laurel writes, encoded unless the words are plain, and `address`."""
    words = f"{_shown(on_behalf)} via Laurel" if on_behalf else "Laurel"
    value = Header(words, None if _WORDS.fullmatch(words) else "utf-8", header_name="From")
    value.append(f"<{address}>", "us-ascii")
    return value.encode(linesep=_BREAK)


def _shown(text: str) -> str:
    # An encoded word within an encoded one means nothing here, but whoever reads or passes it on may decode twice.
    line = one_line(text).replace("=?", "= ?")
    return line if len(line) <= MAX_HEADER_TEXT else line[: MAX_HEADER_TEXT - 1] + "…"
