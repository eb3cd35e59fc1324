"""Appending leaves to a tree of which only the right edge is at hand; what it costs does not depend on the size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.transparency import merkle
from shared.transparency.errors import TileError
from shared.transparency.merkle import HASH_SIZE, MAX_SIZE
from shared.transparency.tiles import FULL, HEIGHT, Tile, hashes_in, root_of

_FULL_BYTES = FULL * HASH_SIZE


@dataclass(frozen=True)
class Edge:
    """The right edge of a tree of `size` leaves: by tile level, the hashes of the tile that is not full yet.

    A level whose last tile is just full has none (`b""`). The default is the empty tree's.
    """

    size: int = 0
    levels: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE:
            raise TileError(f"No tree has {self.size} leaves.")
        widths = _widths(self.size)
        if [len(hashes) for hashes in self.levels] != [width * HASH_SIZE for width in widths]:
            raise TileError(f"The edge of a tree of {self.size} leaves has other widths.")

    @property
    def root(self) -> bytes:
        """The tree's root hash, 32 bytes."""
        tiles = {tile: self.levels[tile.level] for tile in edge_tiles(self.size)}
        return merkle.root(self.size, hashes_in(tiles))


@dataclass(frozen=True)
class Growth:
    """What became of a tree: its edge, and (level, index) of each hash tile that changed with its whole content."""

    edge: Edge
    tiles: Mapping[tuple[int, int], bytes]


def grow(edge: Edge, leaf_hashes: Sequence[bytes]) -> Growth:
    """Append leaves, given as their hashes, to the tree with this edge; raises TileError for a hash not of 32 bytes."""
    if any(len(each) != HASH_SIZE for each in leaf_hashes):
        raise TileError("A leaf's hash does not have 32 bytes.")
    size = edge.size + len(leaf_hashes)
    levels: list[bytes] = []
    tiles: dict[tuple[int, int], bytes] = {}
    added = b"".join(leaf_hashes)
    for level in range(len(_widths(size))):
        held = edge.levels[level] if level < len(edge.levels) else b""
        content, index = held + added, edge.size >> (HEIGHT * (level + 1))
        pieces = [content[at : at + _FULL_BYTES] for at in range(0, len(content), _FULL_BYTES)]
        if added:
            tiles |= {(level, index + offset): piece for offset, piece in enumerate(pieces)}
        added = b"".join(root_of(piece) for piece in pieces if len(piece) == _FULL_BYTES)
        levels.append(pieces[-1] if len(content) % _FULL_BYTES else b"")
    return Growth(Edge(size, tuple(levels)), tiles)


def edge_tiles(size: int) -> list[Tile]:
    """Return the partial hash tiles that hold the edge of a tree of `size` leaves, lowest level first."""
    return [Tile(level, size >> (HEIGHT * (level + 1)), width) for level, width in enumerate(_widths(size)) if width]


def read_edge(size: int, tiles: Mapping[Tile, bytes]) -> Edge:
    """Return the edge of a tree of `size` leaves from the tiles that `edge_tiles` names; raises TileError."""
    held = {tile.level: tiles.get(tile, b"") for tile in edge_tiles(size)}
    return Edge(size, tuple(held.get(level, b"") for level in range(len(_widths(size)))))


def _widths(size: int) -> list[int]:
    """Return how many hashes the last, not full, tile of each level has."""
    widths = []
    while size:
        widths.append(size % FULL)
        size >>= HEIGHT
    return widths
