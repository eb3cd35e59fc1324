"""Shows badges of this registry to stand in the transparency log, which is read like by any outsider."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.verifier.domain import inclusion
from services.verifier.domain.inclusion import Told
from services.verifier.domain.known import Known
from services.verifier.domain.receipts import Event
from services.verifier.log_reader import Head, LogReader, contradicts
from services.verifier.store import receipts as store
from shared.credentials.report import Check
from shared.db import Database
from shared.errors import Unavailable

REGISTRY = "/laurel/registry"
# How long the log may take for all the badges of one request; the reader itself gives up a file sooner.
SECONDS = 8.0
_SLOW = "the log did not answer in time."


@dataclass(frozen=True)
class Looked:
    """What is known here of the log, and of the events that should be in it, by the credentials' ids."""

    events: Mapping[UUID, Sequence[Event]]
    places: Mapping[UUID, tuple[str, int]]
    told: Told


@dataclass(frozen=True)
class Inclusion:
    """Where it is looked whether badges are logged. `always`: also for who does not say whether he wants it."""

    database: Database
    reader: LogReader
    always: bool = False

    async def checks(self, known: Sequence[Known], signed: Sequence[bool]) -> list[Check]:
        """Return a check for each badge, in their order; `signed` tells which were shown to be their issuers'.

        Within some seconds: what the log has not shown by then is not decided.
        """
        owned = [_ours(each) if good else None for each, good in zip(known, signed, strict=True)]
        ours = {mine: each for mine, each in zip(owned, known, strict=True) if mine}
        found = await self._of_ours(ours) if ours else {}
        others = (inclusion.not_ours() if good else inclusion.no_ground() for good in signed)
        return [found[mine] if mine else other for mine, other in zip(owned, others, strict=True)]

    async def _of_ours(self, ours: Mapping[UUID, Known]) -> dict[UUID, Check]:
        looked = await self._look_up(ours)
        found: dict[UUID, Check] = {}
        try:
            async with asyncio.timeout(SECONDS):
                head = await self.reader.recent_head()
                for credential_id, events in looked.events.items():
                    found[credential_id] = await self._of_one(events, looked, head, ours[credential_id].now)
        except TimeoutError:
            trouble = inclusion.not_read("log_unreachable", _SLOW)
        except Unavailable as error:
            trouble = inclusion.not_read(error.code, error.detail)
        else:
            trouble = inclusion.not_read("status_unavailable", "what is known of the badge is being read anew.")
        return {each: found.get(each, trouble) for each in ours}

    async def _of_one(self, events: Sequence[Event], looked: Looked, head: Head, now: datetime) -> Check:
        origin, size = head.checkpoint.origin, head.checkpoint.size
        shown = []
        for event in events:
            place = looked.places.get(event.id)
            if place and place[0] != origin:
                return inclusion.not_read("log_superseded", "it stands in a log that is not written to any more.")
            if place is None or place[1] >= size:
                return inclusion.not_there(event, now, looked.told, placed=place is not None)
            opened = inclusion.opens(event, (await self.reader.included(head, place[1])).leaf)
            if opened is None:
                return inclusion.not_opened()
            if not opened:
                raise contradicts(f"leaf {place[1]} is not the event that is said to stand there")
            shown.append((event, place[1]))
        return inclusion.there(origin, size, shown)

    async def _look_up(self, ours: Mapping[UUID, Known]) -> Looked:
        async with self.database.transaction() as tx:
            rows = await store.credentials(tx, list(ours))
            events = {row["id"]: inclusion.grounds(row, ours[row["id"]]) for row in rows}
            ids = [event.id for each in events.values() for event in each]
            salts, places = await store.salts(tx, ids), await store.places(tx, ids)
            told = _told(await store.told(tx, REGISTRY, [str(each) for each in ids]))
        salted = {of: [replace(each, salt=salts.get(each.id)) for each in its] for of, its in events.items()}
        return Looked(salted, places, told)


def _told(row: Any) -> Told:
    until = {int(shard): datetime.fromisoformat(time) for shard, time in (row["heard"] or {}).items()}
    return Told(until, frozenset(row["held"]), row["places_held"])


def _ours(known: Known) -> UUID | None:
    """Return the id of a badge that is its institution's in this registry; None for any other."""
    recorded, issuer = known.recorded, known.issuer
    return recorded.id if recorded and issuer and recorded.institution_id == issuer.id else None
