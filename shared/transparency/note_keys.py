"""The two kinds of keys that sign notes: a log's (Ed25519, C2SP signed-note) and a cosigner's (cosignature/v1).

A verifier's text form, its vkey, is `name+hex(key id)+base64(type || public key)`.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.transparency.base64_lines import read_base64, write_base64
from shared.transparency.errors import BadSignature, MalformedNote
from shared.transparency.merkle import MAX_SIZE

KEY_ID_SIZE = 4
_KEY_SIZE = 32
_TIME_SIZE = 8
MAX_TIME = MAX_SIZE  # tlog-cosignature: 2**63 - 1


def is_key_name(text: str) -> bool:
    """Tell whether a key may have this name: not empty, with neither a plus sign nor any space."""
    return bool(text) and "+" not in text and not any(letter.isspace() for letter in text)


@dataclass(frozen=True)
class Signature:
    """One signature line of a note: the key's name, its id (4 bytes) and what the key made."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True)
class NoteVerifier:
    """A log's public key: 32 bytes of Ed25519, and the name that it signs under."""

    name: str
    public_key: bytes
    TYPE: ClassVar[bytes] = b"\x01"

    def __post_init__(self) -> None:
        if not is_key_name(self.name) or len(self.public_key) != _KEY_SIZE:
            raise MalformedNote("The key has no name of its own, or not 32 bytes.")
        try:
            self.name.encode()
        except UnicodeEncodeError as error:
            raise MalformedNote("The key's name is not valid UTF-8.") from error

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Return the verifier that a vkey describes; raises MalformedNote, also for a key of another type."""
        name, _, rest = vkey.partition("+")
        _, _, encoded = rest.partition("+")
        key = read_base64(encoded)
        if not key or key[:1] != cls.TYPE:
            raise MalformedNote("This is no vkey of the type that is needed here.")
        verifier = cls(name, key[1:])
        if verifier.vkey != vkey:
            raise MalformedNote("The vkey's id is not its key's.")
        return verifier

    @property
    def key_id(self) -> bytes:
        """The 4 bytes by which a signature line names the key."""
        return sha256(self.name.encode() + b"\n" + self.TYPE + self.public_key).digest()[:KEY_ID_SIZE]

    @property
    def vkey(self) -> str:
        """The key as text."""
        return f"{self.name}+{self.key_id.hex()}+{write_base64(self.TYPE + self.public_key)}"

    def verify(self, text: str, value: bytes) -> int | None:
        """Return the time that the signature states, None for a log's own; raises BadSignature."""
        self._verify(value, text.encode())
        return None

    def _verify(self, signature: bytes, message: bytes) -> None:
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise BadSignature(f"The signature of {self.name} does not verify.") from error


@dataclass(frozen=True)
class CosignatureVerifier(NoteVerifier):
    """A cosigner's (as a witness's) public key: its signatures state when it saw the checkpoint."""

    TYPE: ClassVar[bytes] = b"\x04"

    def verify(self, text: str, value: bytes) -> int:
        time = int.from_bytes(value[:_TIME_SIZE], "big")
        if time > MAX_TIME:
            raise BadSignature(f"The cosignature of {self.name} has an impossible time.")
        self._verify(value[_TIME_SIZE:], _cosigned(text, time))
        return time


class NoteSigner:
    """A log's private key, which signs a note's text as it is."""

    def __init__(self, name: str, private_key: Ed25519PrivateKey) -> None:
        self.verifier = NoteVerifier(name, private_key.public_key().public_bytes_raw())
        self.name, self.key_id, self.vkey = name, self.verifier.key_id, self.verifier.vkey
        self._private_key = private_key

    def sign(self, text: str) -> Signature:
        """Return the key's signature over a text."""
        return Signature(self.name, self.key_id, self._private_key.sign(text.encode()))


class CosignatureSigner:
    """A cosigner's private key, which signs a checkpoint's text with the time."""

    def __init__(self, name: str, private_key: Ed25519PrivateKey) -> None:
        self.verifier = CosignatureVerifier(name, private_key.public_key().public_bytes_raw())
        self.name, self.key_id, self.vkey = name, self.verifier.key_id, self.verifier.vkey
        self._private_key = private_key

    def sign(self, text: str, time: int) -> Signature:
        """Return the key's cosignature over a checkpoint's text at a time, 0 to 2**63 - 1 POSIX seconds."""
        value = time.to_bytes(_TIME_SIZE, "big") + self._private_key.sign(_cosigned(text, time))
        return Signature(self.name, self.key_id, value)


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
