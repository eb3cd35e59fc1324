"""Private signing keys: made here, sealed at rest, and opened only to sign."""

from collections import OrderedDict
from threading import Lock, local
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.credentials.compiled import Shapes
from shared.credentials.keys import PrivateKey
from shared.errors import Unavailable
from shared.sealing import Sealer, SealingError

# Institutions that sign at the same time; the keys of the rest are opened again when needed.
MAX_OPEN = 1_000


def new_signing_key() -> PrivateKey:
    """Make an Ed25519 key."""
    return Ed25519PrivateKey.generate()


class Signer:
    """Opens sealed private keys and keeps those last used in memory; it may be used from several threads."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._open: OrderedDict[UUID, PrivateKey] = OrderedDict()
        self._lock = Lock()
        self._own = _Own()

    def seal(self, key_id: UUID, key: PrivateKey) -> bytes:
        """Return the sealed form of a private key; it opens as the key `key_id` and as no other."""
        return self._sealer.seal(key.private_bytes_raw(), key_id.bytes)

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
            return Ed25519PrivateKey.from_private_bytes(self._sealer.open(sealed, key_id.bytes))
        except SealingError as error:
            raise Unavailable("signing_key_unreadable", "The institution's signing key can't be opened.") from error


class _Own(local):
    """What each thread has for itself."""

    def __init__(self) -> None:
        self.shapes = Shapes()
