"""Whatever is altered in a proof, or in what it is held against, is found."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.transparency.errors import ProofError
from shared.transparency.merkle import check_consistency, check_inclusion, consistency_proof, inclusion_proof, node_hash
from tests.support.trees import numbered_tree

LARGEST = 300
TREE = numbered_tree(LARGEST)
BITS = 256


@dataclass(frozen=True)
class Inclusion:
    """All that an inclusion proof is checked with."""

    index: int
    size: int
    leaf: bytes
    proof: list[bytes]
    root: bytes


@dataclass(frozen=True)
class Consistency:
    """All that a consistency proof is checked with."""

    old_size: int
    old_root: bytes
    new_size: int
    new_root: bytes
    proof: list[bytes]


@st.composite
def inclusions(draw: st.DrawFn) -> Inclusion:
    size = draw(st.integers(1, LARGEST))
    index = draw(st.integers(0, size - 1))
    return Inclusion(index, size, TREE.leaves[index], inclusion_proof(index, size, TREE.hash_of), TREE.root(size))


@st.composite
def consistencies(draw: st.DrawFn) -> Consistency:
    new = draw(st.integers(1, LARGEST))
    old = draw(st.integers(0, new))
    return Consistency(old, TREE.root(old), new, TREE.root(new), consistency_proof(old, new, TREE.hash_of))


def flipped(value: bytes, bit: int) -> bytes:
    return (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(len(value), "big")


def altered_proofs(proof: list[bytes], place: int, bit: int) -> list[list[bytes]]:
    """One hash flipped, dropped, doubled, shortened, or taken from elsewhere; two swapped; one too many at an end."""
    odd = flipped(bytes(32), bit)
    longer = [[*proof, odd], [odd, *proof], [*proof, proof[-1] if proof else odd]]
    if not proof:
        return longer
    at = place % len(proof)
    before, one, after = proof[:at], proof[at], proof[at + 1 :]
    other = [*before, *after[:1], one, *after[1:]]
    return [
        *longer,
        [*before, flipped(one, bit), *after],
        [*before, *after],
        [*before, one[:-1], *after],
        [*before, one + b"\x00", *after],
        *([other] if after else []),
    ]


def refused(check: Callable[..., None], said: Inclusion | Consistency) -> None:
    members: dict[str, Any] = dict(vars(said))
    with pytest.raises(ProofError):
        check(**members)


@given(inclusions(), st.integers(0, 63), st.integers(0, BITS - 1))
def test_an_altered_inclusion_proof_is_refused(said: Inclusion, place: int, bit: int) -> None:
    check_inclusion(**vars(said))
    for proof in altered_proofs(said.proof, place, bit):
        refused(check_inclusion, replace(said, proof=proof))
    for altered in (
        replace(said, leaf=flipped(said.leaf, bit)),
        replace(said, root=flipped(said.root, bit)),
        replace(said, root=said.root[:-1]),
        replace(said, leaf=b""),
        replace(said, index=said.index + 1),
        replace(said, index=said.index - 1),
        replace(said, index=said.index + said.size),
        replace(said, index=said.index - said.size),
    ):
        refused(check_inclusion, altered)


@given(inclusions(), st.integers(1, LARGEST))
def test_another_trees_root_or_proof_shows_nothing(said: Inclusion, other: int) -> None:
    """A proof fits the root; that the root is of a tree of this size is what the log's signature says."""
    if other != said.size:
        refused(check_inclusion, replace(said, root=TREE.root(other)))
    foreign = inclusion_proof(min(said.index, other - 1), other, TREE.hash_of)
    if foreign != said.proof:
        refused(check_inclusion, replace(said, proof=foreign))


@given(consistencies(), st.integers(0, 63), st.integers(0, BITS - 1))
def test_an_altered_consistency_proof_is_refused(said: Consistency, place: int, bit: int) -> None:
    check_consistency(**vars(said))
    for proof in altered_proofs(said.proof, place, bit):
        refused(check_consistency, replace(said, proof=proof))
    refused(check_consistency, replace(said, old_root=flipped(said.old_root, bit)))
    refused(check_consistency, replace(said, old_root=said.old_root[1:]))
    if said.old_size:  # every tree begins with the empty one
        refused(check_consistency, replace(said, new_root=flipped(said.new_root, bit)))


@given(consistencies(), st.integers(0, LARGEST))
def test_another_tree_is_not_begun_with(said: Consistency, other: int) -> None:
    if other in {said.old_size, said.new_size} or said.old_size == 0:
        return
    refused(check_consistency, replace(said, old_root=TREE.root(other)))
    refused(check_consistency, replace(said, new_root=TREE.root(other)))


def test_a_tree_has_one_root() -> None:
    refused(check_consistency, Consistency(3, TREE.root(3), 3, TREE.root(4), []))
    refused(check_consistency, Consistency(0, TREE.root(0), 0, TREE.root(1), []))
    refused(check_consistency, Consistency(0, TREE.root(1), 1, TREE.root(1), []))


def test_a_proof_that_stops_at_an_inner_node_or_goes_on_above_the_root_is_none() -> None:
    """Its hashes fit what it is held against; its length does not fit the tree."""
    proof = inclusion_proof(0, 4, TREE.hash_of)
    refused(check_inclusion, Inclusion(0, 4, TREE.leaves[0], proof[:1], TREE.root(2)))
    above = node_hash(TREE.root(4), TREE.root(3))
    refused(check_inclusion, Inclusion(0, 4, TREE.leaves[0], [*proof, TREE.root(3)], above))
    refused(
        check_inclusion, Inclusion(0, 4, TREE.leaves[0], [*proof, TREE.root(3)], node_hash(TREE.root(3), TREE.root(4)))
    )
    proof = consistency_proof(2, 8, TREE.hash_of)
    refused(check_consistency, Consistency(2, TREE.root(2), 8, TREE.root(4), proof[:1]))
    above = node_hash(TREE.root(3), TREE.root(8))
    beside = node_hash(TREE.root(3), TREE.root(2))
    refused(check_consistency, Consistency(2, beside, 8, above, [TREE.root(2), *proof, TREE.root(3)]))
    refused(check_consistency, Consistency(2, TREE.root(2), 8, above, [*proof, TREE.root(3)]))
    sibling = TREE.root(3)
    old, new = node_hash(sibling, TREE.root(7)), node_hash(sibling, TREE.root(8))
    refused(check_consistency, Consistency(7, old, 8, new, [*consistency_proof(7, 8, TREE.hash_of), sibling]))


def test_hashes_of_which_one_is_longer_and_its_neighbour_shorter_are_none() -> None:
    """What is hashed is the same then."""
    leaf, proof = TREE.leaves[0], inclusion_proof(0, 8, TREE.hash_of)
    moved = [leaf[-1:] + proof[0], *proof[1:]]
    refused(check_inclusion, Inclusion(0, 8, leaf[:-1], moved, TREE.root(8)))
    old, proof = TREE.root(4), consistency_proof(4, 8, TREE.hash_of)
    refused(check_consistency, Consistency(4, old[:-1], 8, TREE.root(8), [old[-1:] + proof[0], *proof[1:]]))
