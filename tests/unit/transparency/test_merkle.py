"""Hashes and proofs of RFC 6962, against its implementation's known answers and every tree of 0 to 300 leaves."""

import json
from pathlib import Path

import pytest

from shared.transparency.errors import ProofError
from shared.transparency.merkle import (
    EMPTY_ROOT,
    MAX_SIZE,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    nodes_for_consistency,
    nodes_for_inclusion,
    nodes_for_root,
    root,
)
from tests.support.trees import NaiveTree, numbered_tree

KNOWN = json.loads((Path(__file__).parent / "vectors" / "rfc6962.json").read_text())
SIZES = range(301)
TREE = numbered_tree(SIZES[-1])


@pytest.mark.parametrize("size", range(9))
def test_the_known_leaves_have_the_known_roots(size: int) -> None:
    tree = NaiveTree([bytes.fromhex(leaf) for leaf in KNOWN["leaves"]])
    assert root(size, tree.hash_of).hex() == KNOWN["roots"][size]


def test_the_empty_trees_root_is_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT.hex() == KNOWN["roots"][0]
    assert nodes_for_root(0) == []


def test_the_root_of_every_tree_is_that_of_the_definition() -> None:
    assert [size for size in SIZES if root(size, TREE.hash_of) != TREE.root(size)] == []


def test_every_leaf_of_every_tree_is_shown_to_be_in_it() -> None:
    for size in SIZES:
        for index in range(size):
            check_inclusion(
                index=index,
                size=size,
                leaf=TREE.leaves[index],
                proof=inclusion_proof(index, size, TREE.hash_of),
                root=TREE.root(size),
            )


def test_every_tree_is_shown_to_begin_with_every_smaller_one() -> None:
    for new in SIZES:
        for old in range(new + 1):
            check_consistency(
                old_size=old,
                old_root=TREE.root(old),
                new_size=new,
                new_root=TREE.root(new),
                proof=consistency_proof(old, new, TREE.hash_of),
            )


def test_a_proof_is_made_of_nothing_but_the_nodes_that_were_named_before() -> None:
    for old, new in ((1, 2), (7, 300), (255, 257), (256, 300), (299, 300)):
        named = {node: TREE.hash_of(node) for node in nodes_for_consistency(old, new)}
        assert consistency_proof(old, new, named.__getitem__) == consistency_proof(old, new, TREE.hash_of)
        named = {node: TREE.hash_of(node) for node in nodes_for_inclusion(old - 1, new)}
        assert inclusion_proof(old - 1, new, named.__getitem__) == inclusion_proof(old - 1, new, TREE.hash_of)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 5), (5, 5), (0, MAX_SIZE + 1)])
def test_no_proof_is_made_or_taken_for_a_leaf_that_cannot_be(index: int, size: int) -> None:
    with pytest.raises(ProofError):
        inclusion_proof(index, size, TREE.hash_of)
    with pytest.raises(ProofError):
        check_inclusion(index=index, size=size, leaf=bytes(32), proof=[], root=bytes(32))


@pytest.mark.parametrize(("old", "new"), [(2, 1), (-1, 1), (0, MAX_SIZE + 1)])
def test_no_proof_is_made_or_taken_for_a_tree_that_shrinks(old: int, new: int) -> None:
    with pytest.raises(ProofError):
        consistency_proof(old, new, TREE.hash_of)
    with pytest.raises(ProofError):
        check_consistency(old_size=old, old_root=EMPTY_ROOT, new_size=new, new_root=bytes(32), proof=[])


def test_a_proof_in_the_largest_tree_is_63_hashes_long() -> None:
    proof = [bytes(32)] * 63
    with pytest.raises(ProofError, match="another root"):
        check_inclusion(index=0, size=MAX_SIZE, leaf=bytes(32), proof=proof, root=bytes(32))
    with pytest.raises(ProofError, match="too many"):
        check_inclusion(index=0, size=MAX_SIZE, leaf=bytes(32), proof=[*proof, bytes(32)], root=bytes(32))
