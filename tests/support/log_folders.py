"""A transparency log as files in a folder, written by its operator's hand: honest, until a test makes it lie."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.transparency.checkpoints import Checkpoint
from shared.transparency.growing import Edge, grow
from shared.transparency.merkle import leaf_hash
from shared.transparency.note_keys import NoteSigner
from shared.transparency.notes import write_note
from shared.transparency.tiles import FULL, Bundle, Tile, bundles_of, tiles_of, write_bundle

ORIGIN = "log.badges.example"


def some_entries(count: int, kind: str = "entry") -> list[bytes]:
    """Entries as Laurel has them, 32 bytes each."""
    return [sha256(f"{kind} {number}".encode()).digest() for number in range(count)]


class LogFolder:
    """A log's folder; `entries` may be changed at will, `publish` signs and writes whatever they are."""

    def __init__(self, path: Path, entries: Sequence[bytes] = (), origin: str = ORIGIN) -> None:
        self.path = path
        self.entries = list(entries)
        self.signer = NoteSigner(origin, Ed25519PrivateKey.generate())
        self.publish()

    @property
    def vkey(self) -> str:
        return self.signer.vkey

    @property
    def size(self) -> int:
        return len(self.entries)

    def append(self, *entries: bytes) -> "LogFolder":
        """Add entries and publish them."""
        self.entries += entries
        return self.publish()

    @property
    def root(self) -> bytes:
        return grow(Edge(), list(map(leaf_hash, self.entries))).edge.root

    def publish(self) -> "LogFolder":
        """Write every file of the tree that the entries are, and sign its root."""
        growth = grow(Edge(), list(map(leaf_hash, self.entries)))
        for tile in tiles_of(self.size):
            self.write(tile, growth.tiles[tile.level, tile.index])
        for bundle in bundles_of(self.size):
            self.write(bundle, write_bundle(self.entries[bundle.index * FULL :][: bundle.width]))
        self.sign(self.size, growth.edge.root)
        self._write("vkey", f"{self.vkey}\n".encode())
        return self

    def sign(self, size: int, root: bytes) -> None:
        """Sign any checkpoint, true or not."""
        text = Checkpoint(self.signer.name, size, root).text
        self._write("checkpoint", write_note(text, [self.signer.sign(text)]))

    def checkpoint(self) -> bytes:
        """The newest checkpoint."""
        return (self.path / "checkpoint").read_bytes()

    def write(self, thing: Tile | Bundle, content: bytes) -> None:
        """Write a tile or bundle, whatever is in it."""
        self._write(thing.path, content)

    def _write(self, path: str, content: bytes) -> None:
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
