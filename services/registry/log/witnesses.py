"""Asks witnesses to cosign a checkpoint, and says whether it has the cosignatures that the policy wants.

A witness that is away, slow or wrong costs its own cosignature and nothing else; one that has seen of the log what we
never signed is an alarm.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx
import structlog
from asyncpg import Record
from prometheus_client import Gauge

from services.registry.log.tree import consistency_proof
from services.registry.store import log as store
from shared import db
from shared.db import Database
from shared.messaging.metrics import alarm
from shared.transparency import witnessing
from shared.transparency.errors import TransparencyError
from shared.transparency.note_keys import Signature
from shared.transparency.notes import Verified, parse_note, write_note
from shared.transparency.policy import Policy, Witness

log = structlog.get_logger()

COSIGNED = Gauge("laurel_log_witness_cosigned_seconds", "When a witness last cosigned (Unix time)", ["witness"])

ANSWER_SECONDS = 5.0
# For those that are slower than a quorum needs.
GRACE_SECONDS = 0.5
# How far a witness's clock may be from ours: whoever relies on its word asks how old it is.
CLOCK_SECONDS = 300.0

Cosignature = tuple[Signature, Verified]


@dataclass(frozen=True)
class Answer:
    """What a witness answered: the status, and at most as much of the body as any answer needs."""

    status: int
    body: bytes


@dataclass
class Witnesses:
    """The witnesses of a policy, asked over HTTP."""

    database: Database
    http: httpx.AsyncClient
    policy: Policy = field(default_factory=Policy)

    @property
    def asked(self) -> Mapping[str, Witness]:
        """Those that have an address at which they can be asked."""
        return {name: witness for name, witness in self.policy.witnesses.items() if witness.url}

    async def cosigned(self, checkpoint: Record) -> str | None:
        """Return the note of the largest checkpoint that was signed, with cosignatures; None while they are no quorum.

        Nothing larger was ever signed here, so a witness that remembers more of this log is an alarm.
        """
        note = parse_note(checkpoint["note"].encode())
        found = await self._cosignatures(checkpoint)
        if not self._are_enough(found):
            return None
        new = sorted((signature for signature, _ in found), key=lambda each: each.name)
        replaced = {(each.name, each.key_id) for each in new}
        kept = [each for each in note.signatures if (each.name, each.key_id) not in replaced]
        return write_note(note.text, [*kept, *new]).decode()

    async def _cosignatures(self, checkpoint: Record) -> list[Cosignature]:
        """Ask all at once; once there are enough the others have a moment left."""
        found: list[Cosignature] = []
        pending = {asyncio.create_task(self._ask(*each, checkpoint)) for each in self.asked.items()}
        try:
            while pending and not self._are_enough(found):
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                found += [each for task in done for each in task.result()]
            if pending:
                done, pending = await asyncio.wait(pending, timeout=GRACE_SECONDS)
                found += [each for task in done for each in task.result()]
        finally:
            for task in pending:
                task.cancel()
        return found

    def _are_enough(self, found: Sequence[Cosignature]) -> bool:
        return self.policy.satisfied([verified for _, verified in found])

    async def _ask(self, name: str, witness: Witness, checkpoint: Record) -> list[Cosignature]:
        """Return the witness's cosignature, if it gives one; where it is at another size, it is asked from there."""
        tree, size = checkpoint["tree"], checkpoint["size"]
        async with self.database.transaction() as tx:
            old = min(await store.witnessed(tx, tree, name), size)
        for again in (False, True):
            answer = await self._post(name, witness, checkpoint, old)
            if answer is None:
                return []
            if answer.status == httpx.codes.OK:
                return await self._accepted(name, witness, checkpoint, answer)
            remembered = witnessing.read_size(answer.body) if answer.status == httpx.codes.CONFLICT else None
            if again or remembered is None or remembered > size:
                _refused(name, answer.status, remembered, size)
                return []
            old = remembered
        return []

    async def _post(self, name: str, witness: Witness, checkpoint: Record, old: int) -> Answer | None:
        async with self.database.transaction() as tx:
            proof = await consistency_proof(tx, checkpoint["tree"], old, checkpoint["size"]) if old else []
        text = checkpoint["note"].encode()
        body = witnessing.write_request(witnessing.Request(old, tuple(proof), text))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._answer(f"{(witness.url or '').rstrip('/')}{witnessing.PATH}", body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            log.warning("witness_silent", witness=name, error=type(error).__name__)
            return None

    async def _answer(self, url: str, body: bytes) -> Answer:
        async with self.http.stream("POST", url, content=body) as response:
            content = bytearray()
            async for piece in response.aiter_raw():
                content += piece
                if len(content) > witnessing.MAX_RESPONSE:
                    break
            return Answer(response.status_code, bytes(content[: witnessing.MAX_RESPONSE]))

    async def _accepted(self, name: str, witness: Witness, checkpoint: Record, answer: Answer) -> list[Cosignature]:
        text = parse_note(checkpoint["note"].encode()).text
        try:
            found = witnessing.read_cosignatures(text, answer.body, witness.verifier)
        except TransparencyError as error:
            log.warning("witness_wrong", witness=name, code=error.code)
            return []
        async with self.database.transaction() as tx:
            now = (await db.now(tx)).timestamp()
            fresh = [each for each in found if abs((each[1].time or 0) - now) <= CLOCK_SECONDS]
            if fresh:
                await store.note_witnessed(tx, checkpoint["tree"], name, checkpoint["size"])
        if not fresh:
            log.warning("witness_wrong", witness=name, code="no_cosignature_of_now")
            return []
        COSIGNED.labels(name).set(now)
        return fresh[:1]


def _refused(name: str, status: int, remembered: int | None, size: int) -> None:
    """Note a refusal; where the witness has seen another tree than there is here, call the operator."""
    if remembered is not None and remembered > size:
        alarm("witness_ahead", witness=name, remembered=remembered, signed=size)
    elif remembered is not None or status == httpx.codes.UNPROCESSABLE_ENTITY:
        alarm("witness_refuses", witness=name, status=status)
    else:
        log.warning("witness_refused", witness=name, status=status)
