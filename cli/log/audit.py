"""`laurel log audit`: whether a log is still the one that was seen before, and is what it signs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.files import read
from cli.keys import Unusable
from cli.log.auditing import Audit
from cli.log.files import Finding, LogFiles
from cli.log.source import source_at
from cli.log.state import Signed, State, read_state, signed, write_state
from cli.output import Json, give, say, warn
from shared.transparency.errors import TransparencyError
from shared.transparency.note_keys import NoteVerifier
from shared.transparency.notes import MAX_NOTE

Where = Annotated[
    str, typer.Argument(help="A log's address (https://…/log), or a folder made by `export`.", metavar="URL|DIR")
]
Vkey = Annotated[
    str | None,
    typer.Option(
        help="The log's key, `name+id+key`, from whom you trust. Absent: the one remembered, else the log's own word."
    ),
]
TRUST = {
    "given": "its key was given",
    "stored": "its key is the one of before",
    "first_use": "its key is its own word, trusted on first use: compare it with somebody",
}


def audit(
    where: Where,
    state: Annotated[
        Path | None,
        typer.Option(help="The file that remembers from run to run. Absent: everything is read.", dir_okay=False),
    ] = None,
    vkey: Vkey = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help="A checkpoint that somebody else was shown, or the state of their audits.", exists=True, dir_okay=False
        ),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again, from leaf 0 on.")] = False,
    as_json: Json = False,
) -> None:
    """Check that a log only grows, and is what it signs: signature, every new entry, every hash above it, the root.

    It goes on from what the state remembers, also where it was interrupted. It needs no API key and
    nothing of Laurel's on the other side.

    Exit code 0: all is well, or nothing is new. 1: the log was rewritten, or lies; the checkpoints that show it are
    kept beside the state. 2: it could not be checked.

    Example: laurel log audit https://badges.example/log --state badges.json --vkey "$VKEY"
    """
    files = LogFiles(source_at(where))
    begun, trust = first_state(files, read_state(state) if state else None, vkey)
    other = _other(against, begun.verifier) if against else None
    with telling(as_json) as tell:
        run = Audit(files, begun, lambda each: write_state(state, each) if state else None, tell)
        try:
            done = run.run(other, full=full)
        except Finding as finding:
            _print_finding(str(finding), begun, run.shown, state, as_json=as_json)
            raise typer.Exit(1) from finding
        except KeyboardInterrupt as interrupt:
            raise Unusable("Interrupted. With --state the next run goes on from here.") from interrupt
    newest = done.newest
    if as_json:
        give(
            {
                "result": "ok",
                "origin": newest.checkpoint.origin,
                "vkey": begun.verifier.vkey,
                "trust": trust,
                "size": newest.size,
                "root": newest.checkpoint.root.hex(),
                "read": done.read,
            }
        )
    else:
        new = f"{done.read} of them read now" if done.read else "none of them new"
        say(f"{newest.checkpoint.origin}: {newest.size} leaves, {new}; everything fits ({TRUST[trust]}).")
        if trust == "first_use":
            say(f"vkey: {begun.verifier.vkey}")


def first_state(files: LogFiles, remembered: State | None, vkey: str | None) -> tuple[State, str]:
    """Return what an audit begins with, and why its key is trusted (TRUST). Raises Unusable for a key that is none."""
    try:
        if remembered and vkey and NoteVerifier.parse(vkey) != remembered.verifier:
            raise Unusable(f"The state is that of another key, {remembered.verifier.vkey}.")
        if remembered:
            return remembered, "given" if vkey else "stored"
        return State(NoteVerifier.parse(vkey or files.vkey())), "given" if vkey else "first_use"
    except TransparencyError as error:
        raise Unusable(f"There is no key to trust: {error.detail}") from error


def _other(path: Path, verifier: NoteVerifier) -> Signed:
    """Read a checkpoint, or the newest one in the state of an audit."""
    raw = read(str(path), 8 * MAX_NOTE)
    if raw.lstrip().startswith(b"{"):
        theirs = read_state(path)
        newest = theirs and (theirs.seen or theirs.target)
        raw = newest.note.encode() if newest else b""
    try:
        return signed(raw, verifier)
    except TransparencyError as error:
        raise Unusable(f"{path} has no checkpoint that this log signed: {error.detail}") from error


def _print_finding(sentence: str, begun: State, notes: list[bytes], state: Path | None, *, as_json: bool) -> None:
    kept = _keep_evidence(state, notes) if state else []
    if as_json:
        give(
            {
                "result": "finding",
                "origin": begun.verifier.name,
                "finding": sentence,
                "evidence": [str(each) for each in kept],
                "checkpoints": [each.decode(errors="replace") for each in notes],
            }
        )
        return
    warn(f"FOUND: {begun.verifier.name}: {sentence}")
    for path in kept:
        warn(f"Evidence: {path}")


def _keep_evidence(state: Path, notes: list[bytes]) -> list[Path]:
    """Keep checkpoints beside the state, each under a name of its own."""
    kept = []
    for note in dict.fromkeys(notes):
        path = state.with_name(f"{state.name}.{sha256(note).hexdigest()[:16]}.checkpoint")
        try:
            path.write_bytes(note)
        except OSError as error:
            warn(f"{path} can't be written: {error.strerror or error}")
        else:
            kept.append(path)
    return kept


@contextmanager
def telling(as_json: bool) -> Iterator[Callable[[int, int], None]]:
    """Give what shows progress on a terminal, and nothing anywhere else."""
    console = Console(stderr=True)
    if as_json or not console.is_terminal:
        yield lambda done, of: None
        return
    columns: list[Any] = [TextColumn("leaves"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("leaves", total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)
