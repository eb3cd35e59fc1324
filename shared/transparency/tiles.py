"""The static files that a tree is served as: their names, hash tiles and entry bundles (C2SP tlog-tiles).

Of each hash tile or bundle one name is right, and no other is read: names are cache keys and file names.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.transparency.errors import TileError
from shared.transparency.merkle import HASH_SIZE, MAX_SIZE, Node, node_hash

HEIGHT = 8
FULL = 1 << HEIGHT  # hashes in a full tile, entries in a full bundle
MAX_ENTRY = 2**16 - 1  # its length is written in two bytes
MAX_LEVEL = 63
_MAX_INDEX = MAX_SIZE >> HEIGHT
_PATH = re.compile(r"tile/(entries|\d{1,2})/((?:x\d{3}/){0,6}\d{3})(?:\.p/(\d{1,3}))?", re.ASCII)


@dataclass(frozen=True, order=True)
class Tile:
    """A hash tile: `width` (1 to 256) hashes of level 8 * `level` of the tree, from 256 * `index` on."""

    level: int
    index: int
    width: int = FULL

    def __post_init__(self) -> None:
        _need(0 <= self.level <= MAX_LEVEL, f"No tile has level {self.level}.")
        _need_place(self.index, self.width)

    @property
    def path(self) -> str:
        """Where it is served, below the log's address."""
        return f"tile/{self.level}/{_place(self.index, self.width)}"


@dataclass(frozen=True, order=True)
class Bundle:
    """An entry bundle: `width` (1 to 256) entries from 256 * `index` on."""

    index: int
    width: int = FULL

    def __post_init__(self) -> None:
        _need_place(self.index, self.width)

    @property
    def path(self) -> str:
        """Where it is served, below the log's address."""
        return f"tile/entries/{_place(self.index, self.width)}"


def parse_path(text: str) -> Tile | Bundle:
    """Return what stands at a path, as `tile/0/x001/067.p/8`; raises TileError for anything but a canonical path."""
    found = _PATH.fullmatch(text)
    if found is None:
        raise TileError("This is no tile's path.")
    kind, groups, partial = found.groups()
    index, width = int(re.sub(r"[x/]", "", groups)), int(partial or FULL)
    thing = Bundle(index, width) if kind == "entries" else Tile(int(kind), index, width)
    _need(thing.path == text, "The tile's path is not written in its one way.")
    return thing


def tile_of(node: Node, size: int) -> Tile:
    """Return the hash tile, of a tree of `size` leaves, that a full subtree's root is computed from.

    Raises TileError if the tree has no such full subtree.
    """
    _need((node.index + 1) << node.level <= size, f"A tree of {size} leaves has no such node.")
    level, index = node.level // HEIGHT, (node.index << (node.level % HEIGHT)) >> HEIGHT
    return Tile(level, index, min(FULL, (size >> (HEIGHT * level)) - index * FULL))


def tiles_for(nodes: Iterable[Node], size: int) -> set[Tile]:
    """Return the hash tiles, of a tree of `size` leaves, that hold these nodes; partial ones of exact width."""
    return {tile_of(node, size) for node in nodes}


def tiles_of(size: int) -> Iterator[Tile]:
    """Give every hash tile of a tree of `size` leaves, level by level, the partial one of a level last."""
    level = 0
    while size:
        for index in range(-(-size // FULL)):
            yield Tile(level, index, min(FULL, size - index * FULL))
        size, level = size >> HEIGHT, level + 1


def bundles_of(size: int) -> Iterator[Bundle]:
    """Give every entry bundle of a tree of `size` leaves, a partial one last."""
    for index in range(-(-size // FULL)):
        yield Bundle(index, min(FULL, size - index * FULL))


def hashes_in(tiles: Mapping[Tile, bytes]) -> Callable[[Node], bytes]:
    """Return the function that computes a full subtree's root from the tiles at hand, of which the widest count.

    Raises TileError, at once for a tile without exactly `width` hashes, and then for a node that no tile holds.
    """
    widest: dict[tuple[int, int], bytes] = {}
    for tile, content in tiles.items():
        _need(len(content) == tile.width * HASH_SIZE, f"{tile.path} does not have {tile.width} hashes.")
        place = (tile.level, tile.index)
        widest[place] = max(content, widest.get(place, b""), key=len)

    def hash_of(node: Node) -> bytes:
        level, height = divmod(node.level, HEIGHT)
        first = node.index << height
        begin = first % FULL * HASH_SIZE
        end = begin + (HASH_SIZE << height)
        content = widest.get((level, first // FULL), b"")
        _need(end <= len(content), f"No tile at hand holds {node}.")
        return root_of(content[begin:end])

    return hash_of


def hash_in(node: Node, tiles: Mapping[Tile, bytes]) -> bytes:
    """Return one full subtree's root from the tiles at hand; for more than one take `hashes_in`."""
    return hashes_in(tiles)(node)


def root_of(hashes: bytes) -> bytes:
    """Return the hash over 2**k hashes of 32 bytes that stand side by side in a tile."""
    while len(hashes) > HASH_SIZE:
        halves = [hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE)]
        hashes = b"".join(map(node_hash, halves[::2], halves[1::2]))
    return hashes


def write_bundle(entries: Sequence[bytes]) -> bytes:
    """Return 1 to 256 entries as a bundle: each behind its length, two bytes, big-endian. Raises TileError."""
    _need(1 <= len(entries) <= FULL, f"A bundle does not have {len(entries)} entries.")
    _need(max(map(len, entries)) <= MAX_ENTRY, f"An entry has more than {MAX_ENTRY:,} bytes.")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def read_bundle(content: bytes, width: int) -> list[bytes]:
    """Return the entries of a bundle; raises TileError unless it has exactly `width`, and nothing else."""
    entries, at = [], 0
    for _ in range(width):
        begin = at + 2
        at = begin + int.from_bytes(content[at:begin], "big")
        _need(at <= len(content), "The bundle ends within an entry.")
        entries.append(content[begin:at])
    _need(at == len(content), f"The bundle has more than {width} entries.")
    return entries


def _place(index: int, width: int) -> str:
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    partial = f".p/{width}" if width < FULL else ""
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]]) + partial


def _need_place(index: int, width: int) -> None:
    _need(0 <= index <= _MAX_INDEX, f"No tile has index {index}.")
    _need(1 <= width <= FULL, f"No tile is {width} wide.")


def _need(condition: bool, otherwise: str) -> None:
    if not condition:
        raise TileError(otherwise)
