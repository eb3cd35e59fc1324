"""`laurel log audit` against a registry: it follows what is appended, and finds what the database's owner rewrote.

Each rewriting is one after which the registry's own tables fit together again, or that nothing of its own looks at.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from services.registry.log.current import open_log
from shared.sealing import Sealer
from shared.transparency.growing import Edge, Growth, grow
from shared.transparency.merkle import leaf_hash
from tests.integration.registry.conftest import Registry
from tests.integration.registry.logs import as_owner, keeping, log_badges, published


async def audit(registry: Registry, state: Path, *options: str, log: str = "log") -> tuple[int, dict[str, Any]]:
    """Run the command in a thread, beside the registry that it reads."""
    url = f"{str(registry.client.base_url).rstrip('/')}/{log}"
    arguments = ["log", "audit", url, "--state", str(state), "--json", *options]
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert done.stdout, done.exception
    return done.exit_code, json.loads(done.stdout)


async def passes(registry: Registry, state: Path, size: int, *options: str) -> int:
    code, said = await audit(registry, state, *options)
    assert (code, said.get("size")) == (0, size), said
    read: int = said["read"]
    return read


async def finds(registry: Registry, state: Path, *options: str) -> str:
    code, said = await audit(registry, state, *options)
    assert code == 1, said
    return str(said["finding"])


async def test_a_log_is_followed_as_it_grows(registry: Registry, tmp_path: Path) -> None:
    state, size = tmp_path / "state", 0
    async with registry.serving():
        for count in (1, 3, 252, 2, 300):
            await log_badges(registry, count)
            size += count
            assert await passes(registry, state, size) == count
        assert await passes(registry, state, size) == 0
        assert await passes(registry, state, size, "--full") == size


async def test_a_log_of_70_000_leaves_is_read_to_its_end(registry: Registry, tmp_path: Path) -> None:
    await log_badges(registry, 1)
    as_owner(
        registry,
        "insert into log_entries (event_id, entry) "
        "select gen_random_uuid(), sha256(n::text::bytea) from generate_series(1, 70000) n",
    )
    async with keeping(registry):
        await published(registry, 70_001)
    async with registry.serving():
        assert await passes(registry, tmp_path / "state", 70_001) == 70_001
        await log_badges(registry, 2)
        assert await passes(registry, tmp_path / "state", 70_003) == 2


async def test_a_leaf_flipped_where_nobody_looks_again_is_found_by_reading_all(
    registry: Registry, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    await log_badges(registry, 300)
    async with registry.serving():
        await passes(registry, state, 300)
        as_owner(registry, "update log_entries set entry = sha256('other') where log_index = 100")
        await passes(registry, state, 300)
        assert "leaf 100" in await finds(registry, state, "--full")
        assert "leaf 100" in await finds(registry, tmp_path / "somebody new")


def _flip(entries: Sequence[bytes]) -> list[bytes]:
    return [*entries[:10], bytes(32), *entries[11:]]


def _swap(entries: Sequence[bytes]) -> list[bytes]:
    return [entries[1], entries[0], *entries[2:]]


def _truncate(entries: Sequence[bytes]) -> list[bytes]:
    return list(entries[:-1])


def _flip_and_go_on(entries: Sequence[bytes]) -> list[bytes]:
    return [*_flip(entries), bytes(32)]


@pytest.mark.parametrize("change", [_flip, _swap, _truncate, _flip_and_go_on])
async def test_a_history_that_was_written_anew_is_found(
    registry: Registry, tmp_path: Path, change: Callable[[Sequence[bytes]], list[bytes]]
) -> None:
    """Leaves, tiles, root and checkpoint all fit; only who saw the log before can tell."""
    await log_badges(registry, 300)
    async with registry.serving():
        await passes(registry, tmp_path / "state", 300)
        entries = change(await _entries(registry))
        await _rewrite(registry, entries)
        assert await finds(registry, tmp_path / "state")
        await passes(registry, tmp_path / "new", len(entries))


async def test_two_who_are_shown_different_logs_find_it_when_they_compare(registry: Registry, tmp_path: Path) -> None:
    await log_badges(registry, 300)
    async with registry.serving():
        await passes(registry, tmp_path / "first", 300)
        await _rewrite(registry, _flip_and_go_on(await _entries(registry)))
        await passes(registry, tmp_path / "second", 301)
        said = await finds(registry, tmp_path / "second", "--against", str(tmp_path / "first"))
        assert "do not begin with the 300 that were signed for another" in said


async def _entries(registry: Registry) -> list[bytes]:
    return [entry for (entry,) in await registry.rows("select entry from log_entries order by log_index")]


async def _rewrite(registry: Registry, entries: Sequence[bytes]) -> None:
    """Make the whole log another, as who owns the database and has its signing key could."""
    growth = grow(Edge(), [leaf_hash(entry) for entry in entries])
    async with registry.worker.transaction() as tx:
        current = await open_log(tx, Sealer.from_file(registry.settings.kek_file), None)
    note = current.checkpoint(growth.edge.size, growth.edge.root)
    as_owner(registry, *_statements(entries, growth, note))


def _statements(entries: Sequence[bytes], growth: Growth, note: str) -> list[str]:
    root, size = growth.edge.root.hex(), growth.edge.size
    values = ", ".join(f"(gen_random_uuid(), '\\x{each.hex()}'::bytea, 1, {n})" for n, each in enumerate(entries))
    tiles = ", ".join(f"(1, {level}, {n}, '\\x{each.hex()}')" for (level, n), each in growth.tiles.items())
    return [
        "delete from log_checkpoints",
        "delete from log_tiles",
        "delete from log_entries",
        f"insert into log_entries (event_id, entry, tree, log_index) values {values}",
        f"insert into log_tiles values {tiles}",
        f"update log_trees set size = {size}, root = '\\x{root}'",
        f"""insert into log_checkpoints (tree, size, root, note, published_at)
            values (1, {size}, '\\x{root}', '{note}', laurel_clock())""",
    ]
