"""`.tlog-proof` files are read in their one form, and show that this entry stands in that log."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.transparency.checkpoints import Checkpoint
from shared.transparency.errors import (
    BadSignature,
    MalformedProofFile,
    ProofError,
    TransparencyError,
    UntrustedCheckpoint,
)
from shared.transparency.merkle import inclusion_proof
from shared.transparency.notes import CosignatureSigner, NoteSigner, Verified, write_note
from shared.transparency.policy import Log, Policy, Witness
from shared.transparency.proof_files import (
    Included,
    ProofFile,
    check_proof_file,
    read_proof_file,
    write_proof_file,
)
from tests.support.trees import numbered_tree

SIZE, INDEX = 13, 6
TREE = numbered_tree(SIZE)
ENTRY = TREE.entries[INDEX]
PROOF = inclusion_proof(INDEX, SIZE, TREE.hash_of)
LOG = NoteSigner("log.example/one", Ed25519PrivateKey.from_private_bytes(bytes(32)))
WITNESS = CosignatureSigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(b"w" * 32))
STRANGER = CosignatureSigner("witness.example/w2", Ed25519PrivateKey.from_private_bytes(b"s" * 32))
CHECKPOINT = Checkpoint(LOG.name, SIZE, TREE.root(SIZE))
POLICY = Policy((Log(LOG.verifier),))
WITNESSED = replace(POLICY, witnesses={"w": Witness(WITNESS.verifier)}, quorum="w")
TIME = 1_790_000_000


def note(checkpoint: Checkpoint = CHECKPOINT, *cosigners: CosignatureSigner) -> bytes:
    text = checkpoint.text
    return write_note(text, [LOG.sign(text), *(each.sign(text, TIME) for each in cosigners)])


FILE = write_proof_file(INDEX, PROOF, note())


def test_a_file_has_the_lines_of_the_specification() -> None:
    head, _, checkpoint = write_proof_file(INDEX, PROOF[:1], note(), b"\x00extra").partition(b"\n\n")
    assert head.split(b"\n")[:3] == [b"c2sp.org/tlog-proof@v1", b"extra AGV4dHJh", b"index 6"]
    assert len(head.split(b"\n")) == 4
    assert checkpoint == note()


@pytest.mark.parametrize("extra", [None, b"", b"more"])
def test_a_file_is_read_back(extra: bytes | None) -> None:
    for proof in ([], PROOF):
        content = write_proof_file(INDEX, proof, note(), extra)
        assert read_proof_file(content) == ProofFile(INDEX, tuple(proof), note(), extra)


def test_a_file_shows_where_its_entry_stands_and_who_cosigned() -> None:
    assert check_proof_file(FILE, ENTRY, POLICY) == Included(CHECKPOINT, INDEX, ())
    witnessed = write_proof_file(INDEX, PROOF, note(CHECKPOINT, WITNESS, STRANGER))
    assert check_proof_file(witnessed, ENTRY, WITNESSED).cosignatures == (Verified(WITNESS.verifier, TIME),)


def test_every_entry_of_the_tree_has_its_file() -> None:
    for index, entry in enumerate(TREE.entries):
        content = write_proof_file(index, inclusion_proof(index, SIZE, TREE.hash_of), note())
        assert check_proof_file(content, entry, POLICY).index == index


def test_a_file_of_another_entry_index_or_proof_shows_nothing() -> None:
    for index, proof, entry in (
        (INDEX, PROOF, b"another entry"),
        (INDEX + 1, PROOF, ENTRY),
        (SIZE, PROOF, ENTRY),
        (INDEX, PROOF[::-1], ENTRY),
        (INDEX, PROOF[:-1], ENTRY),
        (INDEX, PROOF[1:], ENTRY),
        (INDEX, [*PROOF, bytes(32)], ENTRY),
    ):
        with pytest.raises(ProofError):
            check_proof_file(write_proof_file(index, proof, note()), entry, POLICY)


def test_a_file_under_another_logs_checkpoint_is_refused() -> None:
    other = Checkpoint("log.example/two", SIZE, TREE.root(SIZE))
    with pytest.raises(UntrustedCheckpoint):
        check_proof_file(write_proof_file(INDEX, PROOF, note(other)), ENTRY, POLICY)


def test_a_file_with_stale_or_unknown_cosignatures_alone_is_refused() -> None:
    witnessed = write_proof_file(INDEX, PROOF, note(CHECKPOINT, WITNESS))
    unknown = write_proof_file(INDEX, PROOF, note(CHECKPOINT, STRANGER))
    assert check_proof_file(witnessed, ENTRY, WITNESSED, since=TIME, until=TIME)
    for content, since, until in ((witnessed, TIME + 1, 2**62), (witnessed, 0, TIME - 1), (unknown, 0, 2**62)):
        with pytest.raises(UntrustedCheckpoint):
            check_proof_file(content, ENTRY, WITNESSED, since=since, until=until)


def test_a_file_whose_checkpoint_was_altered_is_refused() -> None:
    altered = FILE.replace(b"\n13\n", b"\n14\n")
    assert altered != FILE
    with pytest.raises(BadSignature):
        check_proof_file(altered, ENTRY, POLICY)


@pytest.mark.parametrize("end", range(0, len(FILE), 7))
def test_a_file_that_ends_early_is_refused(end: int) -> None:
    with pytest.raises(TransparencyError):
        check_proof_file(FILE[:end], ENTRY, POLICY)


HEAD, HASH = FILE.split(b"\n\n")[0], FILE.split(b"\n")[2]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"@v1", b"@v2"),
        (b"c2sp", b" c2sp"),
        (b"c2sp", b"\nc2sp"),
        (b"index 6", b"index 06"),
        (b"index 6", b"index  6"),
        (b"index 6", b"index +6"),
        (b"index 6", b"index 6 "),
        (b"index 6", b"Index 6"),
        (b"index 6\n", b""),
        (b"index 6", b"index 6\nindex 6"),
        (b"index 6", b"index 6\nextra AAAA"),
        (b"index 6", b"extra AAAA\nextra AAAA\nindex 6"),
        (b"index 6", b"extra\nindex 6"),
        (b"index 6", b"extra AAA\nindex 6"),
        (b"index 6", b"extra AAB=\nindex 6"),
        (b"index 6", b"index 9223372036854775808"),
        (HASH, HASH + b" "),
        (HASH, HASH[:-1]),
        (HASH, b"AAAA"),
        (HASH, b"\xc3\xa9" + HASH),
        (HASH, (HASH + b"\n") * 64 + HASH),
        (b"\n", b"\r\n"),
        (b"\n\n", b"\n"),
    ],
)
def test_what_is_not_written_in_the_one_way_is_no_proof_file(old: bytes, new: bytes) -> None:
    altered = HEAD.replace(old, new) + b"\n\n" + note() if old != b"\n\n" else FILE.replace(old, new)
    assert altered != FILE
    with pytest.raises(MalformedProofFile):
        read_proof_file(altered)


def test_what_could_not_be_read_back_is_not_written() -> None:
    for index, proof, checkpoint in (
        (-1, PROOF, note()),
        (2**63, PROOF, note()),
        (0, [b"short"], note()),
        (0, [], b""),
    ):
        with pytest.raises(MalformedProofFile):
            write_proof_file(index, proof, checkpoint)
    with pytest.raises(MalformedProofFile):
        read_proof_file(FILE + b"a" * 2_000_000)
