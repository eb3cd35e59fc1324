"""Reads the log's tree out of its tiles: roots, and proofs as RFC 6962 section 2.1 has them."""

from collections.abc import Callable, Iterable, Sequence

from services.registry.store import log as store
from shared.db import Tx
from shared.transparency import merkle
from shared.transparency.merkle import Node
from shared.transparency.tiles import Tile, hashes_in, tiles_for


class TreeChanged(Exception):
    """The tree is not what it was, or what others have seen of it: nothing may be signed. The message says what is."""


async def root_at(tx: Tx, tree: int, size: int, present: int) -> bytes:
    """Return the root that a log of `present` leaves had when it had `size`; raises TreeChanged where tiles miss."""
    hash_of = await _hashes(tx, tree, merkle.nodes_for_root(size), present)
    return merkle.root(size, hash_of)


async def inclusion_proof(tx: Tx, tree: int, index: int, size: int) -> list[bytes]:
    """Return the proof that the leaf `index` is in the tree of `size` leaves; raises TreeChanged where tiles miss."""
    hash_of = await _hashes(tx, tree, merkle.nodes_for_inclusion(index, size), size)
    return merkle.inclusion_proof(index, size, hash_of)


async def consistency_proof(tx: Tx, tree: int, old: int, new: int) -> list[bytes]:
    """Return the proof that the tree of `new` leaves begins with that of `old`; raises TreeChanged where tiles miss."""
    hash_of = await _hashes(tx, tree, merkle.nodes_for_consistency(old, new), new)
    return merkle.consistency_proof(old, new, hash_of)


async def tiles_of(tx: Tx, tree: int, wanted: Iterable[Tile]) -> dict[Tile, bytes]:
    """Return tiles of a log; raises TreeChanged where one is not there, or not as wide as it was."""
    wanted = set(wanted)
    found = await store.tiles(tx, tree, wanted)
    if missing := wanted - found.keys():
        first = min(each.path for each in missing)
        raise TreeChanged(f"the tile {first} is not there, or not as wide as it was")
    return found


async def _hashes(tx: Tx, tree: int, nodes: Sequence[Node], size: int) -> Callable[[Node], bytes]:
    return hashes_in(await tiles_of(tx, tree, tiles_for(nodes, size)))
