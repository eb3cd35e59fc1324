"""RDFC-1.0: the one canonical form of a set of quads, whatever its blank nodes were called."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from hashlib import sha256, sha384
from itertools import permutations
from typing import Literal, NamedTuple

from shared.credentials.errors import TooComplex

# Each step is one permutation of look-alike blank nodes or one node gone into. A badge with forty equal blank
# nodes needs some hundreds; a hostile graph of 1.4 kB would need millions and takes over 20 s without a limit.
MAX_STEPS = 4_000
# From look-alike to look-alike: a badge has hardly three in a row, and each takes four frames of Python's stack.
MAX_RECURSION = 64


HashName = Literal["sha256", "sha384"]
_HASHES = {"sha256": sha256, "sha384": sha384}


class Quad(NamedTuple):
    """Four terms in N-Quads form: `<iri>`, `_:name` or a literal; the default graph is the empty string."""

    subject: str
    predicate: str
    object: str
    graph: str = ""


def canonicalize(quads: Iterable[Quad], hash_name: HashName = "sha256") -> str:
    """Return the canonical N-Quads of a dataset (RDF Dataset Canonicalization 1.0 section 4.4), by SHA-256 or SHA-384.

    Raises TooComplex where blank nodes look so alike that telling them apart would take too long.
    """
    return _Canonicalization(quads, hash_name).n_quads()


def needs_escape(text: str) -> bool:
    """Tell whether a text has characters that canonical N-Quads write otherwise."""
    return _ESCAPED.search(text) is not None


def escape(text: str) -> str:
    """Return a literal's text as canonical N-Quads writes it between its quotes (RDFC-1.0 appendix A)."""
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0]], text)


_ESCAPED = re.compile(r'[\x00-\x1f"\\\x7f]')
_ESCAPES = {chr(code): f"\\u{code:04X}" for code in (*range(0x20), 0x7F)} | {
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
}


def _line(quad: Quad) -> str:
    subject, predicate, object_, graph = quad
    return f"{subject} {predicate} {object_} {graph} .\n" if graph else f"{subject} {predicate} {object_} .\n"


def _is_blank(term: str) -> bool:
    return term.startswith("_:")


def _issue(issued: dict[str, str], prefix: str, node: str) -> str:
    return issued.setdefault(node, f"{prefix}{len(issued)}")


class _Canonicalization:
    def __init__(self, quads: Iterable[Quad], hash_name: HashName) -> None:
        self.new_hash = _HASHES[hash_name]
        self.quads = list(dict.fromkeys(quads))
        self.mentions: defaultdict[str, list[Quad]] = defaultdict(list)
        for quad in self.quads:
            for term in {quad.subject, quad.object, quad.graph}:
                if _is_blank(term):
                    self.mentions[term].append(quad)
        self.first_degree = {node: self._hash_first_degree(node) for node in self.mentions}
        self.canonical: dict[str, str] = {}
        self.steps = 0
        self.depth = 0

    def _hash(self, text: str) -> str:
        return self.new_hash(text.encode()).hexdigest()

    def n_quads(self) -> str:
        self._name_blank_nodes()
        return "".join(sorted(_line(self._renamed(quad)) for quad in self.quads))

    def _renamed(self, quad: Quad) -> Quad:
        name = self.canonical.get
        subject, predicate, object_, graph = quad
        return Quad(name(subject, subject), predicate, name(object_, object_), name(graph, graph))

    def _name_blank_nodes(self) -> None:
        alike: defaultdict[str, list[str]] = defaultdict(list)
        for node, digest in self.first_degree.items():
            alike[digest].append(node)
        groups = [group for _, group in sorted(alike.items())]
        for group in groups:
            if len(group) == 1:
                _issue(self.canonical, "_:c14n", group[0])
        for group in groups:
            self._name_look_alikes([node for node in group if node not in self.canonical])

    def _name_look_alikes(self, group: list[str]) -> None:
        # Section 4.4.3 step 5: a node named on the way by an earlier path is not named again.
        paths = [self._hash_n_degree(node, {node: "_:b0"}) for node in group]
        for _, issued in sorted(paths, key=lambda path: path[0]):
            for node in issued:
                _issue(self.canonical, "_:c14n", node)

    def _hash_first_degree(self, node: str) -> str:
        """Section 4.6: the node's own quads, with itself as `_:a` and every other blank node as `_:z`."""

        def masked(term: str) -> str:
            return ("_:a" if term == node else "_:z") if _is_blank(term) else term

        return self._hash(
            "".join(
                sorted(
                    _line(Quad(masked(quad.subject), quad.predicate, masked(quad.object), masked(quad.graph)))
                    for quad in self.mentions[node]
                )
            )
        )

    def _hash_related(self, node: str, quad: Quad, issued: dict[str, str], position: str) -> str:
        """Section 4.7."""
        name = self.canonical.get(node) or issued.get(node) or self.first_degree[node]
        return self._hash(position + (quad.predicate if position != "g" else "") + name)

    def _hash_n_degree(self, node: str, issued: dict[str, str]) -> tuple[str, dict[str, str]]:
        """Section 4.8: the hash of a node by its neighbourhood, and the names given out on the best path."""
        related: defaultdict[str, list[str]] = defaultdict(list)
        for quad in self.mentions[node]:
            for position, term in (("s", quad.subject), ("o", quad.object), ("g", quad.graph)):
                if _is_blank(term) and term != node:
                    related[self._hash_related(term, quad, issued, position)].append(term)
        hashed = []
        for digest, nodes in sorted(related.items()):
            path, issued = min(self._paths(nodes, issued), key=lambda found: found[0])
            hashed += [digest, path]
        return self._hash("".join(hashed)), issued

    def _paths(self, nodes: list[str], issued: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
        """Section 4.8.3 step 5.4 without its short cuts: they save time, which the limit bounds anyway."""
        for permutation in permutations(nodes):
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise TooComplex("The document has blank nodes that look too much alike.")
            yield self._path(permutation, dict(issued))

    def _path(self, nodes: tuple[str, ...], issued: dict[str, str]) -> tuple[str, dict[str, str]]:
        path, unvisited = [], []
        for node in nodes:
            if node not in self.canonical and node not in issued:
                unvisited.append(node)
            path.append(self.canonical.get(node) or _issue(issued, "_:b", node))
        for node in unvisited:
            digest, deeper = self._go_into(node, issued)
            path += [_issue(issued, "_:b", node), f"<{digest}>"]
            issued = deeper
        return "".join(path), issued

    def _go_into(self, node: str, issued: dict[str, str]) -> tuple[str, dict[str, str]]:
        if self.depth == MAX_RECURSION:
            raise TooComplex("The document has too many blank nodes in a row that look alike.")
        self.depth += 1
        found = self._hash_n_degree(node, issued)
        self.depth -= 1
        return found
