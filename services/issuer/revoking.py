"""Revokes what was confirmed, chunk by chunk; several workers share one revocation, and each may end at any time."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from services.issuer.domain.revocations import Done
from services.issuer.domain.row import Row
from services.issuer.handlers import changing
from services.issuer.handlers.issuing import CHUNK as REISSUED
from services.issuer.handlers.issuing import Issuing
from services.issuer.handlers.reissuing import reissue
from services.issuer.handlers.storing import Requester
from services.issuer.store import credentials
from services.issuer.store import revocations as store
from shared import telemetry
from shared.db import Database, Tx
from shared.errors import LaurelError, Unavailable
from shared.messaging.events import Reason
from shared.rounds import keep_working
from shared.web.auth import Principal

log = structlog.get_logger()

# Badges a transaction: it holds the rows of their status lists, for which issuing waits.
CHUNK = 200
# Revocations in one round, of each of which one chunk is done: a short one does not wait for a long one.
AT_ONCE = 50


class Revoker:
    """The worker. A chunk is one transaction, so that each badge is revoked once and counted once."""

    def __init__(self, worker: Database, app: Database, issuing: Issuing, chunk: int = CHUNK) -> None:
        """`app` and `issuing` are what badges are issued once more by."""
        self._worker = worker
        self._app = app
        self._issuing = issuing
        self._chunk = chunk

    async def run(self) -> None:
        """Revoke what waits, until cancelled."""
        await keep_working(self.round, "revocations_wait", self._worker.bell.waiter(store.REVOKER))

    async def round(self) -> int:
        """Do one chunk of each revocation that runs; return how many badges that were."""
        async with self._worker.transaction() as tx:
            running = await store.running(tx, AT_ONCE)
        return sum([await self._one_chunk(each) for each in running])

    async def _one_chunk(self, revocation_id: UUID) -> int:
        try:
            async with self._worker.transaction() as tx:
                revocation = await store.hold(tx, revocation_id)
                if revocation is None:
                    return 0
                with telemetry.within(revocation["traceparent"]):
                    done = await (self._reissue if revocation["reissue"] else self._revoke)(tx, revocation)
                if done:
                    await store.finish(tx, revocation_id, done)
            return len(done)
        except Unavailable as error:  # too much is being signed, say
            log.warning("revocation_waits", reason=error.code)
        except LaurelError as error:
            log.warning("revocation_stopped", revocation_id=str(revocation_id), reason=error.code)
            async with self._worker.transaction() as tx:
                await store.stop(tx, revocation_id, error.code)
        return 0

    async def _revoke(self, tx: Tx, revocation: Row) -> list[Done]:
        taken = await store.take(tx, revocation["id"], self._chunk)
        return await _revoke(tx, revocation, [row["credential_id"] for row in taken])

    async def _reissue(self, tx: Tx, revocation: Row) -> list[Done]:
        """Issue badges once more, each in place of the old one; those that can't be are revoked all the same.

        Each is stored in a transaction of its own chunk, and a worker that was killed before this one has left badges
        that are replaced and not counted.
        """
        taken = await store.take(tx, revocation["id"], min(self._chunk, REISSUED))
        confirmed = {row["credential_id"]: row["version"] for row in taken}
        rows = await credentials.by_ids(tx, revocation["institution_id"], confirmed)
        standing = [row["id"] for row in rows if row["status"] == "issued"]
        made = await reissue(self._app, self._issuing, Requester(_who(revocation)), standing, _reason(revocation))
        new = {old: each for old, each in made.items() if isinstance(each, UUID)}
        new |= {
            row["id"]: row["replaced_by"]
            for row in rows
            if row["replaced_by"] and row["version"] > confirmed[row["id"]]
        }
        rest = await _revoke(tx, revocation, [each for each in confirmed if each not in new])
        troubles = {old: each.code for old, each in made.items() if isinstance(each, LaurelError)}
        return [
            *(Done(old, "revoked", replaced_by=successor) for old, successor in new.items()),
            *(_with_trouble(each, troubles.get(each.credential_id, "suspended")) for each in rest),
        ]


async def _revoke(tx: Tx, revocation: Row, credential_ids: Sequence[UUID]) -> list[Done]:
    badges = await credentials.lock_all(tx, revocation["institution_id"], credential_ids)
    waiting = [row for row in badges.values() if row["status"] != "revoked"]
    await changing.revoke_all(tx, _who(revocation), waiting, _reason(revocation))
    return [Done(row["id"], "already_revoked" if row["status"] == "revoked" else "revoked") for row in badges.values()]


def _with_trouble(done: Done, trouble: str) -> Done:
    return done if done.outcome == "already_revoked" else Done(done.credential_id, done.outcome, trouble=trouble)


def _who(revocation: Row) -> Principal:
    """Return who confirmed it: the actor of each change."""
    scopes = frozenset({"revoke", "issue"} if revocation["reissue"] else {"revoke"})
    return Principal(revocation["actor_role"], revocation["institution_id"], revocation["actor_key_id"], scopes)


def _reason(revocation: Row) -> Reason:
    return Reason(code=revocation["reason_code"], note=revocation["reason_note"])
