"""Checkpoints are read in their one form, and believed if the log whose name they bear has signed them."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.transparency.checkpoints import Checkpoint, open_checkpoint, parse_checkpoint
from shared.transparency.errors import BadSignature, MalformedCheckpoint, UntrustedCheckpoint
from shared.transparency.merkle import EMPTY_ROOT, MAX_SIZE
from shared.transparency.notes import CosignatureSigner, NoteSigner, Signature, Verified, parse_note, write_note

KNOWN = json.loads((Path(__file__).parent / "vectors" / "notes.json").read_text())["cosigned_checkpoint"]
ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
CHECKPOINT = Checkpoint("log.example/one", 20_852_163, bytes(range(32)))
LOG = NoteSigner("log.example/one", Ed25519PrivateKey.from_private_bytes(bytes(32)))
WITNESS = CosignatureSigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(b"w" * 32))


def test_the_specifications_example_is_read_and_written() -> None:
    text = parse_note(KNOWN["note"].encode()).text
    checkpoint = parse_checkpoint(text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", KNOWN["size"])
    assert checkpoint.text == text


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("o", 0, EMPTY_ROOT),
        Checkpoint("o", MAX_SIZE, bytes(32)),
        Checkpoint("an origin with spaces", 1, bytes(32), ("an extension", " ")),
    ],
)
def test_a_checkpoint_is_read_back(checkpoint: Checkpoint) -> None:
    assert parse_checkpoint(checkpoint.text) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"o\n1\n{ROOT}",
        f"o\n1\n{ROOT}\n\n",
        f"o\n1\n{ROOT}\n\nx\n",
        f"\n1\n{ROOT}\n",
        "o\n1\n",
        f"o\n01\n{ROOT}\n",
        f"o\n00\n{ROOT}\n",
        f"o\n+1\n{ROOT}\n",
        f"o\n-1\n{ROOT}\n",
        f"o\n1 \n{ROOT}\n",
        f"o\n\n{ROOT}\n",
        f"o\n١\n{ROOT}\n",
        f"o\n1_0\n{ROOT}\n",
        f"o\n{2**63}\n{ROOT}\n",
        f"o\n{'9' * 100_000}\n{ROOT}\n",
        f"o\n1\n{ROOT[:-1]}\n",
        f"o\n1\n{ROOT} \n",
        f"o\n1\n{ROOT.replace('I=', 'J=')}\n",
        f"o\n1\n{ROOT.replace('/', '_')}\n",
        "o\n1\nAAAA\n",
        f"o\n1\n{'A' * 44}\n",
    ],
)
def test_what_is_not_written_in_the_one_way_is_no_checkpoint(text: str) -> None:
    with pytest.raises(MalformedCheckpoint):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "values",
    [("", 1, bytes(32)), ("a\nb", 1, bytes(32)), ("o", -1, bytes(32)), ("o", 2**63, bytes(32)), ("o", 1, b"")],
)
def test_a_checkpoint_that_could_not_be_read_back_is_not_made(values: tuple[str, int, bytes]) -> None:
    with pytest.raises(MalformedCheckpoint):
        Checkpoint(*values)


def signed(checkpoint: Checkpoint, *signatures: Signature) -> bytes:
    return write_note(checkpoint.text, signatures or [LOG.sign(checkpoint.text)])


def test_a_signed_checkpoint_is_opened_with_its_cosignatures() -> None:
    cosigned = signed(CHECKPOINT, LOG.sign(CHECKPOINT.text), WITNESS.sign(CHECKPOINT.text, 5))
    assert open_checkpoint(cosigned, LOG.verifier) == (CHECKPOINT, [])
    assert open_checkpoint(cosigned, LOG.verifier, [WITNESS.verifier]) == (CHECKPOINT, [Verified(WITNESS.verifier, 5)])


def test_another_origin_under_the_logs_own_signature_is_refused() -> None:
    other = Checkpoint("log.example/two", 1, bytes(32))
    with pytest.raises(UntrustedCheckpoint):
        open_checkpoint(signed(other), LOG.verifier)


def test_a_checkpoint_that_the_log_did_not_sign_is_refused() -> None:
    witnessed = signed(CHECKPOINT, WITNESS.sign(CHECKPOINT.text, 5))
    other = NoteSigner(LOG.name, Ed25519PrivateKey.generate())
    for note in (witnessed, signed(CHECKPOINT, other.sign(CHECKPOINT.text))):
        with pytest.raises(UntrustedCheckpoint):
            open_checkpoint(note, LOG.verifier, [WITNESS.verifier])


def test_a_checkpoint_with_a_bad_signature_of_a_known_witness_is_refused() -> None:
    elsewhere = WITNESS.sign("another text\n", 5)
    with pytest.raises(BadSignature):
        open_checkpoint(signed(CHECKPOINT, LOG.sign(CHECKPOINT.text), elsewhere), LOG.verifier, [WITNESS.verifier])


def test_a_note_that_the_log_signed_and_that_is_no_checkpoint_is_refused() -> None:
    with pytest.raises(MalformedCheckpoint):
        open_checkpoint(write_note("hello\n", [LOG.sign("hello\n")]), LOG.verifier)
