"""A compiled shape: the canonical N-Quads of documents that differ in their values alone, as text with slots."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from operator import itemgetter
from typing import NamedTuple

from shared.credentials.rdf_canon import Quad, canonicalize

# A part of a term is a text, or the number of the slot where a text will stand; a term is its parts in their order.
Part = str | int
Term = tuple[Part, ...]
Pick = Callable[[Sequence[str]], tuple[str, ...]]

_END = " .\n"
_BETWEEN = "\0"  # two blocks of lines: no term has it, for literals escape it and IRIs may not have it
_ITSELF, _ANOTHER = "_:a", "_:z"  # a blank node in the lines that its hash is made of (RDFC-1.0 section 4.6)
_NAMES = tuple(f"_:c14n{number}" for number in range(256))  # as many as jsonld.MAX_BLANK_NODES


class Statement(NamedTuple):
    """A quad of the default graph; a blank node is a term of one part, the number of its slot."""

    subject: Term
    predicate: str
    object: Term


class Template:
    """What is left to do for a document of a known shape: fill in values, name its blank nodes, order, join.

    Slots hold what stands inside a term, escaped, numbered from 0; the blank nodes' slots follow. Raises ValueError
    for statements whose order in a blank node's hash depends on the values.
    """

    def __init__(self, statements: Iterable[Statement], slots: int, blank_nodes: int) -> None:
        self._statements = list(dict.fromkeys(statements))
        self._slots = slots
        self._blank = range(slots, slots + blank_nodes)
        self._sheet = _Sheet(slots + blank_nodes)
        # A blank node that is alone has the first name, whatever its hash is.
        self._hashed = [self._hash_lines(node) for node in self._blank if blank_nodes > 1]
        self._hash_groups = self._sheet.take_groups()
        self._blocks = self._block_lines()
        self._groups = self._sheet.take_groups()
        self._fixed = self._sheet.fixed[slots:]
        if blank_nodes == 1:
            self._fixed[0] = _NAMES[0]

    @property
    def size(self) -> int:
        """Characters held in memory, about."""
        return sum(map(len, self._fixed)) + 100 * len(self._statements)

    def canonical(self, values: Sequence[str]) -> str:
        """Return the canonical N-Quads with these values in the slots; raises TooComplex as `canonicalize` does."""
        sheet = [*values, *self._fixed]
        if self._hashed:
            for group in self._hash_groups:
                sheet[group.place] = group.lines(sheet)
            hashes = [sha256("".join(pick(sheet)).encode()).digest() for pick in self._hashed]
            names = dict(zip(sorted(hashes), _NAMES))  # noqa: B905  # there are more names
            if len(names) < len(hashes):
                return self._canonical_of_look_alikes(values)
            sheet[self._slots : self._slots + len(hashes)] = [names[digest] for digest in hashes]
        for group in self._groups:
            sheet[group.place] = group.lines(sheet)
        blocks = "".join(self._blocks(sheet)).split(_BETWEEN)
        blocks.sort()
        return "".join(blocks)

    def _canonical_of_look_alikes(self, values: Sequence[str]) -> str:
        terms = [*values, *(f"_:b{number}" for number in range(len(self._blank)))]
        return canonicalize(
            Quad(_filled(subject, terms), predicate, _filled(object_, terms))
            for subject, predicate, object_ in self._statements
        )

    def _hash_lines(self, node: int) -> Pick:
        """The lines about a blank node in their order: `<` stands before `_:a`, that before `_:z`."""
        masked = [
            Statement(self._masked(subject, node), predicate, self._masked(object_, node))
            for subject, predicate, object_ in self._statements
            if (node,) in (subject, object_)
        ]
        named = {statement.subject for statement in masked} - {(_ITSELF,), (_ANOTHER,)}
        if len(named) > 1:
            raise ValueError("Which of two subjects comes first is known only with their values.")
        parts: list[Part] = []
        for subject in (*named, (_ITSELF,), (_ANOTHER,)):
            parts += self._sheet.lines([statement for statement in masked if statement.subject == subject])
        return self._sheet.pick(parts)

    def _masked(self, term: Term, node: int) -> Term:
        if term == (node,):
            return (_ITSELF,)
        return (_ANOTHER,) if len(term) == 1 and term[0] in self._blank else term

    def _block_lines(self) -> Pick:
        """All lines, in one block those of one subject: blocks are ordered by their subjects, as their lines are."""
        parts: list[Part] = []
        for subject in dict.fromkeys(statement.subject for statement in self._statements):
            own = [statement for statement in self._statements if statement.subject == subject]
            parts += [*([_BETWEEN] if parts else []), *self._sheet.lines(own)]
        return self._sheet.pick(parts)


_Around = tuple[str, int, str]


class _Group:
    """The lines of one subject and predicate with several objects, ordered by their values; equal ones are one line."""

    def __init__(self, place: int, head: _Around, objects: list[_Around], masked: int) -> None:
        self.place = place
        self._head = head
        self._objects = objects
        self._masked = [_ANOTHER] * masked  # in a hash each of them has a line

    def lines(self, sheet: Sequence[str]) -> str:
        before, place, after = self._head
        head = f"{before}{sheet[place]}{after}"
        lines = {f"{head}{before}{sheet[place]}{after}" for before, place, after in self._objects}
        return "".join(sorted([*lines, *[f"{head}{_ANOTHER}{_END}" for _ in self._masked]]))


class _Sheet:
    """What texts are picked from: values and names of blank nodes, put in later, then fixed texts and groups' lines."""

    def __init__(self, slots: int) -> None:
        self.fixed = [""] * slots
        self._places: dict[str, int] = {}
        self._groups: list[_Group] = []

    def take_groups(self) -> list[_Group]:
        groups, self._groups = self._groups, []
        return groups

    def lines(self, statements: list[Statement]) -> list[Part]:
        """Return the lines of one subject in their order, as parts."""
        parts: list[Part] = []
        for predicate in sorted({statement.predicate for statement in statements}):
            same = [statement for statement in statements if statement.predicate == predicate]
            head = (*same[0].subject, f" {predicate} ")
            objects = _in_order([statement.object for statement in same])
            if objects is None:
                parts.append(self._group(head, [statement.object for statement in same]))
            else:
                parts += [part for each in objects for part in (*head, *each, _END)]
        return parts

    def pick(self, parts: Iterable[Part]) -> Pick:
        """Return what picks the parts, texts that follow one another as one."""
        places: list[int] = []
        text = ""
        for part in parts:
            if isinstance(part, str):
                text += part
                continue
            places += [*([self._place_of(text)] if text else []), part]
            text = ""
        places += [self._place_of(text)] if text else []
        # Of a single place an itemgetter gives no tuple.
        return itemgetter(*places, *[self._place_of("")] * (2 - len(places)))

    def _group(self, head: Term, objects: list[Term]) -> int:
        self.fixed.append("")
        place = len(self.fixed) - 1
        ends = [self._around((*term, _END)) for term in objects if term != (_ANOTHER,)]
        self._groups.append(_Group(place, self._around(head), ends, objects.count((_ANOTHER,))))
        return place

    def _around(self, parts: Term) -> _Around:
        """The one slot of a term, and the texts before and after it; without a slot there is an empty text."""
        slot = next((number for number, part in enumerate(parts) if isinstance(part, int)), len(parts))
        before, after = "".join(map(str, parts[:slot])), "".join(map(str, parts[slot + 1 :]))
        return before, int(parts[slot]) if slot < len(parts) else self._place_of(""), after

    def _place_of(self, text: str) -> int:
        if text not in self._places:
            self._places[text] = len(self.fixed)
            self.fixed.append(text)
        return self._places[text]


def _in_order(objects: list[Term]) -> list[Term] | None:
    """The objects in their order, or None where that depends on the values."""
    if len(objects) == 1:
        return objects
    texts = [part for term in objects for part in term if isinstance(part, str)]
    return [(text,) for text in sorted(texts)] if len(texts) == sum(map(len, objects)) else None


def _filled(term: Term, texts: Sequence[str]) -> str:
    return "".join(part if isinstance(part, str) else texts[part] for part in term)
