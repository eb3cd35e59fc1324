"""Private signing keys: made here, sealed at rest, and opened only to sign."""

from collections import OrderedDict
from threading import Lock, local
from typing import cast
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from shared.credentials.compiled import Shapes
from shared.credentials.keys import Algorithm, PrivateKey
from shared.errors import Unavailable
from shared.sealing import Sealer, SealingError

# Institutions that sign at the same time; the keys of the rest are opened again when needed.
MAX_OPEN = 1_000
RSA_BITS = 2048
ED25519_BYTES = 32


def new_signing_key(algorithm: Algorithm = "EdDSA") -> PrivateKey:
    """Make a key that signs in this way."""
    if algorithm == "EdDSA":
        return Ed25519PrivateKey.generate()
    if algorithm == "RS256":
        return rsa.generate_private_key(65537, RSA_BITS)
    return ec.generate_private_key(ec.SECP256R1() if algorithm == "ES256" else ec.SECP384R1())


class Signer:
    """Opens sealed private keys and keeps those last used in memory; it may be used from several threads."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._open: OrderedDict[UUID, PrivateKey] = OrderedDict()
        self._lock = Lock()
        self._own = _Own()

    def seal(self, key_id: UUID, key: PrivateKey) -> bytes:
        """Return the sealed form of a private key; it opens as the key `key_id` and as no other."""
        return self._sealer.seal(_raw(key), key_id.bytes)

    def open(self, key_id: UUID, sealed: bytes) -> PrivateKey:
        """Return the private key; raises Unavailable (`signing_key_unreadable`) where it can't be opened."""
        with self._lock:
            if key_id in self._open:
                self._open.move_to_end(key_id)
                return self._open[key_id]
            key = self._unsealed(key_id, sealed)
            self._open[key_id] = key
            if len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
            return key

    @property
    def shapes(self) -> Shapes:
        """What the calling thread has learnt of the shapes of documents."""
        return self._own.shapes

    def _unsealed(self, key_id: UUID, sealed: bytes) -> PrivateKey:
        try:
            return _key_of(self._sealer.open(sealed, key_id.bytes))
        except SealingError as error:
            raise Unavailable("signing_key_unreadable", "The institution's signing key can't be opened.") from error


def _raw(key: PrivateKey) -> bytes:
    """A private key's bytes: an Ed25519 key's 32 (RFC 8032), any other in PKCS #8."""
    if isinstance(key, Ed25519PrivateKey):
        return key.private_bytes_raw()
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _key_of(raw: bytes) -> PrivateKey:
    if len(raw) == ED25519_BYTES:
        return Ed25519PrivateKey.from_private_bytes(raw)
    # It was sealed here, and the seal was whole: it is a key of ours.
    return cast(PrivateKey, load_der_private_key(raw, password=None))


class _Own(local):
    """What each thread has for itself."""

    def __init__(self) -> None:
        self.shapes = Shapes()
