"""Keeps secrets in a database that must be used again: sealed with AES-256-GCM under a key that stands in a file.

The file holds one key a line, 32 bytes as base64: the first seals, all of them open. So a key is rotated by putting
a new one above it, and leaves the file when nothing sealed with it is left.
"""

import base64
import binascii
import secrets
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
# The envelope: format, the key's id, a random nonce (NIST SP 800-38D section 8.2.2: 96 bits), ciphertext with tag.
FORMAT = b"\x01"
ID_BYTES = 8
NONCE_BYTES = 12
_HEAD = len(FORMAT) + ID_BYTES


class SealingError(Exception):
    """A key file that can't be used, or an envelope that can't be opened; the message says why, and no secret."""


class Sealer:
    """Seals with its first key and opens with whichever of its keys an envelope names."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """`keys` are 32 bytes each; raises SealingError where there is none or one has another length."""
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise SealingError(f"at least one key is needed, each of {KEY_BYTES} bytes")
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._current = _key_id(keys[0])

    @classmethod
    def from_file(cls, path: Path) -> "Sealer":
        """Read the keys in `path`; raises SealingError, saying how such a file is made, where that fails."""
        how = f"{path}: one key a line is needed, 32 bytes as base64 (make one with: openssl rand -base64 32)"
        try:
            return cls([base64.b64decode(line, validate=True) for line in path.read_text().split()])
        except OSError as error:
            raise SealingError(f"{how}; {error.strerror}") from error
        except (SealingError, binascii.Error, UnicodeDecodeError) as error:
            raise SealingError(how) from error

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Return the envelope of `plaintext`; only who gives the same `context` (the row's id, say) can open it."""
        head, nonce = FORMAT + self._current, secrets.token_bytes(NONCE_BYTES)
        return head + nonce + self._ciphers[self._current].encrypt(nonce, plaintext, head + context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Return what was sealed; raises SealingError for an unknown key, another context or a changed envelope."""
        head, nonce, ciphertext = sealed[:_HEAD], sealed[_HEAD : _HEAD + NONCE_BYTES], sealed[_HEAD + NONCE_BYTES :]
        cipher = self._ciphers.get(head.removeprefix(FORMAT)) if head.startswith(FORMAT) else None
        if cipher is None:
            raise SealingError("sealed with a key that is not in the key file")
        try:
            return cipher.decrypt(nonce, ciphertext, head + context)
        except (InvalidTag, ValueError) as error:
            raise SealingError("the envelope was changed, or belongs to something else") from error


def _key_id(key: bytes) -> bytes:
    return sha256(b"laurel key id\0" + key).digest()[:ID_BYTES]
