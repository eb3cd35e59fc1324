"""Whether a badge's results are such as its achievement describes (Open Badges 3.0, sections B.1.16 and B.1.17)."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

Found = Iterator[tuple[str, str]]
"""Paths below the subject, and what is said of them."""


def problems(subject: Mapping[str, Any]) -> Found:
    """Yield what is wrong with a subject's results, and with what its achievement says of them.

    Looks only at what is in its form: what is not, others tell. Never raises.
    """
    achievement = subject.get("achievement")
    described = _objects(achievement.get("resultDescription")) if isinstance(achievement, dict) else []
    for index, description in described:
        path = f"achievement.resultDescription[{index}]"
        yield from ((f"{path}.{name}", said) for name, said in _of_description(description))
    by_id = {each["id"]: each for _, each in described if isinstance(each.get("id"), str)}
    for index, result in _objects(subject.get("result")):
        yield from ((f"result[{index}].{name}", said) for name, said in _of_result(result, by_id))


def _of_description(description: Mapping[str, Any]) -> Found:
    levels = _level_ids(description)
    if description.get("resultType") == "RubricCriterionLevel" and not levels:
        yield "rubricCriterionLevel", "is missing: results of this type are levels of a rubric."
    if description.get("requiredLevel", next(iter(levels), None)) not in (*levels, None):
        yield "requiredLevel", "is none of the levels described beside it."
    if not _is_allowed(description.get("requiredValue"), description):
        yield "requiredValue", "is not among the values that may be asserted."


def _of_result(result: Mapping[str, Any], by_id: Mapping[str, Mapping[str, Any]]) -> Found:
    named = result.get("resultDescription")
    if not isinstance(named, str):
        return
    if named not in by_id:
        yield "resultDescription", "is none of those that the achievement has."
        return
    description = by_id[named]
    if description.get("resultType") == "Status" and "status" not in result:
        yield "status", "is missing: its description says that this result is a status."
    if description.get("resultType") == "RubricCriterionLevel" and "achievedLevel" not in result:
        yield "achievedLevel", "is missing: its description says that this result is a level of a rubric."
    if "achievedLevel" in result and result["achievedLevel"] not in _level_ids(description):
        yield "achievedLevel", "is none of the levels that its description has."
    if not _is_allowed(result.get("value"), description):
        yield "value", "is not among the values that its description allows."


def _is_allowed(value: Any, description: Mapping[str, Any]) -> bool:
    """Tell whether a value is one of those allowed, and within the bounds where it can be compared with them."""
    if not isinstance(value, str):
        return True
    allowed = description.get("allowedValue")
    if isinstance(allowed, list) and allowed and value not in allowed:
        return False
    number, low, high = map(_number, (value, description.get("valueMin"), description.get("valueMax")))
    if number is None:
        return True
    return (low is None or low <= number) and (high is None or number <= high)


def _number(text: Any) -> Decimal | None:
    try:
        number = Decimal(text) if isinstance(text, str) and len(text) <= 100 else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None


def _level_ids(description: Mapping[str, Any]) -> list[str]:
    levels = _objects(description.get("rubricCriterionLevel"))
    return [each["id"] for _, each in levels if isinstance(each.get("id"), str)]


def _objects(values: Any) -> list[tuple[int, Mapping[str, Any]]]:
    return [
        (index, each) for index, each in enumerate(values if isinstance(values, list) else ()) if isinstance(each, dict)
    ]
