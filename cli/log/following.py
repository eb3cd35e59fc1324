"""A log's new leaves: read in bundles, several at once, hashed, and grown from the right edge of what is known."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from cli.log.files import Finding, LogFiles
from shared.transparency.growing import Edge, edge_tiles, grow
from shared.transparency.merkle import HASH_SIZE, leaf_hash
from shared.transparency.tiles import FULL, HEIGHT, Bundle, Tile

AT_ONCE = 8  # files that are fetched at a time; as many are in memory
_FULL_BYTES = FULL * HASH_SIZE

See = Callable[[int, Sequence[bytes]], None]

_Asked = TypeVar("_Asked")
_Got = TypeVar("_Got")


def follow(
    files: LogFiles, edge: Edge, size: int, stops: Iterable[int] = (), see: See = lambda first, entries: None
) -> Iterator[Edge]:
    """Grow a tree from its edge to `size` leaves by what is served; give the edge after each bundle, and at `stops`.

    `stops` are further sizes, ascending; `see` is called with the index of each bundle's first leaf and its entries.
    Every entry is hashed, and every hash tile that becomes full, or is the last of its level, is compared with the one
    that is served. Raises Finding where they do not fit. Whether the edges have the roots that were signed is for the
    caller to see.
    """
    bundles = (Bundle(n, min(FULL, size - n * FULL)) for n in range(edge.size // FULL, -(-size // FULL)))
    pending = iter(stops)
    stop = next(pending, size)
    with fetching() as fetch:
        for bundle, entries in fetch(bundles, lambda each: _entries(files, each)):
            first = bundle.index * FULL
            see(first, entries)
            hashes = list(map(leaf_hash, entries))
            known = edge.size - first
            if known and b"".join(hashes[:known]) != edge.levels[0]:
                raise Finding(f"{bundle.path} has other entries among the first {edge.size} of the log than before.")
            while edge.size < first + bundle.width:
                while stop <= edge.size:
                    stop = next(pending, size)
                end = min(stop, first + bundle.width)
                edge = _grown(files, edge, hashes[edge.size - first : end - first])
                yield edge
        for tile in edge_tiles(size):
            if tile.level:
                _compare(files, tile, edge.levels[tile.level])


def _entries(files: LogFiles, bundle: Bundle) -> list[bytes]:
    """Return a bundle's entries; raises Finding where the hash tile above them has others."""
    entries = files.entries(bundle)
    _compare(files, Tile(0, bundle.index, bundle.width), b"".join(map(leaf_hash, entries)))
    return entries


def _grown(files: LogFiles, edge: Edge, hashes: Sequence[bytes]) -> Edge:
    growth = grow(edge, hashes)
    for (level, index), content in growth.tiles.items():
        if level and len(content) == _FULL_BYTES:
            _compare(files, Tile(level, index), content)
    return growth.edge


def _compare(files: LogFiles, tile: Tile, computed: bytes) -> None:
    """Raise Finding, which names the first leaf or subtree, where the tile that is served is another."""
    served = files.hashes(tile)
    if served == computed:
        return
    places = range(tile.width)
    first = next(n for n in places if served[n * HASH_SIZE :][:HASH_SIZE] != computed[n * HASH_SIZE :][:HASH_SIZE])
    leaf = (tile.index * FULL + first) << (HEIGHT * tile.level)
    what = f"the leaves from {leaf} on" if tile.level else f"leaf {leaf}"
    raise Finding(f"{tile.path} and what the log's entries give differ in {what}.")


@contextmanager
def fetching() -> Iterator[Callable[[Iterable[_Asked], Callable[[_Asked], _Got]], Iterator[tuple[_Asked, _Got]]]]:
    """Give what fetches things in parallel and hands them on in order; few are in memory at a time."""
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fetch")

    def fetch(asked: Iterable[_Asked], get: Callable[[_Asked], _Got]) -> Iterator[tuple[_Asked, _Got]]:
        waiting: deque[tuple[_Asked, Future[_Got]]] = deque()
        for each in asked:
            waiting.append((each, pool.submit(get, each)))
            if len(waiting) == AT_ONCE:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()

    try:
        yield fetch
    finally:
        pool.shutdown(cancel_futures=True)
