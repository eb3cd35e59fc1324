"""The elements of a European micro-credential, in the one order in which every page shows them.

It is that of the Council Recommendation 2022/C 243/02, annex I: first those that it wants stated always, then those
that may be stated. Elements that a badge does not state are not shown.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from babel import Locale, UnknownLocaleError

from services.registry.domain.badge import Badge
from services.registry.domain.foreign import text_of
from services.registry.domain.parts import results

Value = str | list[str] | datetime
_ENGLISH = Locale("en")

_SUPERVISION = {"none": "Not supervised", "online": "Supervised online", "onsite": "Supervised on site"}
_PARTICIPATION = {"online": "Online", "onsite": "On site", "blended": "Blended", "work-based": "Work-based"}


class Element(NamedTuple):
    """One element: what it is called, and how it is read from a badge."""

    label: str
    read: Callable[[Badge], Value | None]


def stated(badge: Badge) -> list[tuple[str, Value]]:
    """Return the elements that a badge states, each with its value."""
    return [(element.label, value) for element in ELEMENTS if (value := element.read(badge))]


def country(code: str | None) -> str | None:
    """Return a country by its English name; a code that nobody knows stays as it is."""
    return _ENGLISH.territories.get(code, code) if code else None


def language(tag: str | None) -> str | None:
    """Return a language by its English name; a tag that nobody knows stays as it is."""
    if not tag:
        return None
    try:
        return Locale.parse(tag, sep="-").get_display_name(_ENGLISH) or tag
    except (UnknownLocaleError, ValueError):
        return tag


def _micro(badge: Badge, name: str) -> Any:
    elements = (badge.achievement or {}).get("micro_credential")
    return elements.get(name) if isinstance(elements, Mapping) else None


def _micro_text(name: str) -> Callable[[Badge], str | None]:
    def read(badge: Badge) -> str | None:
        found = _micro(badge, name)
        return found if isinstance(found, str) else None

    return read


def _in_words(name: str, words: Mapping[str, str]) -> Callable[[Badge], str | None]:
    def read(badge: Badge) -> str | None:
        found = _micro_text(name)(badge)
        return words.get(found, found) if found else None

    return read


def _text(name: str) -> Callable[[Badge], str | None]:
    return lambda badge: text_of(badge.achievement, name)


def _outcomes(badge: Badge) -> list[str] | None:
    found = _micro(badge, "learning_outcomes")
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else None


def _workload(badge: Badge) -> str | None:
    ects, hours = (badge.achievement or {}).get("creditsAvailable"), _micro(badge, "workload_hours")
    parts = (_amount(ects, "ECTS credit"), _amount(hours, "hour"))
    return ", ".join(part for part in parts if part) or None


def _amount(number: object, unit: str) -> str | None:
    if not isinstance(number, int | float) or not number:
        return None
    return f"{number:g} {unit}{'' if number == 1 else 's'}"


def _level(badge: Badge) -> str | None:
    level = _micro(badge, "eqf_level")
    return f"Level {level} of the European Qualifications Framework (EQF)" if level else None


def _identity_check(badge: Badge) -> str | None:
    parts = (_in_words("supervision", _SUPERVISION)(badge), _micro_text("identity_check")(badge))
    return "; identity: ".join(part for part in parts if part) or None


def _grade(badge: Badge) -> list[str] | None:
    return [f"{each['name']}: {value}" for each in results(badge) for value in each["reached"] if value]


ELEMENTS = (
    # to be stated always
    Element("Learner", lambda badge: badge.learner),
    Element("Title", lambda badge: text_of(badge.achievement, "name")),
    Element("Country of the issuer", lambda badge: country(_micro_text("country")(badge))),
    Element("Awarding body", lambda badge: badge.institution.name if badge.institution else None),
    Element("Date of issuing", lambda badge: badge.issued_at),
    Element("Learning outcomes", _outcomes),
    Element("Notional workload", _workload),
    Element("Level", _level),
    Element("Type of assessment", _micro_text("assessment_type")),
    Element("Form of participation", _in_words("participation", _PARTICIPATION)),
    Element("Quality assurance", _micro_text("quality_assurance")),
    # may be stated; for prerequisites and for stackability an achievement has no member yet
    Element("Supervision and identity check", _identity_check),
    Element("Grade", _grade),
    Element("Language", lambda badge: language(text_of(badge.achievement, "inLanguage"))),
    Element("Type of achievement", _text("achievementType")),
    Element("Field of study", _text("fieldOfStudy")),
    Element("Specialization", _text("specialization")),
    Element("Code", _text("humanCode")),
)
