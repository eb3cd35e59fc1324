"""What the other program is asked of a log of ours, each question beside a copy with one bit turned or one step off."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from shared.transparency.merkle import consistency_proof, inclusion_proof
from shared.transparency.proof_files import write_proof_file
from tests.interop_log.logs import ORIGIN, TIME, WrittenLog

Question = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A question of one kind, and whether the answer is to be that nothing is wrong."""

    kind: str
    question: Question
    right: bool


def asked_of(log: WrittenLog, count: int, random: Random) -> Iterator[Asked]:
    """Ask about `count` sizes of the log, the largest among them."""
    sizes = [log.size, *(random.randint(1, log.size) for _ in range(count - 1))]
    for size in sizes:
        index, old = random.randrange(size), random.randint(1, size)
        yield from _inclusions(log, index, size, random)
        yield from _consistency(log, old, size, random)
    for size in sizes[:10]:
        yield from _checkpoints(log, size)
        yield from _proof_files(log, random.randrange(size), size)


def _inclusions(log: WrittenLog, index: int, size: int, random: Random) -> Iterator[Asked]:
    proof, root = inclusion_proof(index, size, log.hash_of), log.root(size)
    question = {"index": index, "size": size, "entry": log.entries[index], "root": root, "proof": proof}
    yield _asked("inclusions", question)
    yield _asked("inclusions", {**question, "root": _turned(root, random)}, right=False)
    yield _asked("inclusions", {**question, "entry": log.entries[index] + b"\x00"}, right=False)
    yield _asked("inclusions", {**question, "proof": _altered(proof, random)}, right=False)


def _consistency(log: WrittenLog, old: int, new: int, random: Random) -> Iterator[Asked]:
    roots = {"old_root": log.root(old), "new_root": log.root(new)}
    proof = consistency_proof(old, new, log.hash_of)
    question = {"old_size": old, "new_size": new, "proof": proof, **roots}
    yield _asked("consistency", question)
    for name, root in roots.items():
        yield _asked("consistency", {**question, name: _turned(root, random)}, right=False)
    yield _asked("consistency", {**question, "proof": _altered(proof, random)}, right=False)


def _checkpoints(log: WrittenLog, size: int) -> Iterator[Asked]:
    note = log.note(size)
    question = {
        "note": note,
        "vkey": log.signer.vkey,
        "origin": ORIGIN,
        "cosigner": log.witness.vkey,
        "time": TIME,
        "size": size,
        "root": log.root(size),
    }
    yield _asked("checkpoints", question)
    yield _asked("checkpoints", {**question, "note": note.replace(b"\n\n", b"\nmore\n\n")}, right=False)
    yield _asked("checkpoints", {**question, "origin": "other.example/log"}, right=False)
    yield _asked("checkpoints", {**question, "time": TIME + 1}, right=False)


def _proof_files(log: WrittenLog, index: int, size: int) -> Iterator[Asked]:
    proof, note, entry = inclusion_proof(index, size, log.hash_of), log.note(size), log.entries[index]
    for extra in (None, b"more"):
        content = write_proof_file(index, proof, note, extra)
        question = {"file": content, "vkey": log.signer.vkey, "entry": entry, "extra": extra}
        yield _asked("proof_files", question)
        yield _asked("proof_files", {**question, "entry": entry + b"\x00"}, right=False)
        other = content.replace(b"\nindex ", b"\nindex 1")
        yield _asked("proof_files", {**question, "file": other}, right=False)


def _asked(kind: str, question: Question, *, right: bool = True) -> Asked:
    return Asked(kind, {name: _written(value) for name, value in question.items()}, right)


def _written(value: Any) -> Any:
    if isinstance(value, list):
        return [_written(each) for each in value]
    return b64encode(value).decode() if isinstance(value, bytes) else value


def _turned(value: bytes, random: Random) -> bytes:
    return (int.from_bytes(value, "big") ^ 1 << random.randrange(256)).to_bytes(32, "big")


def _altered(proof: list[bytes], random: Random) -> list[bytes]:
    """Turn a bit of a hash, leave one out, or add one."""
    way = random.randrange(3) if proof else 2
    if way == 2:
        return [*proof, bytes(32)]
    at = random.randrange(len(proof))
    return [*proof[:at], *([_turned(proof[at], random)] if way else []), *proof[at + 1 :]]
