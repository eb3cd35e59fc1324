"""Asking a witness and answering as one, without the HTTP around it (C2SP tlog-witness, `add-checkpoint`).

A witness remembers one thing of each log: the size and root of the newest checkpoint that it has cosigned. It cosigns
another one only where that one's tree begins with what it remembers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.transparency.base64_lines import read_hash, read_number, write_base64
from shared.transparency.checkpoints import Checkpoint, open_checkpoint, parse_checkpoint
from shared.transparency.errors import MalformedRequest, ProofError, TransparencyError, UntrustedCheckpoint
from shared.transparency.merkle import EMPTY_ROOT, check_consistency
from shared.transparency.note_keys import NoteVerifier, Signature
from shared.transparency.notes import CosignatureVerifier, Verified, parse_note, verify_note, write_note

PATH = "/add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"
MAX_HASHES = 63
# A checkpoint with a few cosignatures and a proof take a few kilobytes; nobody needs more.
MAX_REQUEST = MAX_RESPONSE = 64 * 1024


@dataclass(frozen=True)
class Request:
    """What is asked of a witness: to cosign `checkpoint` (a note), shown by `proof` to begin with `old_size` leaves."""

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: bytes


@dataclass(frozen=True)
class Seen:
    """What a witness remembers of a log; by default that it has seen nothing."""

    size: int = 0
    root: bytes = EMPTY_ROOT


@dataclass(frozen=True)
class Refusal:
    """Why a witness does not cosign: the HTTP status, a sentence, and for 409 the size that it remembers."""

    status: int
    detail: str
    size: int | None = None


def write_request(request: Request) -> bytes:
    """Return the body of a request."""
    lines = [f"old {request.old_size}", *map(write_base64, request.proof), ""]
    return "".join(f"{line}\n" for line in lines).encode() + request.checkpoint


def read_request(content: bytes) -> Request:
    """Return what a body asks; raises MalformedRequest (400)."""
    _need(len(content) <= MAX_REQUEST, "The request is too long.")
    head, blank, checkpoint = content.partition(b"\n\n")
    _need(bool(blank) and bool(checkpoint) and head.isascii(), "The request has no checkpoint below an empty line.")
    first, *lines = head.decode().split("\n")
    _need(first.startswith("old "), "The request does not begin with an old size.")
    old, hashes = read_number(first.removeprefix("old ")), tuple(map(read_hash, lines))
    proof = tuple(each for each in hashes if each is not None)
    if old is None or len(proof) != len(lines) or len(proof) > MAX_HASHES:
        raise MalformedRequest("The old size or a hash is not written in its one way.")
    return Request(old, proof, checkpoint)


def opened(request: Request, logs: Mapping[str, NoteVerifier]) -> Checkpoint | Refusal:
    """Return the checkpoint that is to be cosigned, where its log is known by its origin and has signed it."""
    try:
        origin = parse_checkpoint(parse_note(request.checkpoint).text).origin
        if origin not in logs:
            return Refusal(404, "No log of this origin is known here.")
        return open_checkpoint(request.checkpoint, logs[origin])[0]
    except (UntrustedCheckpoint, TransparencyError) as error:
        untrusted = isinstance(error, UntrustedCheckpoint) or error.code == "bad_note_signature"
        return Refusal(403 if untrusted else 400, error.detail)


def refusal(request: Request, checkpoint: Checkpoint, seen: Seen) -> Refusal | None:
    """Say why a checkpoint may not be cosigned by who remembers `seen`; None where it may.

    Whoever cosigns stores the checkpoint in place of `seen`, in one step and before the answer.
    """
    if request.old_size > checkpoint.size:
        return Refusal(400, "The old size is larger than the checkpoint's.")
    if request.old_size != seen.size:
        return Refusal(409, "The old size is not that of the last checkpoint that was cosigned here.", seen.size)
    if checkpoint.size == seen.size and checkpoint.root != seen.root:
        return Refusal(409, "Another root was cosigned here for this size.", seen.size)
    if request.old_size == 0:
        return Refusal(422, "From nothing there is no proof.") if request.proof else None
    try:
        check_consistency(
            old_size=seen.size,
            old_root=seen.root,
            new_size=checkpoint.size,
            new_root=checkpoint.root,
            proof=request.proof,
        )
    except ProofError as error:
        return Refusal(422, error.detail)
    return None


def write_cosignatures(signatures: Sequence[Signature]) -> bytes:
    """Return the body of an answer: signature lines."""
    # A note's lines stand below its text and a blank line.
    return write_note("\n", signatures).removeprefix(b"\n\n")


def read_cosignatures(text: str, content: bytes, witness: CosignatureVerifier) -> list[tuple[Signature, Verified]]:
    """Return those of an answer's signatures over a checkpoint's text that are the witness's, with their times.

    Others' are passed over. Raises MalformedNote, BadSignature.
    """
    note = parse_note(f"{text}\n".encode() + content)
    ours = [each for each in note.signatures if (each.name, each.key_id) == (witness.name, witness.key_id)]
    return [(each, verify_note(parse_note(write_note(text, [each])), [witness])[0]) for each in ours]


def read_size(content: bytes) -> int | None:
    """Return the size in an answer 409, or None where it is none."""
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        return None
    return read_number(text.removesuffix("\n")) if text.endswith("\n") else None


def _need(condition: bool, otherwise: str) -> None:
    if not condition:
        raise MalformedRequest(otherwise)
