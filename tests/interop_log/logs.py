"""A log of random entries, grown batch by batch as the registry grows its own, and written as a folder of files."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.transparency import merkle
from shared.transparency.checkpoints import Checkpoint
from shared.transparency.growing import Edge, grow
from shared.transparency.merkle import leaf_hash
from shared.transparency.notes import CosignatureSigner, NoteSigner, write_note
from shared.transparency.tiles import Tile, bundles_of, hashes_in, tiles_of, write_bundle

ORIGIN, WITNESS = "laurel.example/log", "laurel.example/witness"
TIME = 1_790_000_000
_BATCH = 256
_ODD_SIZES = (0, 1, 65_535)


class WrittenLog:
    """A log of `size` entries, its keys, and every hash tile that it has at that size."""

    def __init__(self, size: int, seed: int = 6) -> None:
        random = Random(seed)
        self.signer = NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(random.randbytes(32)))
        self.witness = CosignatureSigner(WITNESS, Ed25519PrivateKey.from_private_bytes(random.randbytes(32)))
        self.size, self.entries = size, list(_entries(size, random))
        self.tiles: dict[Tile, bytes] = {}
        edge = Edge()
        while edge.size < size:
            growth = grow(edge, [leaf_hash(entry) for entry in self.entries[edge.size : edge.size + _BATCH]])
            self.tiles |= {Tile(*place, len(content) // 32): content for place, content in growth.tiles.items()}
            edge = growth.edge
        self.hash_of = hashes_in({tile: self.tiles[tile] for tile in tiles_of(size)})

    def root(self, size: int) -> bytes:
        """The root of the log when it had `size` leaves."""
        return merkle.root(size, self.hash_of)

    def note(self, size: int) -> bytes:
        """The signed and cosigned checkpoint of that size."""
        text = Checkpoint(ORIGIN, size, self.root(size)).text
        return write_note(text, [self.signer.sign(text), self.witness.sign(text, TIME)])

    def write(self, folder: Path) -> None:
        """Write the files that a web server would serve as the log."""
        contents = {tile.path: self.tiles[tile] for tile in tiles_of(self.size)}
        for bundle in bundles_of(self.size):
            first = bundle.index * 256
            contents[bundle.path] = write_bundle(self.entries[first : first + bundle.width])
        contents |= {"checkpoint": self.note(self.size), "vkey": self.signer.vkey.encode()}
        for path, content in contents.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)


def _entries(size: int, random: Random) -> Iterator[bytes]:
    """Mostly commitments of 32 bytes; a few as short and as long as an entry may be."""
    for number in range(size):
        yield random.randbytes(_ODD_SIZES[number] if size > 1 and number < len(_ODD_SIZES) else 32)
