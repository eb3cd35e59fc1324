"""What an auditor remembers of a log from run to run, in a file that is never half written."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.files import read, write
from cli.keys import Unusable
from shared.transparency.checkpoints import Checkpoint, open_checkpoint
from shared.transparency.growing import Edge
from shared.transparency.note_keys import NoteVerifier

_FORMAT = "laurel-log-audit/1"
_MAX_STATE = 8 << 20  # two checkpoints, two edges


@dataclass(frozen=True)
class Signed:
    """A checkpoint with the note in which the log signed it."""

    note: str
    checkpoint: Checkpoint

    @property
    def size(self) -> int:
        """How many leaves it covers."""
        return self.checkpoint.size


def signed(note: bytes, verifier: NoteVerifier) -> Signed:
    """Open a checkpoint; raises TransparencyError where it is none of this log's."""
    checkpoint, _ = open_checkpoint(note, verifier)
    return Signed(note.decode(), checkpoint)


@dataclass(frozen=True)
class State:
    """A log's key; the last checkpoint under which all fitted, and the tree's edge there; how far an unfinished run is.

    Such a run has come to `progress` on its way to the checkpoint `target`, from leaf 0 where it is `full`.
    """

    verifier: NoteVerifier
    seen: Signed | None = None
    edge: Edge = field(default_factory=Edge)
    target: Signed | None = None
    progress: Edge | None = None
    full: bool = False


def read_state(path: Path) -> State | None:
    """Return what was remembered, None where that is nothing yet; raises Unusable for what is no such file."""
    if not path.exists():
        return None
    raw = read(str(path), _MAX_STATE)
    try:
        return _parse(json.loads(raw))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unusable(
            f"{path} is no state of an audit, or was damaged ({error}). Take it away to begin anew."
        ) from error


def write_state(path: Path, state: State) -> None:
    """Remember; raises Unusable where that can't be written."""
    notes = {"checkpoint": state.seen, "target": state.target}
    form = {
        "format": _FORMAT,
        "vkey": state.verifier.vkey,
        **{name: each.note if each else None for name, each in notes.items()},
        "edge": _written(state.edge),
        "progress": _written(state.progress) if state.progress else None,
        "full": state.full,
    }
    write(path, json.dumps(form, indent=1))


def _parse(form: Mapping[str, Any]) -> State:
    if form["format"] != _FORMAT:
        raise ValueError(f"its format is not {_FORMAT}")
    verifier = NoteVerifier.parse(form["vkey"])
    seen, target = (signed(form[name].encode(), verifier) if form[name] else None for name in ("checkpoint", "target"))
    progress = _edge(form["progress"]) if form["progress"] else None
    state = State(verifier, seen, _edge(form["edge"]), target, progress, bool(form["full"]))
    if seen and (state.edge.size, state.edge.root) != (seen.size, seen.checkpoint.root):
        raise ValueError("the edge is not its checkpoint's")
    return state


def _written(edge: Edge) -> dict[str, Any]:
    return {"size": edge.size, "levels": [each.hex() for each in edge.levels]}


def _edge(form: Mapping[str, Any]) -> Edge:
    return Edge(form["size"], tuple(map(bytes.fromhex, form["levels"])))
