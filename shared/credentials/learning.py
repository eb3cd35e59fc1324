"""What a document's shape is, learnt by expanding the document with marks in the place of its values."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import deepcopy
from math import isfinite
from typing import Any

from shared.credentials import jsonld
from shared.credentials.rdf_canon import Quad
from shared.credentials.reading import Roles, form_of, is_plain, lexical
from shared.credentials.structure import WHOLE, Layout
from shared.credentials.template import Statement, Template, Term

_RDF_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
_XSD_DOUBLE = "^^<http://www.w3.org/2001/XMLSchema#double>"  # under which PyLD rewrites strings too
_LITERAL = re.compile(r'"(.*)"([^"]*)', re.DOTALL)
# Numbers that stand for others, by form, far from each other and from each other's digits.
_NUMBERS = {"integer": 910_000_000, "whole": 920_000_000.0, "double": 930_000_000.5}


class Unlearnable(Exception):
    """The document has no shape: its values decide more than what stands in the slots."""


def learn_roles(document: Mapping[str, Any], layout: Layout) -> Roles:
    """Return the roles of a document's values; raises Unlearnable.

    Each value is replaced by a mark of its own. Where a mark comes out as a whole IRI or literal, and nowhere else,
    there is a slot; every other value is a constant of the shape.
    """
    marks = _Marks(document)
    places = [place for place in layout.leaves() if layout.names[place] not in WHOLE]
    shown = _shown(marks, _marked_quads(document, {place: marks.of(place, layout.found[place]) for place in places}))
    iris = tuple(place for place in places if shown.get(place) == {"iri"} and is_plain(layout.found[place]))
    literals = [place for place in places if shown.get(place) == {"literal"}]
    texts = tuple(place for place in literals if isinstance(layout.found[place], str))
    numbers = tuple(place for place in literals if not isinstance(layout.found[place], str))
    slots = {*iris, *texts, *numbers}
    constants = tuple(place for place in layout.leaves() if place not in slots)
    if any(isinstance(layout.found[place], float) and not isfinite(layout.found[place]) for place in constants):
        raise Unlearnable  # by which a shape is known, JSON, writes NaN and Infinity as null
    return Roles(iris, texts, numbers, constants, _sets(layout, slots))


def learn_template(document: Mapping[str, Any], layout: Layout, roles: Roles) -> Template:
    """Return the template of a document's shape: its roles, constants, forms of numbers and equal IRIs.

    Raises Unlearnable.
    """
    _refuse_items_of_one_id(layout, roles)
    marks = _Marks(document)
    first = {layout.found[place]: place for place in reversed(roles.iris)}
    slots = (*roles.iris, *roles.texts, *roles.numbers)
    same = {place: first[layout.found[place]] if place in roles.iris else place for place in slots}
    quads = _marked_quads(document, {place: marks.of(same[place], layout.found[place]) for place in slots})
    slot_of = {place: slot for slot, place in reversed(list(enumerate(slots)))}
    blank = sorted({term for quad in quads for term in (quad.subject, quad.object) if term.startswith("_:")})
    names: dict[str, Term] = {name: (len(slots) + number,) for number, name in enumerate(blank)}

    def term(text: str) -> Term:
        place = marks.place_in(text)
        if text in names or place is None:
            return names.get(text, (text,))
        before, mark, after = text.partition(marks.text_of(place))
        if not mark:
            raise Unlearnable
        return (before, slot_of[place], after)

    if any(quad.graph for quad in quads):
        raise Unlearnable  # across graphs, RDFC-1.0 leaves some names to the order of the quads
    statements = [Statement(term(quad.subject), quad.predicate, term(quad.object)) for quad in quads]
    if {slot_of[place] for place in same.values()} - {
        part for each in statements for part in each.subject + each.object
    }:
        raise Unlearnable
    try:
        return Template(statements, len(slots), len(blank))
    except ValueError as error:
        raise Unlearnable from error


class _Marks:
    """Values that stand for others: IRIs that the document does not have, and numbers of the same form."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        text = repr(document)
        number = 0
        while f"urn:mark{number}:" in text:
            number += 1
        self.prefix = f"urn:mark{number}:"
        self._text: dict[int, str] = {}
        self._place: dict[str, int] = {}

    def of(self, place: int, value: Any) -> Any:
        """Return the mark of a place, for a value such as stands there; what can't be marked stays as it is."""
        mark = f"{self.prefix}{place}:" if isinstance(value, str) else _number_like(place, value)
        if mark is not None:
            text = mark if isinstance(mark, str) else lexical(mark)
            self._text[place] = text
            self._place[text] = place
        return value if mark is None else mark

    def text_of(self, place: int) -> str:
        """Return how the mark of a place is written."""
        return self._text[place]

    def place_in(self, term: str) -> int | None:
        """Return the place whose mark is all that stands inside a term, or None."""
        literal = _LITERAL.fullmatch(term)
        return self._place.get(literal[1] if literal else term[1:-1])


def _number_like(place: int, value: Any) -> float | None:
    try:
        return _NUMBERS[form_of(value)] + place
    except TypeError:
        return None


def _marked_quads(document: Mapping[str, Any], marks: Mapping[int, Any]) -> list[Quad]:
    marked = deepcopy(document)
    owners = Layout(marked).owners
    for place, mark in marks.items():
        container, name = owners[place]
        container[name] = mark
    try:
        return jsonld.to_quads(marked)
    except Exception as error:  # whatever PyLD makes of the marks: it has accepted the document
        raise Unlearnable from error


def _shown(marks: _Marks, quads: Sequence[Quad]) -> dict[int, set[str]]:
    """As what the mark of each place has come out; `else` means that it is no slot."""
    shown: defaultdict[int, set[str]] = defaultdict(set)
    for quad in quads:
        for text in quad:
            place = marks.place_in(text)
            if place is not None:
                literal = text.startswith('"')
                value_decides = text.endswith(_XSD_DOUBLE) if literal else text in (quad.predicate, quad.graph)
                is_type = quad.predicate == _RDF_TYPE and text == quad.object
                shown[place].add("else" if value_decides or is_type else "literal" if literal else "iri")
            for embedded in re.findall(re.escape(marks.prefix) + r"(\d+):", text if place is None else ""):
                shown[int(embedded)].add("else")
    return shown


def _sets(layout: Layout, slots: set[int]) -> tuple[tuple[int, ...], ...]:
    arrays = (layout.members[place] for place, label in layout.opened if isinstance(label, int))
    scalars = (tuple(place for place in members if place not in layout.members) for members in arrays)
    return tuple(places for places in scalars if len(places) > 1 and slots & set(places))


def _refuse_items_of_one_id(layout: Layout, roles: Roles) -> None:
    """Of items with one id, whether they are the same item depends on all that is in them."""
    for place, label in layout.opened:
        if isinstance(label, int):
            ids = [
                member
                for item in layout.members[place]
                for member in layout.members.get(item, ())
                if isinstance(layout.found[item], dict) and layout.names[member] == "id"
            ]
            if not set(ids) <= {*roles.iris, *roles.constants} or len({str(layout.found[p]) for p in ids}) < len(ids):
                raise Unlearnable
