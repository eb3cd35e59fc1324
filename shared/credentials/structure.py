"""The structure of a document: the names of its members and the lengths of its arrays, told apart by a tree."""

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

# Members whose values decide what other members mean: each such value is one constant, whatever is in it.
WHOLE = frozenset({"@context", "@direction", "@language", "@type", "type"})

Ending = TypeVar("Ending")
Label = tuple[str, ...] | int | None


class Layout:
    """A document taken apart, level by level: what was found in it, and under which name and in what each stood."""

    def __init__(self, document: Any) -> None:
        self.found: list[Any] = [document]
        self.names = [""]
        self.owners: list[tuple[Any, Any]] = [(None, None)]
        self.opened: list[tuple[int, Label]] = []
        self.members: dict[int, range] = {}
        for place, value in enumerate(self.found):  # which grows meanwhile
            if self.names[place] not in WHOLE and isinstance(value, dict | list):
                self._open(place, value)

    def _open(self, place: int, value: Any) -> None:
        before = len(self.found)
        if isinstance(value, dict):
            self.opened.append((place, tuple(value)))
            self.found += value.values()
            self.names += value
            self.owners += [(value, name) for name in value]
        else:
            self.opened.append((place, len(value)))
            self.found += value
            self.names += [self.names[place]] * len(value)
            self.owners += [(value, index) for index in range(len(value))]
        self.members[place] = range(before, len(self.found))

    def leaves(self) -> Iterator[int]:
        """Yield the places of what was not opened."""
        return (place for place in range(len(self.found)) if place not in self.members)


class Node(Generic[Ending]):
    """A question about a document, or the end of all questions.

    The question is what stands at `place` of what has been found: an object of which members, an array of which
    length, or (None) neither. Each answer leads on, and what is opened adds to what has been found.
    """

    __slots__ = ("edges", "ending", "place")

    def __init__(self) -> None:
        self.place: int | None = None
        self.edges: dict[Label, Node[Ending]] = {}
        self.ending: Ending | None = None

    def find(self, document: Any) -> tuple[Ending | None, list[Any]]:
        """Return what stands at the end of a document's answers, None where none was added, and what was found."""
        node = self
        found = [document]
        label: Label
        while (place := node.place) is not None:
            value = found[place]
            kind = type(value)
            if kind is dict:
                label = tuple(value)
                found += value.values()
            elif kind is list:
                label = len(value)
                found += value
            else:
                label = None
            if label not in node.edges:
                return None, found
            node = node.edges[label]
        return node.ending, found

    def add(self, layout: Layout) -> "Node[Ending]":
        """Return the node at the end of a document's answers, made where there was none."""
        node = self
        for place, label in layout.opened:
            while node.place is not None and node.place < place:
                node = node.edges.setdefault(None, Node())
            if node.place != place:
                node._ask_first(place)
            node = node.edges.setdefault(label, Node())
        while node.place is not None:
            node = node.edges.setdefault(None, Node())
        return node

    def _ask_first(self, place: int) -> None:
        """Put another question before this one; no document that came here so far had anything to open there."""
        before = Node[Ending]()
        before.place, before.edges, before.ending = self.place, self.edges, self.ending
        self.place, self.edges, self.ending = place, {None: before}, None
