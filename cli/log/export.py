"""`laurel log export`: a log's files into a folder that any web server can serve, each of them checked on the way."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import connect
from cli.keys import Unusable
from cli.log.audit import TRUST, Vkey, first_state, telling
from cli.log.auditing import Audit
from cli.log.files import Finding, LogFiles
from cli.log.source import Folder, Source, source_at
from cli.log.state import State, signed
from cli.output import Json, give, say, warn
from shared.transparency.errors import TransparencyError
from shared.transparency.growing import edge_tiles, read_edge
from shared.transparency.note_keys import NoteVerifier
from shared.transparency.tiles import FULL, HEIGHT, Bundle, Tile, write_bundle


def export(
    folder: Annotated[Path, typer.Argument(help="Where the files go; made if it is not there.", metavar="DIR")],
    log: Annotated[
        str | None, typer.Option(help="The log's address. Absent: /log of the registry in LAUREL_URL_REGISTRY.")
    ] = None,
    vkey: Vkey = None,
    as_json: Json = False,
) -> None:
    """Copy a log into a folder that any web server can serve: checkpoint, key, hash tiles and entries.

    It is audited on the way. Run again, it copies what is new. The checkpoint is written last, so that what is served
    from the folder fits at every moment. No API key is needed.

    Exit code 0: all is copied. 1: the log was rewritten, or lies; nothing of that is in the folder. 2: it could not be
    done.

    Example: laurel log export /srv/www/log --log https://badges.example/log
    """
    where = log or f"{connect(os.environ, needs=['registry'], optional=True).urls['registry']}/log"
    there = exported(folder)
    copy = Copy(source_at(where), folder, there.edge.size if there else 0)
    begun, trust = first_state(copy, there, vkey)
    with telling(as_json) as tell:
        try:
            newest = Audit(copy, begun, lambda _: None, tell).run().newest
        except Finding as finding:
            copy.undo()
            warn(f"FOUND: {begun.verifier.name}: {finding} Nothing was copied.")
            raise typer.Exit(1) from finding
        except KeyboardInterrupt as interrupt:
            raise Unusable("Interrupted. The folder's checkpoint is the one of before.") from interrupt
    copy.write("vkey", f"{begun.verifier.vkey}\n".encode())
    copy.write("checkpoint", newest.note.encode())
    new = newest.size - begun.edge.size
    if as_json:
        give({"result": "ok", "origin": newest.checkpoint.origin, "size": newest.size, "new": new, "trust": trust})
    else:
        said = f"{newest.size} leaves of {newest.checkpoint.origin}, {new} of them new"
        say(f"{folder}: {said}; everything fits ({TRUST[trust]}).")


class Copy(LogFiles):
    """A log's files, each new tile and bundle of which is put into a folder when it is read. Threads may share it.

    What the folder has of the first `size` leaves stays as it is.
    """

    def __init__(self, source: Source, folder: Path, size: int) -> None:
        super().__init__(source)
        self._folder = folder
        self._size = size
        self._new: list[str] = []

    def hashes(self, tile: Tile) -> bytes:
        content = super().hashes(tile)
        if (tile.index * FULL + tile.width) << (HEIGHT * tile.level) > self._size:
            self.write(tile.path, content)
        return content

    def entries(self, bundle: Bundle) -> list[bytes]:
        entries = super().entries(bundle)
        if bundle.index * FULL + bundle.width > self._size:
            self.write(bundle.path, write_bundle(entries))
        return entries

    def write(self, path: str, content: bytes) -> None:
        """Put a file into the folder, so that it is never half there; raises Unusable."""
        file = self._folder / path
        half = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._new += [path] if not file.exists() else []
            half.write_bytes(content)
            half.replace(file)
        except OSError as error:
            half.unlink(missing_ok=True)
            raise Unusable(f"{file} can't be written: {error.strerror or error}") from error

    def undo(self) -> None:
        """Take away what was not there before."""
        for path in self._new:
            (self._folder / path).unlink(missing_ok=True)


def exported(folder: Path) -> State | None:
    """Return how far a folder's log goes, None where there is none yet; raises Unusable where it is not whole."""
    source = Folder(folder)
    if not (folder / "checkpoint").exists():
        return None
    files = LogFiles(source)
    try:
        verifier = NoteVerifier.parse(files.vkey())
        seen = signed(files.checkpoint(), verifier)
        edge = read_edge(seen.size, {tile: files.hashes(tile) for tile in edge_tiles(seen.size)})
    except (TransparencyError, Finding) as error:
        raise Unusable(f"{folder} holds no whole log: {error}") from error
    if edge.root != seen.checkpoint.root:
        raise Unusable(f"{folder} holds no whole log: its tiles do not fit its checkpoint.")
    return State(verifier, seen, edge)
