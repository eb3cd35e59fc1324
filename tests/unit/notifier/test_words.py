"""Every language has what the English one has, and dates of its own."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from services.notifier.payloads import TYPES
from services.notifier.words import FOLDER, day, languages, spoken, words


def members(value: Any, path: str = "") -> Iterator[str]:
    """The places of all texts in a language's words."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from members(inner, f"{path}/{name}")
    else:
        yield path


@pytest.mark.parametrize("language", languages())
def test_a_language_has_all_words_and_all_templates(language: str) -> None:
    assert set(members(words(language))) == set(members(words("en")))
    assert set(words(language)["events"]) == set(TYPES)
    english = {path.name for path in (FOLDER / "en").glob("*.txt")}
    assert {path.name for path in (FOLDER / language).glob("*.txt")} == english


def test_dates_are_written_as_people_of_that_language_write_them() -> None:
    instant = datetime(2026, 3, 26, 23, tzinfo=UTC)
    assert (day(instant), day(instant, "de")) == ("26 March 2026", "26. März 2026")


@pytest.mark.parametrize("language", [None, "xx", "../en", ""])
def test_a_language_that_there_is_not_is_english(language: str | None) -> None:
    assert spoken(language) == "en"
