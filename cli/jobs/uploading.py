"""A file of learners on its way to the issuer: read piece by piece, however large it is."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cli.keys import Unusable

PIECE = 64 << 10
_JSON_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Upload:
    """A file as it was opened: how many bytes it has, None where that can't be known, as of a pipe."""

    media_type: str
    size: int | None
    _first: bytes
    _file: BinaryIO

    @property
    def again(self) -> bool:
        """Whether it can be sent a second time."""
        return self.size is not None

    def pieces(self, sent: Callable[[int], None]) -> Iterator[bytes]:
        """Give the file from its beginning, and tell after each piece how many bytes were sent."""
        count = 0
        if self.again:
            self._file.seek(len(self._first))
        piece = self._first
        while piece:
            yield piece
            count += len(piece)
            sent(count)
            piece = self._file.read(PIECE)


@contextmanager
def opened(name: str) -> Iterator[Upload]:
    """Open a file of learners, or standard input for `-`; JSON lines are told by the file's name or first character.

    Raises Unusable where it can't be read.
    """
    if name == "-":
        yield _upload(name, sys.stdin.buffer)
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115  # closed below: what goes wrong later is no matter of opening it
        found = _upload(name, file)
    except OSError as error:
        raise Unusable(f"{name} can't be read: {error.strerror or error}") from error
    with file:
        yield found


def _upload(name: str, file: BinaryIO) -> Upload:
    first = file.read(PIECE)
    lines = name.endswith(_JSON_LINES) or first.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    size = Path(name).stat().st_size if name != "-" and Path(name).is_file() else None
    return Upload("application/jsonl" if lines else "text/csv", size, first, file)
