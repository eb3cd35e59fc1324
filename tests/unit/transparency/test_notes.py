"""Signed notes as C2SP's signed-note and tlog-cosignature write them, and nothing that only looks like one."""

import json
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from shared.transparency.errors import BadSignature, MalformedNote
from shared.transparency.notes import (
    CosignatureSigner,
    CosignatureVerifier,
    Note,
    NoteSigner,
    NoteVerifier,
    Signature,
    Verified,
    parse_note,
    verify_note,
    write_note,
)

KNOWN = json.loads((Path(__file__).parent / "vectors" / "notes.json").read_text())
GO = KNOWN["go_note"]
TEXT = "log.example/one\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
LOG = NoteSigner("log.example/one", Ed25519PrivateKey.from_private_bytes(bytes(32)))
WITNESS = CosignatureSigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(b"w" * 32))
VERIFIERS = [LOG.verifier, WITNESS.verifier]
NOW = 1_790_000_000
NOTE = write_note(TEXT, [LOG.sign(TEXT), WITNESS.sign(TEXT, NOW)])
LAST_LINE = NOTE.split(b"\n")[-2]


def test_gos_example_note_verifies() -> None:
    verifier = NoteVerifier.parse(GO["vkey"])
    assert verify_note(parse_note(GO["note"].encode()), [verifier]) == [Verified(verifier)]


def test_we_sign_gos_example_as_go_does() -> None:
    signer = NoteSigner("PeterNeumann", Ed25519PrivateKey.from_private_bytes(b64decode(GO["seed"])))
    text = parse_note(GO["note"].encode()).text
    assert signer.vkey == GO["vkey"]
    assert write_note(text, [signer.sign(text)]) == GO["note"].encode()


@pytest.mark.parametrize("vkey", [GO["vkey"], KNOWN["go_sum_vkey"], LOG.vkey])
def test_a_logs_vkey_is_read_and_written(vkey: str) -> None:
    assert NoteVerifier.parse(vkey).vkey == vkey


@pytest.mark.parametrize("example", ["signed_note", "cosigned_checkpoint", "go_note"])
def test_the_specifications_examples_are_read_and_written(example: str) -> None:
    content = KNOWN[example]["note"].encode()
    note = parse_note(content)
    assert write_note(note.text, note.signatures) == content


def test_the_text_ends_at_the_last_empty_line() -> None:
    assert parse_note(KNOWN["signed_note"]["note"].encode()).text.endswith("raggio di sole:\n\ned è subito sera.\n")


def test_the_specifications_cosignature_has_the_time_of_its_example() -> None:
    known = KNOWN["cosigned_checkpoint"]
    cosignature = parse_note(known["note"].encode()).signatures[1]
    assert (cosignature.name, len(cosignature.value)) == ("witness.example.com/w1", 8 + 64)
    assert int.from_bytes(cosignature.value[:8], "big") == known["time"]


def test_a_note_tells_who_signed_it_and_a_cosignature_when() -> None:
    assert verify_note(parse_note(NOTE), VERIFIERS) == [Verified(LOG.verifier), Verified(WITNESS.verifier, NOW)]


def test_a_cosignature_signs_the_line_of_its_time_before_the_text() -> None:
    value = WITNESS.sign(TEXT, NOW).value
    public = Ed25519PrivateKey.from_private_bytes(b"w" * 32).public_key()
    public.verify(value[8:], f"cosignature/v1\ntime {NOW}\n{TEXT}".encode())


def test_signatures_of_keys_that_are_not_known_are_passed_over() -> None:
    assert verify_note(parse_note(NOTE), []) == []
    assert verify_note(parse_note(NOTE), [WITNESS.verifier]) == [Verified(WITNESS.verifier, NOW)]
    unknown_type = Signature(LOG.name, b"\x00\x00\x00\x06", bytes(2428))
    same_id = Signature("other.example", LOG.key_id, bytes(64))
    note = parse_note(write_note(TEXT, [unknown_type, same_id, LOG.sign(TEXT)]))
    assert verify_note(note, VERIFIERS) == [Verified(LOG.verifier)]


def test_the_same_key_as_log_and_as_cosigner_has_two_ids() -> None:
    both = CosignatureVerifier(LOG.name, LOG.verifier.public_key)
    assert both.key_id != LOG.key_id
    assert verify_note(parse_note(NOTE), [both]) == []


@pytest.mark.parametrize("signature", [LOG.sign(TEXT), WITNESS.sign(TEXT, NOW)], ids=["log", "witness"])
def test_a_known_name_and_id_with_a_bad_signature_spoil_the_note(signature: Signature) -> None:
    value = signature.value
    for bad in (
        value[:-1] + bytes([value[-1] ^ 1]),
        bytes([value[0] ^ 0x80]) + value[1:],
        value[:-1],
        value + b"\x00",
        value[:7],
        b"\xff" * len(value),
    ):
        altered = Signature(signature.name, signature.key_id, bad)
        others = [each for each in parse_note(NOTE).signatures if each != signature]
        with pytest.raises(BadSignature):
            verify_note(parse_note(write_note(TEXT, [*others, altered])), VERIFIERS)
        with pytest.raises(BadSignature):
            verify_note(parse_note(write_note(TEXT, [signature, altered])), VERIFIERS)


def test_a_signature_is_over_this_text_and_this_time() -> None:
    for signature in (LOG.sign(TEXT), WITNESS.sign(TEXT, NOW)):
        with pytest.raises(BadSignature):
            verify_note(Note(TEXT.replace("1", "2"), (signature,)), VERIFIERS)
    later = (NOW + 1).to_bytes(8, "big") + WITNESS.sign(TEXT, NOW).value[8:]
    with pytest.raises(BadSignature):
        verify_note(Note(TEXT, (Signature(WITNESS.name, WITNESS.key_id, later),)), VERIFIERS)


