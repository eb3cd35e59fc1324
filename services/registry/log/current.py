"""The log that is written to: made once, with a name for ever and a key of its own."""

from dataclasses import dataclass
from secrets import token_hex

import structlog
from asyncpg import Record
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.registry.store import log as store
from shared.db import Tx
from shared.sealing import Sealer
from shared.transparency.checkpoints import Checkpoint
from shared.transparency.merkle import EMPTY_ROOT
from shared.transparency.note_keys import NoteSigner
from shared.transparency.notes import write_note

log = structlog.get_logger()


@dataclass(frozen=True)
class Log:
    """A log by its number here, with its origin and the key that signs for it."""

    number: int
    origin: str
    signer: NoteSigner

    def checkpoint(self, size: int, root: bytes) -> str:
        """Return the signed note that says what the tree is (C2SP tlog-checkpoint)."""
        text = Checkpoint(self.origin, size, root).text
        return write_note(text, [self.signer.sign(text)]).decode()


class Superseded(Exception):
    """Another log has taken this one's place; whoever keeps it begins anew."""


async def open_log(tx: Tx, sealer: Sealer, origin: str | None) -> Log:
    """Return the log that is written to. Where there is none it is made, with this origin or one of its own.

    Raises SealingError where its key can't be opened.
    """
    row = await store.current_tree(tx) or await create_log(tx, sealer, 1, origin or f"log.laurel/{token_hex(8)}")
    key = sealer.open(await store.sealed_key(tx, row["number"]), row["origin"].encode())
    return Log(row["number"], row["origin"], NoteSigner(row["origin"], Ed25519PrivateKey.from_private_bytes(key)))


async def create_log(tx: Tx, sealer: Sealer, number: int, origin: str) -> Record:
    """Make an empty log with a key of its own, and return its row."""
    key = Ed25519PrivateKey.generate()
    sealed = sealer.seal(key.private_bytes_raw(), origin.encode())
    log.info("log_created", origin=origin)
    row: Record = await store.create_tree(tx, number, origin, NoteSigner(origin, key).vkey, EMPTY_ROOT, sealed)
    return row
