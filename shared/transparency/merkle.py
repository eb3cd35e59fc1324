"""The Merkle tree of RFC 6962 section 2.1: its hashes, and proofs of inclusion and consistency, made and checked.

A proof is made in two steps, so that a caller can fetch what holds the hashes in between:

    nodes = nodes_for_inclusion(index, size)                  # which full subtrees' roots are needed
    hashes = {node: fetch(node) for node in nodes}
    proof = inclusion_proof(index, size, hashes.__getitem__)  # combined into the proof's hashes
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from shared.transparency.errors import ProofError

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()
MAX_SIZE = 2**63 - 1  # what Go's and Java's readers can count


@dataclass(frozen=True, order=True, slots=True)
class Node:
    """The root of a full subtree: of 2**level leaves, the first of which is leaf index * 2**level."""

    level: int
    index: int


HashOf = Callable[[Node], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Return the 32-byte hash of a leaf: SHA-256(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the 32-byte hash of an inner node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def inclusion_nodes(index: int, size: int) -> list[list[Node]]:
    """Return what each hash of an inclusion proof is made of, in the proof's order (RFC 6962 section 2.1.1).

    Raises ProofError unless 0 <= index < size.
    """
    _need(0 <= index < size <= MAX_SIZE, f"A tree of {size} leaves has no leaf {index}.")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = _middle(start, end)
        if index < middle:
            path.append(_subtrees(middle, end))
            end = middle
        else:
            path.append(_subtrees(start, middle))
            start = middle
    return path[::-1]


def consistency_nodes(old: int, new: int) -> list[list[Node]]:
    """Return what each hash of a consistency proof is made of, in the proof's order (RFC 6962 section 2.1.2).

    The proof from the empty tree, and from a tree to itself, is empty. Raises ProofError unless 0 <= old <= new.
    """
    _need(0 <= old <= new <= MAX_SIZE, f"A tree of {new} leaves never had {old}.")
    if old in {0, new}:
        return []
    path, start, end = [], 0, new
    while end != old:
        middle = _middle(start, end)
        if old <= middle:
            path.append(_subtrees(middle, end))
            end = middle
        else:
            path.append(_subtrees(start, middle))
            start = middle
    # A subtree that begins with the tree is the old root, which whoever checks the proof has already.
    return [*([_subtrees(start, end)] if start else []), *path[::-1]]


def nodes_for_inclusion(index: int, size: int) -> list[Node]:
    """Return the subtrees whose roots an inclusion proof needs, each once."""
    return _each_once(inclusion_nodes(index, size))


def nodes_for_consistency(old: int, new: int) -> list[Node]:
    """Return the subtrees whose roots a consistency proof needs, each once."""
    return _each_once(consistency_nodes(old, new))


def nodes_for_root(size: int) -> list[Node]:
    """Return the subtrees whose roots the root of a tree needs, from left to right; none for the empty tree."""
    _need(0 <= size <= MAX_SIZE, f"No tree has {size} leaves.")
    return _subtrees(0, size)


def inclusion_proof(index: int, size: int, hash_of: HashOf) -> list[bytes]:
    """Return the hashes that lead from leaf `index` to the root of a tree of `size` leaves."""
    return [_combined(nodes, hash_of) for nodes in inclusion_nodes(index, size)]


def consistency_proof(old: int, new: int, hash_of: HashOf) -> list[bytes]:
    """Return the hashes that show a tree of `new` leaves to begin with the tree of `old` leaves."""
    return [_combined(nodes, hash_of) for nodes in consistency_nodes(old, new)]


def root(size: int, hash_of: HashOf) -> bytes:
    """Return the root hash of a tree of `size` leaves."""
    nodes = nodes_for_root(size)
    return _combined(nodes, hash_of) if nodes else EMPTY_ROOT


def check_inclusion(*, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raise ProofError unless the proof shows the leaf (its hash) to be the index-th of the tree with this root.

    As RFC 9162 section 2.1.3.2, whose hashes RFC 6962's are.
    """
    _need(0 <= index < size <= MAX_SIZE, f"A tree of {size} leaves has no leaf {index}.")
    _need_hashes(leaf, root, *proof)
    position, last, current = index, size - 1, leaf
    for sibling in proof:
        _need(last > 0, "The inclusion proof has too many hashes.")
        if position & 1 or position == last:
            current = node_hash(sibling, current)
            position, last = _up_to_right(position, last)
        else:
            current = node_hash(current, sibling)
        position, last = position >> 1, last >> 1
    _need(last == 0, "The inclusion proof has too few hashes.")
    _need(current == root, "The inclusion proof leads to another root.")


def check_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raise ProofError unless the proof shows the new tree to begin with the old one (RFC 9162 section 2.1.4.2)."""
    _need(0 <= old_size <= new_size <= MAX_SIZE, f"A tree of {new_size} leaves never had {old_size}.")
    _need_hashes(old_root, new_root, *proof)
    if old_size in {0, new_size}:
        _need(not proof, "Nothing is to be proved, and there is a proof.")
        same = EMPTY_ROOT if old_size == 0 else new_root
        _need(old_root == same, "The same tree has two roots.")
        _need(new_size > 0 or new_root == EMPTY_ROOT, "The empty tree has another root.")
        return
    rest = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    _need(bool(rest), "The consistency proof is empty.")
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = rest[0]
    for sibling in rest[1:]:
        _need(last > 0, "The consistency proof has too many hashes.")
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            position, last = _up_to_right(position, last)
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    _need(last == 0, "The consistency proof has too few hashes.")
    _need(old == old_root, "The consistency proof leads to another old root.")
    _need(new == new_root, "The consistency proof leads to another new root.")


def _middle(start: int, end: int) -> int:
    """Return where RFC 6962 splits leaves start to end: after the largest power of two that leaves some over."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def _subtrees(start: int, end: int) -> list[Node]:
    """Return the full subtrees, from left to right, that a subtree over leaves start to end is made of."""
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def _combined(nodes: Sequence[Node], hash_of: HashOf) -> bytes:
    """Return the hash over full subtrees that stand side by side, larger ones first."""
    *others, smallest = nodes
    combined = hash_of(smallest)
    for node in reversed(others):
        combined = node_hash(hash_of(node), combined)
    return combined


def _up_to_right(position: int, last: int) -> tuple[int, int]:
    """Go up while the node is a left one without a right sibling: it is carried up as it is."""
    while not position & 1 and position:
        position, last = position >> 1, last >> 1
    return position, last


def _each_once(groups: Iterable[Iterable[Node]]) -> list[Node]:
    return list(dict.fromkeys(node for group in groups for node in group))


def _need_hashes(*hashes: bytes) -> None:
    _need(all(len(each) == HASH_SIZE for each in hashes), "A hash does not have 32 bytes.")


def _need(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ProofError(otherwise)
