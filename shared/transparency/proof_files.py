"""`.tlog-proof` files: that an entry stands in a log, shown to who is offline (C2SP tlog-proof)."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.transparency.base64_lines import read_base64, read_hash, read_number, write_base64
from shared.transparency.checkpoints import Checkpoint
from shared.transparency.errors import MalformedProofFile
from shared.transparency.merkle import check_inclusion, leaf_hash
from shared.transparency.note_keys import MAX_TIME
from shared.transparency.notes import MAX_NOTE, Verified
from shared.transparency.policy import Policy

MEDIA_TYPE = "text/plain; charset=utf-8"
MAX_PROOF_FILE = 2 * MAX_NOTE
MAX_HASHES = 63
_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class ProofFile:
    """What a `.tlog-proof` file says, unchecked: the entry's index, its inclusion proof, a signed checkpoint.

    `extra` is the application's and is signed by nobody; None where the file has no such line.
    """

    index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


@dataclass(frozen=True)
class Included:
    """What a `.tlog-proof` file has shown: the checkpoint that covers the entry, where, and who cosigned it."""

    checkpoint: Checkpoint
    index: int
    cosignatures: tuple[Verified, ...]


def write_proof_file(index: int, proof: Sequence[bytes], checkpoint: bytes, extra: bytes | None = None) -> bytes:
    """Return a `.tlog-proof` file; raises MalformedProofFile for what could not be read back."""
    lines = [
        _HEADER,
        *([] if extra is None else [f"extra {write_base64(extra)}"]),
        f"index {index}",
        *map(write_base64, proof),
        "",
    ]
    content = "".join(f"{line}\n" for line in lines).encode() + checkpoint
    if read_proof_file(content) != ProofFile(index, tuple(proof), checkpoint, extra):
        raise MalformedProofFile("This would be another proof file.")
    return content


def read_proof_file(content: bytes) -> ProofFile:
    """Return what a `.tlog-proof` file says, nothing of it checked; raises MalformedProofFile."""
    _need(len(content) <= MAX_PROOF_FILE, "The proof file is too long.")
    head, blank, checkpoint = content.partition(b"\n\n")
    _need(bool(blank) and bool(checkpoint) and head.isascii(), "The proof file has no proof above a checkpoint.")
    lines = head.decode().split("\n")
    _need(lines.pop(0) == _HEADER, f"The proof file does not begin with {_HEADER}.")
    extra = _read_extra(lines.pop(0)) if lines and lines[0].startswith("extra ") else None
    _need(bool(lines) and lines[0].startswith("index "), "The proof file has no index.")
    index = read_number(lines.pop(0).removeprefix("index "))
    hashes = tuple(digest for line in lines if (digest := read_hash(line)))
    if index is None or len(hashes) != len(lines) or len(hashes) > MAX_HASHES:
        raise MalformedProofFile("The proof file's index or a hash is not written in its one way.")
    return ProofFile(index, hashes, checkpoint, extra)


def check_proof_file(
    content: bytes,
    entry: bytes,
    policy: Policy,
    *,
    since: int = 0,
    until: int = MAX_TIME,
) -> Included:
    """Return what the file shows of the entry, under a policy whose cosignatures are from `since` to `until`.

    Raises MalformedProofFile, ProofError, and what `Policy.open` raises.
    """
    said = read_proof_file(content)
    checkpoint, cosignatures = policy.open(said.checkpoint, since=since, until=until)
    check_inclusion(
        index=said.index,
        size=checkpoint.size,
        leaf=leaf_hash(entry),
        proof=said.proof,
        root=checkpoint.root,
    )
    return Included(checkpoint, said.index, tuple(cosignatures))


def _read_extra(line: str) -> bytes:
    extra = read_base64(line.removeprefix("extra "))
    if extra is None:
        raise MalformedProofFile("The proof file's extra data is not base64.")
    return extra


def _need(condition: bool, otherwise: str) -> None:
    if not condition:
        raise MalformedProofFile(otherwise)
