"""Revokes what was confirmed, chunk by chunk; several workers share one revocation, and each may end at any time."""

import asyncio
from uuid import UUID

import structlog

from services.issuer.domain.row import Row
from services.issuer.handlers import changing
from services.issuer.store import revocations as store
from shared import db, telemetry
from shared.db import Database
from shared.messaging.events import Reason
from shared.messaging.pace import BackOff
from shared.web.auth import Principal

log = structlog.get_logger()

# Badges a transaction: it holds the rows of their status lists, for which issuing waits.
CHUNK = 200
# Revocations in one round, of each of which one chunk is done: a short one does not wait for a long one.
AT_ONCE = 50
IDLE_SECONDS = 0.25


class Revoker:
    """The worker. A chunk is one transaction, so that each badge is revoked once and counted once."""

    def __init__(self, database: Database, chunk: int = CHUNK) -> None:
        self._database = database
        self._chunk = chunk

    async def run(self) -> None:
        """Revoke what waits, until cancelled."""
        back_off = BackOff()
        while True:
            try:
                done = await self.round()
            except Exception as error:
                if not db.is_failure_of_ours(error):
                    raise
                log.warning("revocations_wait", reason=type(error).__name__)
                await back_off.wait()
            else:
                back_off.reset()
                await asyncio.sleep(0 if done else IDLE_SECONDS)

    async def round(self) -> int:
        """Do one chunk of each revocation that runs; return how many badges that were."""
        async with self._database.transaction() as tx:
            running = await store.running(tx, AT_ONCE)
        return sum([await self._one_chunk(each) for each in running])

    async def _one_chunk(self, revocation_id: UUID) -> int:
        async with self._database.transaction() as tx:
            revocation = await store.hold(tx, revocation_id)
            if revocation is None:
                return 0
            badges = await store.take(tx, revocation_id, self._chunk)
            if not badges:
                return 0
            # Before the change, which ends with the lists' rows.
            waiting = [row for row in badges if row["status"] != "revoked"]
            with telemetry.within(revocation["traceparent"]):
                await changing.revoke_all(tx, _who(revocation), waiting, _reason(revocation))
            revoked = [row["id"] for row in waiting]
            before = [row["id"] for row in badges if row["status"] == "revoked"]
            await store.finish(tx, revocation_id, revoked, before)
        return len(badges)


def _who(revocation: Row) -> Principal:
    """Return who confirmed it: the actor of each change."""
    return Principal(
        revocation["actor_role"], revocation["institution_id"], revocation["actor_key_id"], frozenset({"revoke"})
    )


def _reason(revocation: Row) -> Reason:
    return Reason(code=revocation["reason_code"], note=revocation["reason_note"])
