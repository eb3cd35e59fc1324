"""A stranger's words in a sentence of ours: between quotation marks, which nothing in them can end."""

import re
import unicodedata

MAX_CHARACTERS = 120
# Of a text without end nothing but its beginning is read.
_ENOUGH = 4 * MAX_CHARACTERS

# Unicode's property Quotation_Mark (PropList.txt) but for apostrophes, and what looks like one of them.
_MARKS = re.compile(
    '["«»‘‚‛“”„‟‹›⹂「-』〝-〟﹁-﹄＂｢｣\u02ba\u02dd\u02ee\u05f4\u2033\u2034\u2036\u2037\u2057\u3003\u275b-\u2760]'
)
# One within a word stays, as in King's College; two of them would look like the end of the quotation.
_LONE_APOSTROPHES = re.compile(r"(?<!\w)['’＇`´]|['’＇`´](?!\w)")


# Bidirectional controls (Unicode TR9), and characters that are part of a text without being seen. The joiners of
# scripts and emoji are among them: a name that needs one is worth a second look too.
_CONCEALING = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\U000e0000-\U000e0fff]"
)


def conceals(text: str) -> bool:
    """Tell whether a text holds characters that nobody sees or that turn its direction: it may not be what it seems."""
    return _CONCEALING.search(text) is not None


def quoted(text: str) -> str:
    """Return a stranger's text as `“…”`: on one line, cut short, without marks that could end the quotation.

    Characters that are not seen, that turn the direction of text or that begin a line are left out.
    """
    seen = "".join(each for each in " ".join(text[:_ENOUGH].split()) if each.isprintable())
    plain = _LONE_APOSTROPHES.sub("", _MARKS.sub("", unicodedata.normalize("NFC", seen)))
    return f"“{plain[:MAX_CHARACTERS].strip()}”"
