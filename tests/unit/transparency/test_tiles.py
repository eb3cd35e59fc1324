"""The files of a tree: canonical names alone, tiles of exact width, bundles that are read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.transparency.errors import TileError
from shared.transparency.growing import Edge, grow
from shared.transparency.merkle import (
    Node,
    inclusion_proof,
    nodes_for_consistency,
    nodes_for_inclusion,
    nodes_for_root,
    root,
)
from shared.transparency.tiles import (
    FULL,
    MAX_ENTRY,
    Bundle,
    Tile,
    bundles_of,
    hash_in,
    hashes_in,
    parse_path,
    read_bundle,
    tile_of,
    tiles_for,
    tiles_of,
    write_bundle,
)
from tests.support.trees import numbered_tree

SIZES = (1, 2, 255, 256, 257, 511, 512, 600)
TREE = numbered_tree(SIZES[-1])


def tiles_at(size: int) -> dict[Tile, bytes]:
    """Every hash tile of the tree, computed from its leaves as tlog-tiles defines them."""
    found = {}
    for tile in tiles_of(size):
        first = tile.index * FULL
        hashes = [TREE.hash_of(Node(8 * tile.level, first + number)) for number in range(tile.width)]
        found[tile] = b"".join(hashes)
    return found


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("tile/0/x001/x234/067", Tile(0, 1_234_067)),  # tlog-tiles: the number of its example
        ("tile/0/x001/067", Tile(0, 1_067)),
        ("tile/0/000", Tile(0, 0)),
        ("tile/1/000.p/17", Tile(1, 0, 17)),
        ("tile/63/000.p/1", Tile(63, 0, 1)),
        ("tile/0/999.p/255", Tile(0, 999, 255)),
        ("tile/2/x001/000", Tile(2, 1_000)),
        ("tile/entries/000", Bundle(0)),
        ("tile/entries/x001/x234/067.p/8", Bundle(1_234_067, 8)),
    ],
)
def test_a_canonical_path_is_read_and_written(path: str, named: Tile | Bundle) -> None:
    assert parse_path(path) == named
    assert named.path == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checkpoint",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/x001/../..",
        "tile/0/../0/000",
        "tile/0/x000/001",
        "tile/0/x000/x001/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/1",
        "tile/0/0000",
        "tile/0/X001/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/-1",
        "tile/0/000.p/1000",
        "tile/0/000.P/1",
        "tile/00/000",
        "tile/01/000",
        "tile/64/000",
        "tile/-1/000",
        "tile//000",
        "tile/0/٠٠٠",
        "tile/0/000\n",
        "tile/0/000%2ep/1",
        "tile/0/000?x",
        "tile/entries/00",
        "tile/entries/000.p/0",
        "tile/entries/000.p/256",
        "tile/Entries/000",
        "tile/data/000",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/" + "x001/" * 2_000 + "000",
    ],
)
def test_no_other_way_of_writing_a_path_is_read(path: str) -> None:
    with pytest.raises(TileError):
        parse_path(path)


@given(st.integers(0, 63), st.integers(0, 2**55 - 1), st.integers(1, 256))
def test_every_path_that_is_written_is_read_back(level: int, index: int, width: int) -> None:
    for named in (Tile(level, index, width), Bundle(index, width)):
        assert parse_path(named.path) == named


@given(st.text(alphabet="tile/enrsx0123456789.p", max_size=30))
def test_whatever_is_read_is_written_just_so(path: str) -> None:
    try:
        named = parse_path(f"tile/{path}")
    except TileError:
        return
    assert named.path == f"tile/{path}"


def test_a_tree_of_70000_leaves_has_the_tiles_that_the_specification_counts() -> None:
    tiles = list(tiles_of(70_000))
    assert len([tile for tile in tiles if tile.level == 0 and tile.width == FULL]) == 273
    assert [tile for tile in tiles if tile.width < FULL] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert [tile for tile in tiles if tile.level == 1 and tile.width == FULL] == [Tile(1, 0)]
    assert list(bundles_of(70_000))[-2:] == [Bundle(272), Bundle(273, 112)]


def test_a_tree_of_256_leaves_has_a_full_tile_and_one_hash_above_it_and_the_empty_one_has_none() -> None:
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(bundles_of(256)) == [Bundle(0)]
    assert [*tiles_of(0), *bundles_of(0)] == []


@pytest.mark.parametrize("size", SIZES)
def test_the_tiles_that_are_named_for_a_proof_are_enough_for_it(size: int) -> None:
    every = tiles_at(size)
    for index in range(0, size, 37):
        named = tiles_for(nodes_for_inclusion(index, size), size)
        hash_of = hashes_in({tile: every[tile] for tile in named})
        assert inclusion_proof(index, size, hash_of) == inclusion_proof(index, size, TREE.hash_of)
    for old in range(0, size, 41):
        for node in nodes_for_consistency(old, size):
            assert hash_in(node, {tile_of(node, size): every[tile_of(node, size)]}) == TREE.hash_of(node)
    named = tiles_for(nodes_for_root(size), size)
    assert root(size, hashes_in({tile: every[tile] for tile in named})) == TREE.root(size)


def test_a_wider_tile_serves_for_a_narrower_one() -> None:
    wide, narrow = tiles_at(200), tiles_at(100)
    assert hash_in(Node(2, 3), {**narrow, **wide}) == hash_in(Node(2, 3), narrow) == TREE.hash_of(Node(2, 3))
    assert hash_in(Node(0, 150), {**wide, **narrow}) == TREE.leaves[150]


def test_a_tile_that_is_not_as_wide_as_it_says_is_refused() -> None:
    content = tiles_at(5)[Tile(0, 0, 5)]
    for other in (content[:-1], content + b"\x00", content[:-32], b""):
        with pytest.raises(TileError):
            hashes_in({Tile(0, 0, 5): other})


def test_a_node_that_no_tile_at_hand_holds_is_an_error() -> None:
    for node in (Node(0, 5), Node(3, 0), Node(8, 0), Node(0, 256)):
        with pytest.raises(TileError):
            hash_in(node, tiles_at(5))


def test_a_node_that_the_tree_does_not_have_stands_in_no_tile() -> None:
    for node, size in ((Node(0, 5), 5), (Node(3, 0), 7), (Node(8, 1), 511)):
        with pytest.raises(TileError):
            tile_of(node, size)


@pytest.mark.parametrize("values", [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257), (0, 2**55, 1)])
def test_there_are_no_other_tiles(values: tuple[int, int, int]) -> None:
    with pytest.raises(TileError):
        Tile(*values)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=256))
def test_a_bundle_gives_its_entries_back(entries: list[bytes]) -> None:
    assert read_bundle(write_bundle(entries), len(entries)) == entries


def test_an_entrys_length_is_two_bytes_big_endian() -> None:
    assert write_bundle([b"a", b"", b"bc" * 300]) == b"\x00\x01a\x00\x00\x02\x58" + b"bc" * 300


def test_an_entry_of_65535_bytes_is_the_longest() -> None:
    longest = bytes(MAX_ENTRY)
    assert read_bundle(write_bundle([longest]), 1) == [longest]
    with pytest.raises(TileError):
        write_bundle([longest + b"\x00"])


@pytest.mark.parametrize("count", [0, 257])
def test_a_bundle_has_1_to_256_entries(count: int) -> None:
    with pytest.raises(TileError):
        write_bundle([b""] * count)


@pytest.mark.parametrize(
    ("content", "width"),
    [
        (b"", 1),
        (b"\x00", 1),
        (b"\x00\x01", 1),
        (b"\x00\x02a", 1),
        (b"\x00\x01a", 2),
        (b"\x00\x01a\x00", 1),
        (b"\x00\x01a\x00\x00", 1),
        (b"\x00\x01a", 0),
        (b"\x00\x01a", 257),
    ],
)
def test_a_bundle_of_another_width_or_length_is_refused(content: bytes, width: int) -> None:
    with pytest.raises(TileError):
        read_bundle(content, width)


def test_each_hash_of_a_bundles_entries_stands_in_the_tile_below_it() -> None:
    growth = grow(Edge(), TREE.leaves[:300])
    assert growth.tiles[0, 1] == b"".join(TREE.leaves[256:300])
