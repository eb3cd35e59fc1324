"""Checkpoints: what a log signs to say how large its tree is, and what its root is (C2SP tlog-checkpoint)."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.transparency.base64_lines import read_hash, read_number, write_base64
from shared.transparency.errors import MalformedCheckpoint, UntrustedCheckpoint
from shared.transparency.merkle import HASH_SIZE, MAX_SIZE
from shared.transparency.notes import CosignatureVerifier, NoteVerifier, Verified, parse_note, verify_note


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log's tree: whose it is, how many leaves it has, its root (32 bytes), further lines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if not all(lines) or "\n" in "".join(lines):
            raise MalformedCheckpoint("A line of the checkpoint is empty, or is two.")
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_SIZE:
            raise MalformedCheckpoint("The checkpoint's size or root cannot be.")

    @property
    def text(self) -> str:
        """What is signed: a line each, the last one ended too."""
        return "".join(f"{line}\n" for line in (self.origin, self.size, write_base64(self.root), *self.extensions))


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint that a note's text is; raises MalformedCheckpoint."""
    *lines, rest = text.split("\n")
    if rest or len(lines) < 3:  # origin, size, root
        raise MalformedCheckpoint("The checkpoint does not have three whole lines.")
    origin, size, root, *extensions = lines
    number, digest = read_number(size), read_hash(root)
    if number is None or digest is None:
        raise MalformedCheckpoint("The checkpoint's size or root is not written in its one way.")
    return Checkpoint(origin, number, digest, tuple(extensions))


def open_checkpoint(
    note: bytes,
    log: NoteVerifier,
    cosigners: Sequence[CosignatureVerifier] = (),
) -> tuple[Checkpoint, list[Verified]]:
    """Return the checkpoint that a log signed, and these cosigners' signatures on it (`open_of_any`)."""
    return open_of_any(note, [log], cosigners)


def open_of_any(
    note: bytes,
    logs: Sequence[NoteVerifier],
    cosigners: Sequence[CosignatureVerifier],
) -> tuple[Checkpoint, list[Verified]]:
    """Return the checkpoint that one of these logs signed, and these cosigners' signatures on it.

    Raises MalformedNote, BadSignature or MalformedCheckpoint, and UntrustedCheckpoint unless the log signed whose name
    is the origin. Whether the cosignatures are enough, a policy says.
    """
    parsed = parse_note(note)
    signed = verify_note(parsed, [*logs, *cosigners])
    checkpoint = parse_checkpoint(parsed.text)
    if not any(each.verifier in logs and each.verifier.name == checkpoint.origin for each in signed):
        raise UntrustedCheckpoint("The checkpoint is not signed by a known log whose name is its origin.")
    return checkpoint, [each for each in signed if each.verifier not in logs]
