"""Merkle trees as RFC 6962 section 2.1 defines them, by recursion over all leaves: slow, and easy to believe."""

from functools import cached_property

from shared.transparency.merkle import EMPTY_ROOT, Node, leaf_hash, node_hash


class NaiveTree:
    """A tree over these entries, any part of which is computed from its leaves."""

    def __init__(self, entries: list[bytes]) -> None:
        self.entries = entries
        self._hashes: dict[tuple[int, int], bytes] = {}

    @cached_property
    def leaves(self) -> list[bytes]:
        return [leaf_hash(entry) for entry in self.entries]

    def root(self, size: int) -> bytes:
        return self.range_hash(0, size) if size else EMPTY_ROOT

    def hash_of(self, node: Node) -> bytes:
        return self.range_hash(node.index << node.level, (node.index + 1) << node.level)

    def range_hash(self, start: int, end: int) -> bytes:
        """MTH(D[start:end])."""
        if end - start == 1:
            return self.leaves[start]
        if (start, end) not in self._hashes:
            split = 1
            while split * 2 < end - start:
                split *= 2
            halves = self.range_hash(start, start + split), self.range_hash(start + split, end)
            self._hashes[start, end] = node_hash(*halves)
        return self._hashes[start, end]


def numbered_tree(size: int) -> NaiveTree:
    """A tree of `size` leaves, no two alike."""
    return NaiveTree([f"entry {number}".encode() for number in range(size)])
