"""Reads a topic as any outsider with the log's address could: from its beginning to its end."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import orjson

from shared.ids import PARTITIONS
from shared.messaging.log import open_log
from shared.messaging.ports import Partition, Reader, Received
from shared.settings import Settings


async def read_topic(event_log: Mapping[str, str], topic: str) -> list[Received]:
    """Every record of `topic` that lies there now; `event_log` are LAUREL_* settings."""
    settings = {name.removeprefix("LAUREL_").lower(): value for name, value in event_log.items()}
    log = open_log(Settings.model_validate(settings))
    reader = await log.reader(f"outsider.{uuid4().hex}", [topic], _from_the_beginning)
    found: list[Received] = []
    try:
        while not await _is_at_the_end(reader):
            for records in (await reader.fetch(1000, 0.5)).values():
                found += records
    finally:
        await reader.close()
        await log.close()
    return found


async def events_on(dsn: str, topic: str, *kinds: str) -> list[dict[str, Any]]:
    """The events of these types that lie in a topic of an embedded log; one that was sent again is the same."""
    records = [(dict(each.headers), each.value) for each in await read_topic({"LAUREL_EVENTLOG_DSN": dsn}, topic)]
    found = {head["ce_id"]: value or b"" for head, value in records if head["ce_type"].decode() in kinds}
    return [orjson.loads(value) for value in found.values()]


def as_text(records: Sequence[Received]) -> str:
    """All that the records hold: keys, headers, values."""
    parts = [part for each in records for part in (each.key, each.value, *(value for _, value in each.headers)) if part]
    return b"\n".join(parts).decode(errors="replace")


async def _is_at_the_end(reader: Reader) -> bool:
    if len(reader.assigned()) < PARTITIONS:
        return False
    lag = await reader.lag()
    return len(lag) == PARTITIONS and not any(lag.values())


async def _from_the_beginning(_: Sequence[Partition]) -> Mapping[Partition, int]:
    return {}
