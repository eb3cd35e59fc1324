"""A verifier, an employer of it, and a log in which the events of a test stand."""

from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import orjson

from shared.messaging.events import Actor, CredentialState, HistoryEntry, LogPositionsState
from shared.transparency.commitments import commitment, credential_facts
from tests.integration.verifier.builders import Institution, now
from tests.integration.verifier.conftest import Verifier
from tests.support.log_site import LogSite
from tests.support.records import beats

HALF_AN_HOUR = timedelta(minutes=30)
ACTOR = Actor(role="institution", key_id="11111111-0000-4000-8000-000000000000")


class Logged:
    """A verifier with one employer, and a log in which events of this test stand."""

    def __init__(self, verifier: Verifier, employer: dict[str, str], log: LogSite) -> None:
        self.verifier = verifier
        self.employer = employer
        self.log = log
        self.entries: list[bytes] = [b"another leaf"] * 3

    async def place(self, event_id: UUID, entry: bytes) -> None:
        """Append an entry, and let the verifier hear where it stands."""
        self.entries.append(entry)
        state = LogPositionsState(origin=self.log.origin, first=len(self.entries) - 1, event_ids=(event_id,))
        await self.verifier.feed(state)

    async def badge(
        self,
        oak: Institution,
        *,
        changes: tuple[str, ...] = (),
        salts: bool = True,
        logged: int = 9,
        age: timedelta = HALF_AN_HOUR,
    ) -> dict[str, Any]:
        """A badge of ours, of this age; of its history so many events are in the log."""
        badge = oak.badge()
        kinds = ("issued", *changes)
        times = [now() - age + timedelta(seconds=n) for n in range(len(kinds))]
        history = tuple(
            HistoryEntry(version=n + 1, type=kind, time=time, event_id=uuid4(), actor=ACTOR)  # type: ignore[arg-type]  # texts of the contract
            for n, (kind, time) in enumerate(zip(kinds, times, strict=True))
        )
        status = {"issued": "issued", "reinstated": "issued"}.get(kinds[-1], kinds[-1])
        state = oak.credential(badge, version=len(kinds), status=status, history=history)
        await self.verifier.feed(oak.state(), oak.key_state(), state)
        await self.verifier.hear(beats())
        for entry in history[:logged]:
            await self._place_version(state, entry, salts=salts)
        return badge

    async def _place_version(self, state: CredentialState, entry: HistoryEntry, *, salts: bool) -> None:
        salt = sha256(entry.event_id.bytes).digest()
        facts = credential_facts(
            event_id=entry.event_id, type=entry.type, credential_id=state.credential_id, version=entry.version,
            accepted_at=entry.time, actor_role=ACTOR.role, actor_key=ACTOR.key_id, reason_code=None,
            document_digest=state.document_digest,
            status={"issued": "issued", "reinstated": "issued"}.get(entry.type, entry.type),
        )  # fmt: skip
        await self.place(entry.event_id, commitment(salt, facts))
        if salts:
            await self.verifier.execute("insert into event_salts values ($1, $2)", entry.event_id, salt)

    async def verify(self, badge: dict[str, Any], *, log: bool = True, **members: Any) -> dict[str, Any]:
        """Verify as the employer; the answer's commitment is logged, as the registry does."""
        report = await self.verifier.verify(badge, self.employer, **members)
        if log:
            await self.place(UUID(report["id"]), await self.commitment_of(report))
        self.log.publish(self.entries)
        return report

    async def commitment_of(self, report: dict[str, Any]) -> bytes:
        """What the verifier has told of an answer, for the log."""
        told = await self.verifier.value("select value from outbox where event_id = $1", UUID(report["id"]))
        return bytes.fromhex(orjson.loads(told)["commitment"])

    async def ask(self, report: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
        path = f"/v1/verifications/{report['id']}/receipt"
        return await self.verifier.client.get(path, headers=headers or self.employer)
