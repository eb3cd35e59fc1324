"""Holds what a registry serves of its logs against its own rows, and against every checkpoint it ever published."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from cli.leaves import Checkpoint, Place
from cli.ledger import Violation
from cli.log.files import Finding, LogFiles
from cli.log.following import follow
from shared.transparency.checkpoints import open_checkpoint
from shared.transparency.errors import TransparencyError
from shared.transparency.growing import Edge
from shared.transparency.note_keys import NoteVerifier


def check_served(
    files_of: Callable[[int], LogFiles], places: Iterable[Place], checkpoints: Iterable[Checkpoint]
) -> Iterator[Violation]:
    """Read every log once, up to its newest published checkpoint; `files_of` gives the files of a log by its number.

    Both are sorted, and read again for each log. Raises Unusable where a log can't be read.
    """
    for log in dict.fromkeys(log for log, _, _ in checkpoints):
        rows = (each for each in places if each[0] == log)
        notes = (each for each in checkpoints if each[0] == log)
        size = max(_sizes(log, checkpoints))
        yield from _Served(int(log), files_of(int(log))).check(rows, notes, size, _sizes(log, checkpoints))
    yield from _uncovered(places, checkpoints)


def _sizes(log: str, checkpoints: Iterable[Checkpoint]) -> Iterator[int]:
    """Give the sizes at which a log was signed, ascending."""
    return (int(size) for number, size, _ in checkpoints if number == log)


def _uncovered(places: Iterable[Place], checkpoints: Iterable[Checkpoint]) -> Iterator[Violation]:
    covered = {log: int(size) for log, size, _ in checkpoints}
    for log, index, _, event in places:
        if int(index) >= covered.get(log, 0):
            yield Violation(8, event, f"is leaf {int(index)} of log {int(log)}, and no published checkpoint covers it")


class _Served:
    """One log, read once: its entries against the registry's rows, its roots against the checkpoints."""

    def __init__(self, log: int, files: LogFiles) -> None:
        self._name = f"log {log}"
        self._files = files

    def check(
        self, rows: Iterator[Place], notes: Iterator[Checkpoint], size: int, stops: Iterator[int]
    ) -> Iterator[Violation]:
        compared, note = _Rows(self._name, rows), next(notes, None)
        try:
            verifier = NoteVerifier.parse(self._files.vkey())
            grown = follow(self._files, Edge(), size, stops, compared.see)
            for edge in chain([Edge()], grown):
                yield from compared.found()
                while note and int(note[1]) == edge.size:
                    yield from self._check_note(note, edge, verifier)
                    note = next(notes, None)
        except (Finding, TransparencyError) as error:
            yield from compared.found()
            yield Violation(5, self._name, str(error))

    def _check_note(self, note: Checkpoint, edge: Edge, verifier: NoteVerifier) -> Iterator[Violation]:
        subject = f"{self._name} of {edge.size} leaves"
        try:
            checkpoint, _ = open_checkpoint(note[2].encode(), verifier)
        except TransparencyError as error:
            yield Violation(6, subject, f"has a checkpoint that is none: {error.detail}")
        else:
            if (checkpoint.size, checkpoint.root) != (edge.size, edge.root):
                yield Violation(6, subject, "has a published checkpoint that does not fit its leaves and the others")


class _Rows:
    """The registry's rows of a log beside the entries that it serves."""

    def __init__(self, log: str, rows: Iterator[Place]) -> None:
        self._log = log
        self._rows = rows
        self._row = next(rows, None)
        self._found: list[Violation] = []

    def see(self, first: int, entries: Sequence[bytes]) -> None:
        """Compare a bundle's entries."""
        for index, entry in enumerate(entries, first):
            while self._row and int(self._row[1]) < index:
                self._row = next(self._rows, None)
            if self._row is None or int(self._row[1]) != index:
                self._found.append(Violation(5, self._log, f"serves a leaf {index}, and the registry has no such row"))
            elif self._row[2] != entry.hex():
                self._found.append(
                    Violation(5, self._row[3], f"is served as another leaf {index} than the registry has")
                )

    def found(self) -> list[Violation]:
        """Return what was found since the last time."""
        found, self._found = self._found, []
        return found
