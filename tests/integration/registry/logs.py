"""The transparency log under test: a registry that keeps it, and readers who trust its key and nothing else."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import psycopg

from services.registry.log import LogKeeper, SecondPlaces, Terms
from shared.messaging.embedded import EmbeddedLog
from shared.messaging.events import Message
from shared.transparency.checkpoints import Checkpoint, open_checkpoint
from shared.transparency.merkle import check_inclusion, leaf_hash
from shared.transparency.note_keys import NoteVerifier
from shared.transparency.policy import Policy
from shared.transparency.tiles import bundles_of, read_bundle
from tests.integration.registry.builders import Badge
from tests.integration.registry.conftest import Registry
from tests.support.poll import eventually

ORIGIN = "log.badges.example"


@asynccontextmanager
async def keeping(
    registry: Registry, checkpoint_file: Path | None = None, policy: Policy | None = None
) -> AsyncIterator[LogKeeper]:
    """Let a worker of the registry keep the log until the block ends."""
    await registry.have_log()
    event_log = EmbeddedLog(registry.settings.eventlog_dsn)
    places = SecondPlaces(event_log, checkpoint_file)
    terms = Terms(ORIGIN, registry.settings.kek_file, policy or Policy(), round_seconds=0.1)
    keeper = LogKeeper(registry.worker, event_log, places, terms)
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await event_log.close()


async def published(registry: Registry, size: int) -> None:
    """Wait until a checkpoint of at least so many leaves is published."""
    query = "select max(size) from log_checkpoints where published_at is not null"
    await eventually(lambda: _at_least(registry, query, size))


async def _at_least(registry: Registry, query: str, size: int) -> bool:
    largest: int | None = await registry.value(query)
    return largest is not None and largest >= size


async def log_badges(registry: Registry, count: int) -> list[Badge]:
    """Have badges issued, recorded and logged; return them."""
    badges = [Badge() for _ in range(count)]
    size = await registry.value("select count(*) from log_entries")
    messages: list[Message] = [badge.issued() for badge in badges]
    async with keeping(registry):
        await registry.feed(*messages)
        await published(registry, size + count)
    return badges


def as_owner(registry: Registry, *statements: str, triggers: bool = False) -> None:
    """Run statements as the database's owner, who can switch the triggers off."""
    # In the order in which the keeper takes its locks: it may be at work.
    tables = ("log_trees", "log_entries", "log_tiles", "log_checkpoints")
    switch = [] if triggers else [f"alter table {each} disable trigger user" for each in tables]
    back = [] if triggers else [f"alter table {each} enable trigger user" for each in tables]
    force = [f"alter table {each} no force row level security" for each in tables]
    with psycopg.connect(registry.clean.owner, autocommit=False) as connection:
        for statement in [*force, *switch, *statements, *back]:
            connection.execute(statement)  # type: ignore[arg-type]


async def empty_second_place(registry: Registry) -> None:
    """Take the log's checkpoints out of the event log, as who administers both could."""
    connection = await asyncpg.connect(registry.settings.eventlog_dsn)
    await connection.execute("delete from records where key = $1", f"checkpoint/{ORIGIN}".encode())
    await connection.close()


class Reader:
    """An outsider who reads the served files and has the log's key."""

    def __init__(self, client: httpx.AsyncClient, vkey: str) -> None:
        self.client = client
        self.verifier = NoteVerifier.parse(vkey)

    async def checkpoint(self) -> Checkpoint:
        answer = await self.client.get("/log/checkpoint")
        assert answer.status_code == 200, answer.text
        return open_checkpoint(answer.content, self.verifier)[0]

    async def entries(self, size: int) -> Sequence[bytes]:
        found: list[bytes] = []
        for bundle in bundles_of(size):
            answer = await self.client.get(f"/log/{bundle.path}")
            assert answer.status_code == 200, answer.text
            found += read_bundle(answer.content, bundle.width)
        return found

    async def proven(self, event_id: UUID, **request: Any) -> dict[str, Any]:
        """Fetch the proof of an event and check it against the log's key."""
        answer = await self.client.get(f"/v1/log/proofs/{event_id}", **request)
        assert answer.status_code == 200, answer.text
        proof: dict[str, Any] = answer.json()
        checkpoint, _ = open_checkpoint(proof["checkpoint"].encode(), self.verifier)
        check_inclusion(
            index=proof["log_index"],
            size=checkpoint.size,
            leaf=leaf_hash(b64decode(proof["entry"])),
            proof=[b64decode(each) for each in proof["hashes"]],
            root=checkpoint.root,
        )
        assert checkpoint.size == proof["tree_size"]
        return proof


async def reader(registry: Registry) -> Reader:
    """A reader of the registry that is being served."""
    return Reader(registry.client, (await registry.client.get("/log/vkey")).text.strip())
