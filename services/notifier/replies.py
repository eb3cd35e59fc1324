"""Reads what mail servers answer: whether nobody reads there, or not now, or whether we are not wanted."""

import re
from typing import Literal

from services.notifier.domain import Answer

# RFC 3463 section 2: class, subject, detail, at the beginning of the text.
_ENHANCED = re.compile(r"[245]\.(\d{1,3})\.(\d{1,3})(?!\d)")
# RFC 3463 sections 3.2 and 3.3, RFC 7505 section 4.1 (1.10): no such mailbox, none there any more, no mail taken there.
_NOBODY = frozenset({(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)})
_FULL = (2, 2)
_POLICY, _CONTENT = 7, 6
# RFC 5321 section 4.2.3: mailbox unavailable, user not local, mailbox name not allowed.
_NOBODY_PLAIN = frozenset({550, 551, 553})

Stage = Literal["recipient", "content"]


def read_reply(code: int, text: str, stage: Stage, address: bytes) -> Answer:
    """Read a refusal of one recipient, or of the mail for that one; `address` is the digest of the recipient.

    5xx holds for good, anything else for now (RFC 5321 section 4.2.1). Only what says that nobody reads there counts as
    a bounce: refusals of us, of what we write or of how it is routed say nothing about the mailbox. The text is read
    for its code and kept nowhere: it may quote the address.
    """
    found = _ENHANCED.match(text.strip())
    detail = (int(found[1]), int(found[2])) if found else None
    word = _word(detail, stage)
    if code < 500 or detail == _FULL:
        return Answer("retry", code, word)
    if _nobody(code, detail, stage):
        return Answer("refused", code, word, bounced=address, disable="gone")
    return Answer("refused", code, word)


def _nobody(code: int, detail: tuple[int, int] | None, stage: Stage) -> bool:
    if detail is not None:
        return detail in _NOBODY
    return stage == "recipient" and code in _NOBODY_PLAIN


def _word(detail: tuple[int, int] | None, stage: Stage) -> str:
    if detail == _FULL:
        return "mailbox_full"
    if detail is not None and detail[0] == _POLICY:
        return "policy_refused"
    if detail is not None and detail[0] == _CONTENT:
        return "content_refused"
    return f"{stage}_refused"
