"""How a document of a known structure is read: which of its values go into the canonical form, and as what."""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from shared.credentials.rdf_canon import escape, needs_escape

# IRIs that expansion leaves as they are: absolute, with a scheme that no pinned context uses as a term, and of the
# characters that jsonld.py takes.
PLAIN_SCHEMES = ("https", "http", "did", "urn", "mailto", "tel", "data")
_PLAIN_IRIS = re.compile(rf"(?:(?:{'|'.join(PLAIN_SCHEMES)}):[^\x00-\x20<>\"{{}}|\\^`\x7f]*\n)*")
_WHITE_SPACE = re.compile(r"[^\S\n]")  # beyond ASCII
_MAX_INTEGER = 2**53 - 1  # beyond it RFC 8785, by which repeated items are found, has no form


class Roles(NamedTuple):
    """Places of the values that are IRIs, texts and numbers of the canonical form; of constants any other is a shape.

    Of each of `sets` (places of one array's items) no two may be equal.
    """

    iris: tuple[int, ...]
    texts: tuple[int, ...]
    numbers: tuple[int, ...]
    constants: tuple[int, ...]
    sets: tuple[tuple[int, ...], ...]


# What one document has: the part of it that belongs to its shape, and what goes into the slots, in the roles' order.
Shape = tuple[bytes, tuple[int | None, ...], tuple[str, ...]]
Values = tuple[Shape, list[str]]


class Reading:
    """Takes a document's values by their roles."""

    def __init__(self, roles: Roles) -> None:
        self.roles = roles
        self._iris, self._texts = _picker(roles.iris), _picker(roles.texts)
        self._numbers, self._constants = _picker(roles.numbers), _picker(roles.constants)
        self._sets = [_picker(places) for places in roles.sets]

    def values(self, found: Sequence[Any]) -> Values | None:
        """Return the values of what was found in a document, or None where one of them needs a closer look.

        Which IRIs are equal belongs to the shape, for nodes of one id are one node.
        """
        try:
            iris, texts, numbers = self._iris(found), self._texts(found), self._numbers(found)
            joined = "".join(texts)
            lines = "\n".join((*iris, ""))
            if not _are_plain(lines, len(iris)) or not self._differ(found):
                return None
            if not (joined.isascii() and lines.isascii()):
                (joined + lines).encode()
            equal = tuple(map(dict(zip(iris, count())).get, iris))
            shape = (orjson.dumps(self._constants(found)), equal, tuple(map(form_of, numbers)))
            slots = [*iris, *(map(escape, texts) if needs_escape(joined) else texts), *map(lexical, numbers)]
        except (TypeError, UnicodeEncodeError):  # not of the type that its role asks for, or half of a character
            return None
        return shape, slots

    def _differ(self, found: Sequence[Any]) -> bool:
        for pick in self._sets:
            items = pick(found)
            if len(set(items)) < len(items):
                return False
        return True


def is_plain(value: Any) -> bool:
    """Tell whether a value is an IRI that expansion leaves as it is."""
    return isinstance(value, str) and _are_plain(value + "\n", 1)


def _are_plain(lines: str, count: int) -> bool:
    """Tell whether each of `count` lines is plain, and none has a line feed of its own."""
    plain = lines.count("\n") == count and _PLAIN_IRIS.fullmatch(lines) is not None
    return plain and (lines.isascii() or not _WHITE_SPACE.search(lines))


def form_of(number: Any) -> str:
    """Return how JSON-LD writes a number, by its value (JSON-LD 1.1 API section 8.2.2); raises TypeError for none."""
    kind = type(number)
    if kind is int and -_MAX_INTEGER <= number <= _MAX_INTEGER:
        return "integer"
    if kind is float and -_MAX_INTEGER <= number <= _MAX_INTEGER:  # which NaN and Infinity are not
        return "whole" if number.is_integer() else "double"
    raise TypeError("not a number that every reader takes for the same")


def lexical(number: float) -> str:
    """Return a number as PyLD writes it: the canonical form of an xsd:double, or the digits of one without fraction."""
    whole = int(number)
    if number == whole:
        return str(whole)
    mantissa, exponent = f"{number:.15E}".split("E")
    digits = mantissa.rstrip("0")
    return f"{digits}0E{int(exponent)}" if digits[-1] == "." else f"{digits}E{int(exponent)}"


def _picker(places: Iterable[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    chosen = tuple(places)
    if len(chosen) > 1:
        return itemgetter(*chosen)
    return itemgetter(slice(chosen[0], chosen[0] + 1) if chosen else slice(0))
