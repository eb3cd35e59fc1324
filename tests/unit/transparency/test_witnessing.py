"""A witness cosigns what continues the log it has seen, and nothing else (C2SP tlog-witness)."""

from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from shared.transparency.checkpoints import Checkpoint
from shared.transparency.errors import MalformedRequest, TransparencyError
from shared.transparency.growing import Edge, grow
from shared.transparency.merkle import Node, consistency_proof, leaf_hash, node_hash
from shared.transparency.note_keys import CosignatureSigner, NoteSigner
from shared.transparency.notes import write_note
from shared.transparency.witnessing import (
    Refusal,
    Request,
    Seen,
    opened,
    read_cosignatures,
    read_request,
    read_size,
    refusal,
    write_cosignatures,
    write_request,
)

LOG = NoteSigner("log.example", Ed25519PrivateKey.from_private_bytes(bytes([1] * 32)))
OTHER = NoteSigner("log.example", Ed25519PrivateKey.from_private_bytes(bytes([2] * 32)))
WITNESS = CosignatureSigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes([3] * 32)))
LEAVES = [leaf_hash(str(number).encode()) for number in range(40)]
LOGS = {"log.example": LOG.verifier}


def root(size: int, leaves: Sequence[bytes] = LEAVES) -> bytes:
    return grow(Edge(), leaves[:size]).edge.root


def hash_of(node: Node) -> bytes:
    if node.level == 0:
        return LEAVES[node.index]
    return node_hash(*(hash_of(Node(node.level - 1, 2 * node.index + side)) for side in (0, 1)))


def request(old: int, new: int, signer: NoteSigner = LOG, origin: str = "log.example") -> Request:
    text = Checkpoint(origin, new, root(new)).text
    proof = consistency_proof(old, new, hash_of) if 0 < old < new else []
    return Request(old, tuple(proof), write_note(text, [signer.sign(text)]))


def answer(asked: Request, seen: Seen) -> Refusal | None:
    checkpoint = opened(asked, LOGS)
    return checkpoint if isinstance(checkpoint, Refusal) else refusal(asked, checkpoint, seen)


@given(st.integers(0, 40), st.integers(0, 40))
def test_what_continues_the_log_is_cosigned_from_every_size(one: int, other: int) -> None:
    old, new = sorted((one, other))
    asked = read_request(write_request(request(old, new)))
    assert asked == request(old, new)
    assert answer(asked, Seen(old, root(old))) is None


def test_an_old_size_that_is_not_remembered_is_told_the_right_one() -> None:
    found = answer(request(3, 9), Seen(5, root(5)))
    assert (found.status, found.size) == (409, 5)  # type: ignore[union-attr]


def test_another_root_of_the_same_size_is_never_cosigned() -> None:
    found = answer(request(9, 9), Seen(9, root(9, LEAVES[::-1])))
    assert (found.status, found.size) == (409, 9)  # type: ignore[union-attr]


def test_a_log_that_does_not_begin_with_what_was_seen_is_never_cosigned() -> None:
    assert answer(request(5, 9), Seen(5, root(5, LEAVES[::-1]))).status == 422  # type: ignore[union-attr]
    changed = request(5, 9)
    longer = Request(5, (*changed.proof, bytes(32)), changed.checkpoint)
    assert answer(longer, Seen(5, root(5))).status == 422  # type: ignore[union-attr]
    assert answer(Request(0, (bytes(32),), request(0, 9).checkpoint), Seen()).status == 422  # type: ignore[union-attr]


def test_a_tree_that_shrank_is_refused() -> None:
    smaller = Request(9, (), request(0, 5).checkpoint)
    assert answer(smaller, Seen(9, root(9))).status == 400  # type: ignore[union-attr]
    assert answer(request(0, 5), Seen(9, root(9))).status == 409  # type: ignore[union-attr]


def test_strangers_are_refused() -> None:
    assert opened(request(0, 5, origin="other.example"), LOGS).status == 404  # type: ignore[union-attr]
    assert opened(request(0, 5, signer=OTHER), LOGS).status == 403  # type: ignore[union-attr]
    asked = request(0, 5)
    forged = asked.checkpoint.replace(b"\n5\n", b"\n6\n")
    assert opened(Request(0, (), forged), LOGS).status == 403  # type: ignore[union-attr]
    assert opened(Request(0, (), b"nothing\n\nat all\n"), LOGS).status == 400  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"old 0\n", b"old 0\n\n", b"old 00\n\nx", b"old -1\n\nx", b"old 9223372036854775808\n\nx", b"new 0\n\nx",
        b"old 0\nAAAA\n\nx", b"old 0\n" + b"A" * 44 + b"\n\nx", b"old \xd9\xa0\n\nx", b"old 0\r\n\nx",
        b"old 0\n" * 20_000,
        b"old 1\n" + (b"%s\n" % (b"A" * 43 + b"=")) * 64 + b"\nx",
    ],
    ids=range(13),
)  # fmt: skip
def test_what_is_no_request_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedRequest):
        read_request(content)


def test_an_answer_has_the_witness_own_cosignatures_among_others() -> None:
    text = Checkpoint("log.example", 5, root(5)).text
    stranger = CosignatureSigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes([4] * 32)))
    body = write_cosignatures([stranger.sign(text, 7), WITNESS.sign(text, 8)])
    ((signature, verified),) = read_cosignatures(text, body, WITNESS.verifier)
    assert (signature, verified.time) == (WITNESS.sign(text, 8), 8)
    for wrong in (b"", b"\n", b"nothing\n", body[:-3], write_cosignatures([WITNESS.sign(f"{text}x\n", 8)])):
        with pytest.raises(TransparencyError):
            read_cosignatures(text, wrong, WITNESS.verifier)


def test_the_size_in_an_answer_is_read_in_its_one_way() -> None:
    assert read_size(b"12\n") == 12
    assert [read_size(each) for each in (b"", b"12", b"012\n", b"-1\n", b"12\n\n", b"\xff\n")] == [None] * 6
