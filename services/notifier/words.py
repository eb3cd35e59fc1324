"""The languages that mails are written in: a folder each of templates/mail, with its words and its templates.

A language is added by adding a folder: `words.json` with the members of the English one, and those templates that there
are; what is missing is sent in English.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from babel.dates import format_date

from services.notifier.domain import ENGLISH

FOLDER = Path(__file__).parent / "templates" / "mail"


@cache
def languages() -> tuple[str, ...]:
    """Return the languages that there are, by their tags (RFC 5646)."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/words.json")))


@cache
def words(language: str) -> Mapping[str, Any]:
    """Return the words of one of `languages()`."""
    found: Mapping[str, Any] = json.loads((FOLDER / language / "words.json").read_text())
    return found


def spoken(language: str | None) -> str:
    """Return `language` where it is one of `languages()`, else English."""
    return language if language in languages() else ENGLISH


@lru_cache(256)
def day(instant: datetime, language: str = ENGLISH) -> str:
    """Return a date for people (`26 November 2026`, `26. November 2026`), in UTC."""
    return format_date(instant.astimezone(UTC), "long", locale="en_GB" if language == ENGLISH else language)
