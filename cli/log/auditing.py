"""The audit of a log: what is served now against what was seen before, and against what others were shown."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from cli.log.files import Finding, LogFiles
from cli.log.following import follow
from cli.log.state import Signed, State, signed
from shared.transparency import merkle
from shared.transparency.checkpoints import parse_checkpoint
from shared.transparency.errors import TransparencyError
from shared.transparency.growing import Edge
from shared.transparency.notes import parse_note
from shared.transparency.tiles import hashes_in, tiles_for

REMEMBER_EVERY = 64  # bundles: what an interruption costs at most


@dataclass(frozen=True)
class Audited:
    """What an audit came to where all is well: the newest checkpoint, and how many leaves were read for it."""

    newest: Signed
    read: int


class Audit:
    """One run. `remember` keeps a state, `tell` hears (leaves done, leaves there are).

    `shown` is every checkpoint that took part, which is the evidence where `run` raises Finding.
    """

    def __init__(
        self,
        files: LogFiles,
        state: State,
        remember: Callable[[State], None],
        tell: Callable[[int, int], None] = lambda done, of: None,
    ) -> None:
        self._files = files
        self._state = state
        self._remember = remember
        self._tell = tell
        self.shown = [each.note.encode() for each in (state.seen, state.target) if each]

    def run(self, against: Signed | None = None, *, full: bool = False) -> Audited:
        """Check the log up to the checkpoint that it serves now; `full`: from leaf 0 on.

        `against` is a checkpoint that the log signed for somebody else. Raises Finding, and Unusable where something
        could not be had; what was done until then is remembered.
        """
        try:
            served = self._served()
            for earlier in (self._state.seen, self._state.target):
                self._check_begins_with(served, earlier, "before")
            if against:
                self.shown.append(against.note.encode())
                self._check_begins_with(served, against, "for another")
            read = self._grow(served, full=full)
        except Finding:
            # What was read of a log that lies is no ground to go on from.
            self._keep(progress=None)
            raise
        return Audited(served, read)

    def _served(self) -> Signed:
        note = self._files.checkpoint()
        self.shown.append(note)
        try:
            return signed(note, self._state.verifier)
        except TransparencyError as error:
            raise Finding(
                f"What {self._files.name} serves as its checkpoint is none: {self._why(note, error)}"
            ) from error

    def _why(self, note: bytes, error: TransparencyError) -> str:
        """Say what is wrong with a checkpoint; most of all that it is another log's."""
        name = self._state.verifier.name
        try:
            origin = parse_checkpoint(parse_note(note).text).origin
        except TransparencyError:
            return error.detail
        if origin == name:
            return f"{error.detail} The key is {self._state.verifier.vkey}."
        said = f"It is that of the log {origin}, and the key is {name}'s."
        if origin.rpartition("/")[0] in (name, name.rpartition("/")[0]):
            said += " Another log took its place; audit each at its number (/log/1, /log/2), with a state of its own."
        return said

    def _check_begins_with(self, served: Signed, other: Signed | None, when: str) -> None:
        """Raise Finding where what is served does not begin with what was signed `when`; its tiles must show that."""
        if other is None:
            return
        _check_not_behind(served, other, when)
        nodes = merkle.nodes_for_consistency(other.size, served.size)
        try:
            hash_of = hashes_in({tile: self._files.hashes(tile) for tile in tiles_for(nodes, served.size)})
            merkle.check_consistency(
                old_size=other.size,
                old_root=other.checkpoint.root,
                new_size=served.size,
                new_root=served.checkpoint.root,
                proof=merkle.consistency_proof(other.size, served.size, hash_of),
            )
        except TransparencyError as error:
            raise Finding(
                f"The {served.size} leaves do not begin with the {other.size} that were signed {when}: {error.detail}"
            ) from error

    def _grow(self, served: Signed, *, full: bool) -> int:
        """Read up to what is served; return how many leaves that were. What was done is remembered whatever happens."""
        edge = Edge() if full else self._state.edge
        if self._state.progress and self._state.full == full:
            edge = self._state.progress
        begin = edge.size
        self._keep(target=served)
        try:
            for number, grown in enumerate(follow(self._files, edge, served.size), 1):
                edge = grown
                self._tell(edge.size, served.size)
                if number % REMEMBER_EVERY == 0:
                    self._keep(progress=edge, full=full)
        finally:
            self._keep(progress=edge, full=full)
        if edge.root != served.checkpoint.root:
            raise Finding(f"The {served.size} leaves that are served do not give the root that was signed for them.")
        self._keep(seen=served, edge=edge, target=None, progress=None, full=False)
        return edge.size - begin

    def _keep(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]  # names of State's members
        self._remember(self._state)


def _check_not_behind(served: Signed, other: Signed | None, when: str) -> None:
    """Raise Finding where fewer leaves are served than were signed, or the same number of others."""
    if other and served.size < other.size:
        raise Finding(
            f"The log has {served.size} leaves, and {other.size} were signed {when}: it was cut back, or an older "
            "state of it is served."
        )
    if other and served.size == other.size and served.checkpoint.root != other.checkpoint.root:
        raise Finding(f"Of {served.size} leaves this root was signed, and another {when}.")
