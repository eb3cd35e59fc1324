"""A tree that grows by its edge alone is the tree that its leaves define."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.transparency.errors import TileError
from shared.transparency.growing import Edge, edge_tiles, grow, read_edge
from shared.transparency.merkle import EMPTY_ROOT, Node
from shared.transparency.tiles import FULL, Tile, tiles_of
from tests.support.trees import numbered_tree

TREE = numbered_tree(1_200)


def grown(edge: Edge, stored: dict[Tile, bytes], count: int) -> Edge:
    """Append the next leaves, and store what changed as a log does."""
    growth = grow(edge, TREE.leaves[edge.size : edge.size + count])
    stored |= {Tile(*place, len(content) // 32): content for place, content in growth.tiles.items()}
    return growth.edge


def tile_content(tile: Tile) -> bytes:
    first = tile.index * FULL
    return b"".join(TREE.hash_of(Node(8 * tile.level, first + number)) for number in range(tile.width))


@settings(max_examples=30)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=8))
def test_growing_by_any_batches_makes_the_same_tree(batches: list[int]) -> None:
    edge, stored = Edge(), {}
    for count in batches:
        edge = grown(edge, stored, min(count, len(TREE.leaves) - edge.size))
        assert edge.root == TREE.root(edge.size)
        assert read_edge(edge.size, {tile: stored[tile] for tile in edge_tiles(edge.size)}) == edge
        for tile in tiles_of(edge.size):
            assert stored[tile] == tile_content(tile)


def test_growing_by_one_leaf_writes_every_partial_tile_of_every_size() -> None:
    edge, stored = Edge(), {}
    for size in range(1, 300):
        edge = grown(edge, stored, 1)
        assert set(tiles_of(size)) <= set(stored)
        assert edge.root == TREE.root(size)


def test_a_batch_changes_the_tiles_of_the_edge_alone() -> None:
    growth = grow(grow(Edge(), TREE.leaves[:700]).edge, TREE.leaves[700:800])
    assert set(growth.tiles) == {(0, 2), (0, 3), (1, 0)}
    assert set(grow(growth.edge, TREE.leaves[800:801]).tiles) == {(0, 3)}


def test_what_a_batch_changes_does_not_grow_with_the_tree() -> None:
    size = 2**40 + 300
    held = {tile: bytes(32 * tile.width) for tile in edge_tiles(size)}
    growth = grow(read_edge(size, held), TREE.leaves[:256])
    assert set(growth.tiles) == {(0, (size >> 8)), (0, (size >> 8) + 1), (1, size >> 16)}


def test_nothing_appended_changes_nothing() -> None:
    edge = grow(Edge(), TREE.leaves[:300]).edge
    growth = grow(edge, [])
    assert (growth.edge, dict(growth.tiles)) == (edge, {})


def test_the_empty_tree_has_no_tiles_and_the_root_of_nothing() -> None:
    assert (edge_tiles(0), read_edge(0, {}), Edge().root) == ([], Edge(), EMPTY_ROOT)


def test_the_edge_of_a_large_tree_is_one_partial_tile_a_level() -> None:
    assert edge_tiles(70_000) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert edge_tiles(256**3) == [Tile(3, 0, 1)]


def test_an_edge_without_its_tiles_or_with_others_is_refused() -> None:
    edge, stored = Edge(), {}
    edge = grown(edge, stored, 300)
    whole = {tile: stored[tile] for tile in edge_tiles(300)}
    for tile in whole:
        with pytest.raises(TileError):
            read_edge(300, {other: content for other, content in whole.items() if other != tile})
        with pytest.raises(TileError):
            read_edge(300, {**whole, tile: whole[tile][:-32]})
    with pytest.raises(TileError):
        Edge(301, edge.levels)


@pytest.mark.parametrize("leaf", [b"", bytes(31), bytes(33)])
def test_a_leaf_that_is_no_hash_is_refused(leaf: bytes) -> None:
    with pytest.raises(TileError):
        grow(Edge(), [leaf])


@pytest.mark.parametrize("size", [-1, -256, 2**63])
def test_no_tree_has_such_a_size(size: int) -> None:
    with pytest.raises(TileError, match="No tree has"):
        Edge(size)
