"""The verifier's own keys, which sign receipts: made at the first start, sealed at rest, public for ever."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.verifier.store import receipts as store
from shared import db
from shared.credentials.keys import encode_multikey
from shared.db import Database
from shared.ids import new_id
from shared.messaging.pace import BackOff
from shared.sealing import Sealer

log = structlog.get_logger()


@dataclass(frozen=True)
class ReceiptKey:
    """The key in use, with its id and public form."""

    id: UUID
    public_key_multibase: str
    private_key: Ed25519PrivateKey


class ReceiptKeys:
    """Keys in the database; one is in use, and those of before stay published."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        """`database` is the worker's: the api's role has no business with sealed keys."""
        self._database = database
        self._sealer = sealer

    async def current(self) -> ReceiptKey:
        """Return the key in use, made now where there is none. Raises SealingError where it can't be opened."""
        async with self._database.transaction() as tx:
            row = await store.active_key(tx) or await self._make(tx)
        raw = self._sealer.open(row["sealed"], row["id"].bytes)
        return ReceiptKey(row["id"], row["public_key_multibase"], Ed25519PrivateKey.from_private_bytes(raw))

    async def rotate(self) -> Sequence[Any]:
        """Retire the key in use and make another; return all keys as `published` does."""
        async with self._database.transaction() as tx:
            await store.retire_key(tx, await db.now(tx))
            await self._make(tx)
            return await store.public_keys(tx)

    async def published(self) -> Sequence[Any]:
        """Return all keys, the newest first, without their private halves."""
        async with self._database.transaction() as tx:
            return await store.public_keys(tx)

    async def make_first(self) -> None:
        """Make a key where there is none; then do nothing more until cancelled."""
        back_off = BackOff()
        while True:
            try:
                await self.current()
            except Exception as error:
                if not db.is_failure_of_ours(error):
                    raise
                log.warning("receipt_key_waits", error=type(error).__name__)
                await back_off.wait()
            else:
                await asyncio.Event().wait()

    async def _make(self, tx: db.Tx) -> Any:
        key_id, key = new_id(), Ed25519PrivateKey.generate()
        sealed = self._sealer.seal(key.private_bytes_raw(), key_id.bytes)
        await store.add_key(tx, key_id, encode_multikey(key.public_key()), sealed, await db.now(tx))
        # Of several that begin at the same time, one has made it.
        return await store.active_key(tx)
