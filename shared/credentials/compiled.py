"""Canonical forms without doing JSON-LD per document: what one document has shown serves all of its shape."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from shared.credentials import canonical
from shared.credentials.learning import Unlearnable, learn_roles, learn_template
from shared.credentials.reading import Reading, Values
from shared.credentials.structure import Layout, Node
from shared.credentials.template import Template

MAX_SHAPES = 256
MAX_PLACES = 1_000  # members and items; a full badge has some hundred
MAX_CHARACTERS = 64_000  # of names, and of all that one shape keeps
MAX_READINGS = 4  # of one structure, by the kinds of values that stand in it
MAX_ATTEMPTS = 64  # at one structure: one whose shapes never come again is left alone
_MAX_SEEN = 4_096
# A batch is signed in one second by one key: all its proofs have the same options, which have some 300 characters.
_MAX_OPTIONS = 64
_MAX_OPTIONS_BYTES = 2_000
# To learn a shape costs as much as some three documents of none. So many are learnt in a row, and then one in so many
# documents: whoever sends shape after shape makes no document much dearer than it would be without shapes.
_AT_ONCE = 64
_ONE_IN = 32


@dataclass
class _Learnt:
    """One way to read a structure's documents, and the templates of their shapes; None is a shape that has none."""

    reading: Reading
    templates: dict[Any, Template | None] = field(default_factory=dict)


@dataclass
class _Structure:
    readings: list[_Learnt] = field(default_factory=list)
    attempts: int = 0


class Shapes:
    """Gives the canonical forms that `canonical.rdfc` gives, in less time once a document's shape has come twice.

    A shape is a document's structure (its members in their order, the lengths of its arrays), types, contexts,
    languages, forms of numbers, and which of its ids are equal; all other values are slots. What is kept is bounded.
    One thread may use it at a time.
    """

    def __init__(self, max_shapes: int = MAX_SHAPES) -> None:
        self.served = 0  # documents whose form came from a template
        self._max_shapes = max_shapes
        self._allowance = float(_AT_ONCE)
        self._options: dict[bytes, bytes] = {}
        self._forget()

    def __len__(self) -> int:
        """Return how many shapes it has tried to learn since it last forgot all of them."""
        return self._attempts

    def rdfc(
        self, document: Mapping[str, Any], contexts: Mapping[str, Any] | None = None, *, inline: bool = False
    ) -> str:
        """Return what `canonical.rdfc` returns and raise what it raises; only pinned contexts are made faster."""
        if contexts is not None:
            return canonical.rdfc(document, contexts, inline=inline)
        form = self._quick_form(document)
        if form is not None:
            self.served += 1
            return form
        form = canonical.rdfc(document, inline=inline)
        self._allowance = min(self._allowance + 1 / _ONE_IN, _AT_ONCE)
        layout = Layout(document)
        if self._is_worth_learning(layout):
            self._learn(document, layout, form)
        return form

    def options_digest(self, options: Mapping[str, Any]) -> bytes:
        """Return the SHA-256 of the canonical form of a proof's options, of late ones from memory; raises as `rdfc`."""
        try:
            written = orjson.dumps(options)
        except TypeError:  # nothing that JSON has one way of writing
            written = b""
        digest = self._options.get(written)
        if digest is None:
            digest = sha256(self.rdfc(options).encode()).digest()
            if len(self._options) >= _MAX_OPTIONS:
                self._options.clear()
            if 0 < len(written) <= _MAX_OPTIONS_BYTES:
                self._options[written] = digest
        return digest

    def _forget(self) -> None:
        self._root: Node[_Structure] = Node()
        self._seen: set[int] = set()
        self._attempts = 0

    def _quick_form(self, document: Mapping[str, Any]) -> str | None:
        structure, found = self._root.find(document)
        for learnt in structure.readings if structure else ():
            values = learnt.reading.values(found)
            if values is not None:
                template = learnt.templates.get(values[0])
                if template is not None:
                    return template.canonical(values[1])
        return None

    def _is_worth_learning(self, layout: Layout) -> bool:
        """Only what has come before, is no larger than badges are, and when not too much was learnt just now."""
        if len(layout.found) > MAX_PLACES or sum(map(len, layout.names)) > MAX_CHARACTERS:
            return False
        structure = hash(tuple(layout.opened))
        if structure not in self._seen:
            if len(self._seen) >= _MAX_SEEN:
                self._seen.clear()
            self._seen.add(structure)
            return False
        return self._allowance >= 1

    def _learn(self, document: Mapping[str, Any], layout: Layout, form: str) -> None:
        if self._attempts >= self._max_shapes:
            self._forget()
        node = self._root.add(layout)
        structure = node.ending = node.ending or _Structure()
        if structure.attempts >= MAX_ATTEMPTS:
            return
        structure.attempts += 1
        self._attempts += 1
        self._allowance -= 1
        try:
            roles = learn_roles(document, layout)
            learnt = next((each for each in structure.readings if each.reading.roles == roles), None)
            learnt = learnt or _Learnt(Reading(roles))
            values = learnt.reading.values(layout.found)
            if values is None or values[0] in learnt.templates:
                return
            template = _proven(learn_template(document, layout, roles), values, form)
        except Unlearnable:
            return
        learnt.templates[values[0]] = template
        if template is not None and learnt not in structure.readings and len(structure.readings) < MAX_READINGS:
            structure.readings.append(learnt)


def _proven(template: Template, values: Values, form: str) -> Template | None:
    """Return the template if it gives the form of the document it was learnt from, as another way has given it."""
    (constants, *_), slots = values
    fits = template.size + len(constants) <= MAX_CHARACTERS and template.canonical(slots) == form
    return template if fits else None
