"""Signed notes: a text, and lines below it in which keys sign it (C2SP signed-note).

Keys stand in note_keys.py. A text says nothing until `verify_note` names those who signed it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.transparency.base64_lines import read_base64, write_base64
from shared.transparency.errors import MalformedNote
from shared.transparency.note_keys import (
    KEY_ID_SIZE,
    CosignatureSigner,
    CosignatureVerifier,
    NoteSigner,
    NoteVerifier,
    Signature,
    is_key_name,
)

__all__ = [
    "CosignatureSigner",
    "CosignatureVerifier",
    "Note",
    "NoteSigner",
    "NoteVerifier",
    "Signature",
    "Verified",
    "parse_note",
    "verify_note",
    "write_note",
]

# What golang.org/x/mod/sumdb/note takes.
MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIGNATURE = re.compile(r"— ([^ ]+) ([^ ]+)")


@dataclass(frozen=True)
class Note:
    """A text that ends with a newline, and the signatures that are said to be over it, in order."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True)
class Verified:
    """A signature that verified: whose it is, and for a cosignature its time (POSIX seconds)."""

    verifier: NoteVerifier
    time: int | None = None


def parse_note(content: bytes) -> Note:
    """Return a note, none of its signatures verified; raises MalformedNote."""
    _need(len(content) <= MAX_NOTE, "The note is too long.")
    try:
        whole = content.decode()
    except UnicodeDecodeError as error:
        raise MalformedNote("The note is not valid UTF-8.") from error
    _need(not _CONTROL.search(whole), "The note has control characters.")
    text, blank, lines = whole.rpartition("\n\n")
    _need(bool(blank) and lines.endswith("\n"), "The note does not end with a blank line and lines of signatures.")
    signatures = lines.removesuffix("\n").split("\n")
    _need(len(signatures) <= MAX_SIGNATURES, "The note has too many signatures.")
    return Note(f"{text}\n", tuple(map(_read_signature, signatures)))


def write_note(text: str, signatures: Sequence[Signature]) -> bytes:
    """Return a text and its signatures as a note; raises MalformedNote for what `parse_note` would not give back."""
    lines = (f"— {each.name} {write_base64(each.key_id + each.value)}\n" for each in signatures)
    try:
        content = f"{text}\n{''.join(lines)}".encode()
    except UnicodeEncodeError as error:
        raise MalformedNote("The note has a lone surrogate.") from error
    _need(parse_note(content) == Note(text, tuple(signatures)), "The text does not end with a newline.")
    return content


def verify_note(note: Note, verifiers: Sequence[NoteVerifier]) -> list[Verified]:
    """Return which of these keys signed the note, in its order; other keys' signatures are passed over.

    Raises BadSignature if one with a known key's name and id does not verify: the whole note is then worth nothing.
    """
    known = {(each.name, each.key_id): each for each in verifiers}
    return [
        Verified(verifier, verifier.verify(note.text, signature.value))
        for signature in note.signatures
        if (verifier := known.get((signature.name, signature.key_id)))
    ]


def _read_signature(line: str) -> Signature:
    found = _SIGNATURE.fullmatch(line)
    value = read_base64(found[2]) if found else None
    if found is None or value is None or len(value) <= KEY_ID_SIZE or not is_key_name(found[1]):
        raise MalformedNote("A line of the note is no signature.")
    return Signature(found[1], value[:KEY_ID_SIZE], value[KEY_ID_SIZE:])


def _need(condition: bool, otherwise: str) -> None:
    if not condition:
        raise MalformedNote(otherwise)
