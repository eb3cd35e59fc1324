"""`python -m bench.log`: growing, proving and signing logs of 10 k, 100 k and 1 M leaves, beside the bare operations.

One process, one thread, tiles in memory, operations per CPU-second. "Of raw" is the time that the same number of bare
SHA-256 hashes of 65 bytes takes, or one bare Ed25519 signature, over the time that the operation takes.
"""

import os
import platform
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.table import Table

from bench.anchors import per_cpu_second, raw_signing
from shared.transparency.checkpoints import Checkpoint
from shared.transparency.growing import Edge, grow
from shared.transparency.merkle import check_inclusion, inclusion_nodes, inclusion_proof, leaf_hash, nodes_for_inclusion
from shared.transparency.notes import NoteSigner, write_note
from shared.transparency.tiles import HEIGHT, Tile, hashes_in, tile_of, tiles_for

SIZES = (10_000, 100_000, 1_000_000)
BATCH = 256
ROUNDS = 5
CPU_SECONDS = 0.2
_NODE = bytes(65)  # what an inner node hashes


@dataclass(frozen=True)
class Measured:
    """An operation on a log of `size` leaves, and the hashes that it computes; None: a signature is what it is for."""

    what: str
    size: int
    hashes: int | None
    operation: Callable[[], object]


class Grown:
    """A log of `size` leaves, every hash tile in memory, as a service has it in its database."""

    def __init__(self, size: int) -> None:
        self.size, self.edge = size, Edge()
        self.tiles: dict[tuple[int, int], bytes] = {}
        while self.edge.size < size:
            numbers = range(self.edge.size, min(size, self.edge.size + BATCH))
            growth = grow(self.edge, [leaf_hash(number.to_bytes(32, "big")) for number in numbers])
            self.tiles |= growth.tiles
            self.edge = growth.edge

    def proof(self, index: int) -> list[bytes]:
        """Make an inclusion proof from the tiles that it needs, and no others."""
        wanted = tiles_for(nodes_for_inclusion(index, self.size), self.size)
        return inclusion_proof(index, self.size, hashes_in({tile: self.content(tile) for tile in wanted}))

    def content(self, tile: Tile) -> bytes:
        return self.tiles[tile.level, tile.index]


def operations(size: int) -> Iterator[Measured]:
    """Grow a log, and give what is measured of it."""
    log, random = Grown(size), Random(size)
    entries = [random.randbytes(32) for _ in range(BATCH)]
    yield Measured("append 256 leaves", size, 2 * BATCH, lambda: grow(log.edge, list(map(leaf_hash, entries))))
    index = size // 3
    yield Measured("prove a leaf, from tiles", size, hashes_of_proof(index, size), lambda: log.proof(index))
    proof, leaf, root = log.proof(index), leaf_hash(index.to_bytes(32, "big")), log.edge.root
    check = {"index": index, "size": size, "leaf": leaf, "proof": proof, "root": root}
    yield Measured("check that proof", size, len(proof), lambda: check_inclusion(**check))
    signer = NoteSigner("log.example/bench", Ed25519PrivateKey.generate())

    def checkpoint() -> bytes:
        text = Checkpoint(signer.name, size, log.edge.root).text
        return write_note(text, [signer.sign(text)])

    yield Measured("sign a checkpoint, root included", size, None, checkpoint)


def hashes_of_proof(index: int, size: int) -> int:
    """Return how many hashes a proof takes to compute from tiles: within tiles, and over subtrees side by side."""
    groups = inclusion_nodes(index, size)
    inside = sum(2 ** (node.level - tile_of(node, size).level * HEIGHT) - 1 for group in groups for node in group)
    return inside + sum(len(group) - 1 for group in groups)


def raw_hashing(cpu_seconds: float) -> float:
    """SHA-256 hashes of 65 bytes per CPU-second."""

    def hundred() -> None:
        for _ in range(100):
            sha256(_NODE).digest()

    return 100 * per_cpu_second(hundred, cpu_seconds)


def main(sizes: tuple[int, ...] = SIZES, rounds: int = ROUNDS, cpu_seconds: float = CPU_SECONDS) -> None:
    """Measure and print the table; each share is the median of shares within one round."""
    every = [measured for size in sizes for measured in operations(size)]
    rates: list[list[float]] = [[] for _ in every]
    shares: list[list[float]] = [[] for _ in every]
    hashing, signing = [], []
    for _ in range(rounds):
        hashing.append(raw_hashing(cpu_seconds))
        signing.append(raw_signing(cpu_seconds))
        for measured, own_rates, own_shares in zip(every, rates, shares, strict=True):
            rate = per_cpu_second(measured.operation, cpu_seconds)
            own_rates.append(rate)
            own_shares.append(rate / signing[-1] if measured.hashes is None else rate * measured.hashes / hashing[-1])
    table = Table("what", "leaves", "per CPU-second", "hashes in it", "of raw")
    table.add_row("raw: SHA-256 of 65 bytes", "", f"{statistics.median(hashing):,.0f}", "1", "1.00")
    table.add_row("raw: Ed25519 signature", "", f"{statistics.median(signing):,.0f}", "", "1.00")
    for measured, own_rates, own_shares in zip(every, rates, shares, strict=True):
        hashes = "" if measured.hashes is None else str(measured.hashes)
        figures = (f"{statistics.median(own_rates):,.0f}", hashes, f"{statistics.median(own_shares):.2f}")
        table.add_row(measured.what, f"{measured.size:,}", *figures)
    console = Console(width=120)
    console.print(f"One core of {os.cpu_count()}, Python {platform.python_version()}")
    console.print(table)


if __name__ == "__main__":
    main()
