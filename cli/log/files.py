"""A log's files as C2SP tlog-tiles has them: each in its one form, or a finding against the log."""

from typing import TypeVar

from cli.keys import Unusable
from cli.log.source import Missing, Source
from shared.transparency.errors import TransparencyError
from shared.transparency.merkle import HASH_SIZE
from shared.transparency.notes import MAX_NOTE
from shared.transparency.tiles import MAX_ENTRY, Bundle, Tile, read_bundle

_MAX_VKEY = 2000
_BYTES = {Tile: HASH_SIZE, Bundle: 2 + MAX_ENTRY}
_Served = TypeVar("_Served", Tile, Bundle)


class Finding(Exception):
    """The log was rewritten, or says what is not so; the message says what and where."""


class LogFiles:
    """The files of one log. What it should serve and does not, or in another form, is a Finding.

    Threads may share it.
    """

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self._source = source

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint, nothing of it checked; raises Unusable where there is none."""
        return self._always_there("checkpoint", MAX_NOTE)

    def vkey(self) -> str:
        """Return the key that the log gives as its own; raises Unusable where it gives none."""
        return self._always_there("vkey", _MAX_VKEY).decode(errors="replace").removesuffix("\n")

    def hashes(self, tile: Tile) -> bytes:
        """Return a tile: `width` hashes of 32 bytes."""
        served, content = self._served(tile, Tile(tile.level, tile.index))
        if len(content) != served.width * HASH_SIZE:
            raise Finding(f"{served.path} does not have {served.width} hashes of {HASH_SIZE} bytes.")
        return content[: tile.width * HASH_SIZE]

    def entries(self, bundle: Bundle) -> list[bytes]:
        """Return a bundle's `width` entries."""
        served, content = self._served(bundle, Bundle(bundle.index))
        try:
            return read_bundle(content, served.width)[: bundle.width]
        except TransparencyError as error:
            raise Finding(f"{served.path} is no bundle of {served.width} entries: {error.detail}") from error

    def _served(self, wanted: _Served, full: _Served) -> tuple[_Served, bytes]:
        """Read a file, or the full one that may have taken a partial one's place (tlog-tiles, "Partial Tiles")."""
        for each in dict.fromkeys((wanted, full)):
            try:
                return each, self._source.read(each.path, each.width * _BYTES[type(each)])
            except Missing:
                pass
        raise Finding(f"{wanted.path} is not served, and a checkpoint covers it.")

    def _always_there(self, path: str, limit: int) -> bytes:
        try:
            return self._source.read(path, limit)
        except Missing as error:
            raise Unusable(f"{self.name} has no {path}: is it a log's address?") from error
