"""A relay or a consumer as a process of its own that stops where a test wants it killed.

    python -m tests.integration.messaging.processes relay|consumer <dsn>

The relay hangs between send and mark, the consumer between effect and commit; each says so on its output.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from shared.db import Database, Tx
from shared.messaging.events import ISSUER_EVENTS, ISSUER_STATE
from shared.messaging.inbox import Consumer, Delivery
from shared.messaging.log import open_log
from shared.messaging.ports import Publisher, Record
from shared.messaging.relay import Relay
from shared.settings import Settings
from tests.integration.messaging.logs import LogUnderTest
from tests.support.postgres import ROOT

THERE = "at the place"


class _HangsAfterSending:
    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def publish(self, records: Sequence[Record]) -> list[str | None]:
        answers = await self._publisher.publish(records)
        if any(record.partition.topic == ISSUER_EVENTS for record in records):
            await _hang()
        return answers

    async def close(self) -> None:
        await self._publisher.close()


async def _hang() -> None:
    sys.stdout.write(THERE + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def _handle(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    for each in deliveries:
        await tx.execute("insert into effects (event_id, key) values ($1, $2)", each.id, each.message.key)
    await _hang()


async def _main(part: str, dsn: str) -> None:
    database, log = await Database.open(dsn), open_log(Settings())
    if part == "relay":
        publisher = _HangsAfterSending(await log.publisher())
        await Relay(database, publisher, ISSUER_STATE, "/laurel/issuer").run()
    await Consumer(database, log, "group", [ISSUER_EVENTS], _handle).run()


async def killed_at_the_place(part: str, dsn: str, log: LogUnderTest) -> None:
    """Start `part`, wait until it is where it hangs, and kill it."""
    wanted = log.settings.model_dump(include={"log", "eventlog_dsn", "kafka_bootstrap", "topic_prefix"})
    environment = {**os.environ, **{f"LAUREL_{name.upper()}": str(value) for name, value in wanted.items()}}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.messaging.processes", part, dsn,
        cwd=ROOT, env=environment, stdout=subprocess.PIPE,
    )  # fmt: skip
    output: list[Any] = []
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while THERE not in str(output):
            output.append(await process.stdout.readline())
            assert output[-1] != b"", "the process ended"
    process.send_signal(signal.SIGKILL)
    await process.wait()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
