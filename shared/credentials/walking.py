"""Going through a document: level by level, or value by value with the place where each stands."""

from collections.abc import Collection, Iterator
from typing import Any

Place = tuple[Any, str | int] | None
"""Where something stands: the place around it, and its member's name or item's number; None is the document itself."""


def levels(values: list[Any]) -> Iterator[list[Any]]:
    """Give some values, then those directly inside of them, and so on as long as there are any; each when asked for."""
    while values:
        yield values
        values = [
            child
            for value in values
            if isinstance(value, list | dict)
            for child in (value.values() if isinstance(value, dict) else value)
        ]


def within(value: Any, place: Place = None, *, without: Collection[str] = ()) -> Iterator[tuple[Place, Any]]:
    """Give a value, and all that is inside it but what members of the names `without` hold, each with its place.

    It calls itself for each level: how deep a document may be has been looked at before.
    """
    yield place, value
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from within(item, (place, index), without=without)
    elif isinstance(value, dict):
        for name, member in value.items():
            if name not in without:
                yield from within(member, (place, name), without=without)


def path_of(place: Place) -> str:
    """Return a place as people write it: `credentialSubject.result[0].value`."""
    path = ""
    while place is not None:
        place, last = place
        path = f"[{last}]{path}" if isinstance(last, int) else f".{last}{path}"
    return path.removeprefix(".")
