"""Private signing keys: made here, sealed under a key-encryption key from a file, and opened only to sign."""

import binascii
import secrets
from base64 import b64decode
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Lock
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.credentials.keys import PrivateKey
from shared.errors import Unavailable

_NONCE_BYTES = 12  # NIST SP 800-38D section 8.2: 96 bits
_MAX_OPEN_KEYS = 1_000  # institutions that sign at the same time; the rest is opened again when needed


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A private key as it is stored: nonce and AES-256-GCM ciphertext, and which key-encryption key opens it."""

    kek_id: str
    sealed: bytes = field(repr=False)


class Signer:
    """Holds the key-encryption keys, and the opened private keys last used."""

    def __init__(self, keks: list[bytes]) -> None:
        """The first of `keks` (32 bytes each) seals, every one opens: a new one is put first."""
        self._keks = {_id_of(kek): AESGCM(kek) for kek in keks}
        self._sealing = _id_of(keks[0])
        self._opened: OrderedDict[UUID, PrivateKey] = OrderedDict()
        self._lock = Lock()

    @classmethod
    def from_file(cls, path: Path) -> "Signer":
        """Read the key-encryption keys, 32 bytes in base64 each, one a line.

        Raises RuntimeError, without quoting anything of it, where the file is missing or holds anything else.
        """
        try:
            keks = [b64decode(line, validate=True) for line in path.read_text().split()]
        except (OSError, UnicodeDecodeError, binascii.Error) as error:
            raise RuntimeError(_advice(path)) from error
        if not keks or any(len(kek) != 32 for kek in keks):
            raise RuntimeError(_advice(path))
        return cls(keks)

    def seal(self, key_id: UUID, key: PrivateKey) -> SealedKey:
        """Encrypt a private key; the ciphertext opens as the key `key_id` and as no other."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._keks[self._sealing].encrypt(nonce, key.private_bytes_raw(), key_id.bytes)
        return SealedKey(self._sealing, nonce + sealed)

    def open(self, key_id: UUID, sealed: SealedKey) -> PrivateKey:
        """Return the private key; raises Unavailable (`signing_key_unreadable`) where it can't be opened."""
        with self._lock:
            if key_id in self._opened:
                self._opened.move_to_end(key_id)
                return self._opened[key_id]
        key = self._decrypted(key_id, sealed)
        with self._lock:
            self._opened[key_id] = key
            if len(self._opened) > _MAX_OPEN_KEYS:
                self._opened.popitem(last=False)
        return key

    def _decrypted(self, key_id: UUID, sealed: SealedKey) -> PrivateKey:
        nonce, ciphertext = sealed.sealed[:_NONCE_BYTES], sealed.sealed[_NONCE_BYTES:]
        try:
            raw = self._keks[sealed.kek_id].decrypt(nonce, ciphertext, key_id.bytes)
        except (KeyError, InvalidTag, ValueError) as error:
            raise Unavailable("signing_key_unreadable", "The institution's signing key can't be opened.") from error
        return Ed25519PrivateKey.from_private_bytes(raw)


def new_signing_key() -> PrivateKey:
    """Make an Ed25519 key."""
    return Ed25519PrivateKey.generate()


def _id_of(kek: bytes) -> str:
    # A hash of 256 random bits gives nothing of them away.
    return sha256(b"laurel kek id\0" + kek).hexdigest()[:16]


def _advice(path: Path) -> str:
    return (
        f"{path} must hold the key-encryption key, 32 random bytes in base64 (LAUREL_KEK_FILE). "
        f"For a new installation: head -c 32 /dev/urandom | base64 > {path}"
    )
