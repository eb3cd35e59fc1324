"""Sends what is due through one channel: many at once, few to the same target or tenant, each attempt written down."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import prometheus_client
import structlog

from services.notifier.domain import MY_LINKS, Answer, verdict
from services.notifier.pace import Pace
from services.notifier.store import queue
from services.notifier.store.deliveries import SENDERS
from services.notifier.store.queue import Busy, Claim
from shared import db, telemetry
from shared.db import Database
from shared.rounds import IDLE_SECONDS

log = structlog.get_logger()

ATTEMPTS = prometheus_client.Counter(
    "laurel_delivery_attempts_total", "Attempts to tell somebody, by how they ended", ["channel", "outcome"]
)
DOUBLED = prometheus_client.Counter(
    "laurel_deliveries_possibly_doubled_total", "Attempts after one whose end nobody knows", ["channel"]
)

# Longer than any attempt takes (channels cut theirs off at 15 and 30 s): whose lease has ended, has crashed.
LEASE = timedelta(seconds=60)
# So one slow receiver never holds more of the sender than this.
PER_TARGET = 4
# Between two looks where nothing may be sent now, and nobody says that there is something new.
SHORTEST, LONGEST = timedelta(seconds=0.1), timedelta(seconds=IDLE_SECONDS)
TROUBLED = timedelta(seconds=1)
# How long a sender that is told to stop lets what is under way end, so that it need not be sent twice.
DRAIN_SECONDS = 5.0


class Channel(Protocol):
    """A way to reach people."""

    @property
    def name(self) -> str:
        """The deliveries' `channel` that are sent this way."""
        ...

    async def send(self, claim: Claim) -> Answer:
        """Attempt a delivery once, within 30 s, and say what came of it; what is expected to fail is an answer too."""
        ...


class Sender:
    """Takes due deliveries of one channel and attempts them."""

    def __init__(
        self,
        database: Database,
        channel: Channel,
        at_once: int,
        per_tenant: int | None = None,
        pace: Pace | None = None,
    ) -> None:
        """`database` is the worker's: deliveries are every tenant's. `per_tenant` of `at_once` may be one tenant's."""
        self._database = database
        self._channel = channel
        self._at_once = at_once
        self._per_tenant = per_tenant or at_once
        self._pace = pace
        self._targets: Counter[UUID] = Counter()
        self._tenants: Counter[UUID] = Counter()
        self._under_way: set[asyncio.Task[None]] = set()
        self._waiter = database.bell.waiter(SENDERS)

    async def run(self) -> None:
        """Send until cancelled; what does not end soon after that is sent again when its lease has ended."""
        async with asyncio.TaskGroup() as attempts:
            try:
                while True:
                    await self._step(attempts)
            finally:
                if self._under_way:
                    await asyncio.wait(self._under_way, timeout=DRAIN_SECONDS)

    async def _step(self, attempts: asyncio.TaskGroup) -> None:
        if len(self._under_way) >= self._at_once:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            return
        claims = await self._claim()
        if isinstance(claims, timedelta):
            await self._waiter.rest(max(SHORTEST, claims).total_seconds())
            return
        for claim in claims:
            self._targets[claim.target] += 1
            self._tenants[claim.tenant_id] += 1
            attempt = attempts.create_task(self._attempt(claim))
            self._under_way.add(attempt)
            attempt.add_done_callback(self._ended)

    def _ended(self, attempt: asyncio.Task[None]) -> None:
        self._under_way.discard(attempt)
        self._waiter.wake()  # there is room again for its target

    async def _claim(self) -> Sequence[Claim] | timedelta:
        """Take what may be sent now, or tell when to look again."""
        busy = Busy(self._targets, self._tenants, PER_TARGET, self._per_tenant)
        most = self._at_once - len(self._under_way)
        try:
            async with self._database.transaction() as tx:
                claims = await queue.claim(tx, self._channel.name, busy, LEASE, most, self._pace)
                return claims if claims is not None else await queue.until_next(tx, self._channel.name, LONGEST)
        except Exception as error:
            if not db.is_failure_of_ours(error):
                raise
            log.warning("sender_waits", channel=self._channel.name, error=type(error).__name__)
            return TROUBLED

    async def _attempt(self, claim: Claim) -> None:
        attributes = {"laurel.channel": claim.channel, "laurel.delivery_id": str(claim.id)}
        if claim.credential_id:
            attributes["laurel.credential_id"] = str(claim.credential_id)
        if claim.doubled:
            DOUBLED.labels(claim.channel).inc()
        try:
            with telemetry.consumer_span(f"send {claim.channel}", claim.traceparent, attributes):
                answer = await self._answer(claim)
                telemetry.annotate(outcome=answer.outcome)
            await self._finish(claim, answer)
        except Exception as error:
            if not db.is_failure_of_ours(error):
                raise
            # It was sent, perhaps, and can't be written down: the lease will end, and it is sent again.
            log.warning("attempt_not_recorded", delivery_id=str(claim.id), error=type(error).__name__)
        finally:
            self._targets -= Counter([claim.target])
            self._tenants -= Counter([claim.tenant_id])

    async def _answer(self, claim: Claim) -> Answer:
        try:
            return await self._channel.send(claim)
        except Exception as error:
            if db.is_failure_of_ours(error):
                raise
            # A fault in one message must not keep all others from going out. No traceback: it may quote an address.
            log.error("attempt_failed", delivery_id=str(claim.id), error=type(error).__name__)  # noqa: TRY400
            return Answer("retry", error="internal", ours=True)

    async def _finish(self, claim: Claim, answer: Answer) -> None:
        ended = verdict(answer, claim.tries, random.random())  # noqa: S311  # nothing secret
        async with self._database.transaction() as tx:
            if not await queue.finish(tx, claim, answer, ended):
                log.warning("attempt_overtaken", delivery_id=str(claim.id))
        if claim.type != MY_LINKS:  # /metrics is open: it would say whether the address that asks is known
            ATTEMPTS.labels(claim.channel, answer.outcome).inc()
        log.info(
            "attempted",
            delivery_id=str(claim.id),
            channel=claim.channel,
            number=claim.number,
            outcome=answer.outcome,
            status=answer.status,
            error=answer.error,
            state=ended.state,
        )