def test_a_cosignatures_time_is_at_most_the_largest_that_the_specification_knows() -> None:
    last = 2**63 - 1
    assert verify_note(Note(TEXT, (WITNESS.sign(TEXT, last),)), VERIFIERS) == [Verified(WITNESS.verifier, last)]
    with pytest.raises(BadSignature):
        verify_note(Note(TEXT, (WITNESS.sign(TEXT, last + 1),)), VERIFIERS)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"\n\n",
        TEXT.encode(),
        TEXT.encode() + b"\n",
        NOTE[:-1],
        NOTE + b"\n",
        NOTE + b"more\n",
        NOTE.replace(b"\n\n", b"\n"),
        NOTE.replace(b"\n", b"\r\n"),
        NOTE.replace(b"one\n1", b"one\t\n1"),
        NOTE.replace(b"one\n1", b"one\x00\n1"),
        NOTE.replace(b"one\n1", b"one\xff\n1"),
        NOTE.replace(b"one\n1", b"one\xed\xa0\x80\n1"),
        NOTE.replace("— ".encode(), b"- "),
        NOTE.replace("— ".encode(), "–".encode() + b" "),
        NOTE.replace("— ".encode(), "—".encode()),
        NOTE.replace("— ".encode(), "—  ".encode()),
        NOTE.replace(LAST_LINE, LAST_LINE + b" "),
        NOTE.replace(LAST_LINE, LAST_LINE + b" more"),
        NOTE.replace(LAST_LINE, LAST_LINE[:-1]),
        NOTE.replace(LAST_LINE, LAST_LINE + b"="),
        NOTE.replace(LAST_LINE, LAST_LINE[:-3] + b"-=="),
        NOTE.replace(LAST_LINE, "— witness.example/w1 AAAAAA==".encode()),
        NOTE.replace(LAST_LINE, "— witness.example/w1 AAAAAAB=".encode()),
        NOTE.replace(LAST_LINE, "— witness.example/w1 ".encode()),
        NOTE.replace(LAST_LINE, "— witness.example/w1".encode()),
        NOTE.replace(b"witness.example", b"witness+example"),
        NOTE.replace(b"witness.example", b"witness example"),
        NOTE.replace(b"witness.example", "witness\u2003example".encode()),
        NOTE.replace(b"witness.example", "witness\u0085example".encode()),
        NOTE + (LAST_LINE + b"\n") * 99,
        b"a" * 1_000_000 + NOTE,
    ],
)
def test_what_only_looks_like_a_note_is_refused(content: bytes) -> None:
    assert content != NOTE
    with pytest.raises(MalformedNote):
        parse_note(content)


def test_a_hundred_signatures_are_taken() -> None:
    assert len(parse_note(NOTE + (LAST_LINE + b"\n") * 98).signatures) == 100


@pytest.mark.parametrize("text", ["", "no end", "a\rb\n", "\ud800\n"])
def test_a_text_that_could_not_be_read_back_is_not_written(text: str) -> None:
    with pytest.raises(MalformedNote):
        write_note(text, [Signature("a", bytes(4), b"x")])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b"])
def test_a_name_with_a_space_or_plus_or_none_is_no_keys_name(name: str) -> None:
    with pytest.raises(MalformedNote):
        NoteVerifier(name, bytes(32))
    with pytest.raises(MalformedNote):
        write_note(TEXT, [Signature(name, bytes(4), b"x")])


NAME, KEY_ID, KEY = GO["vkey"].split("+", 2)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "a+b",
        f"{NAME}+{KEY_ID}",
        f"{NAME}+{KEY_ID}+",
        f"{NAME}+{KEY_ID.upper()}+{KEY}",
        f"{NAME}+0{KEY_ID}+{KEY}",
        f"{NAME}+00000000+{KEY}",
        f"{NAME}+{KEY_ID}+{KEY}\n",
        f"{NAME}+{KEY_ID}+{KEY}=",
        f" {NAME}+{KEY_ID}+{KEY}",
        f"{NAME}x+{KEY_ID}+{KEY}",
        f"{NAME}+{KEY_ID}+{KEY[:-4]}",
        f"+{KEY_ID}+{KEY}",
        f"\ud800+{KEY_ID}+{KEY}",
        WITNESS.vkey,
        f"{NAME}+{KEY_ID}+{b64encode(bytes([6]) + bytes(1312)).decode()}",
    ],
)
def test_another_vkey_is_refused(vkey: str) -> None:
    with pytest.raises(MalformedNote):
        NoteVerifier.parse(vkey)


def test_a_cosigners_vkey_has_type_4_and_a_logs_is_none() -> None:
    assert CosignatureVerifier.parse(WITNESS.vkey) == WITNESS.verifier
    assert b64decode(WITNESS.vkey.split("+", 2)[2])[:1] == b"\x04"
    with pytest.raises(MalformedNote):
        CosignatureVerifier.parse(LOG.vkey)


@given(st.binary(max_size=200))
def test_whatever_is_read_as_a_note_is_written_just_so(noise: bytes) -> None:
    for content in (noise, NOTE + noise, noise + NOTE, NOTE[: len(noise)] + noise + NOTE[len(noise) :]):
        try:
            note = parse_note(content)
        except MalformedNote:
            continue
        assert write_note(note.text, note.signatures) == content
