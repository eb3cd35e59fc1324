"""Whoever rewrites the log is found out: by the tables' own rules, at the start, before a signature, by an outsider.

Each rewriting is done as the database's owner would do it, who can switch every trigger off. What an outsider alone
finds is in test_log_audit.py.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from services.registry.log.appending import append
from services.registry.log.current import open_log
from shared.sealing import Sealer
from shared.transparency.growing import Edge, grow
from shared.transparency.merkle import leaf_hash
from tests.integration.registry.builders import Badge
from tests.integration.registry.conftest import Registry, as_app
from tests.integration.registry.logs import as_owner, empty_second_place, keeping, log_badges, published, reader
from tests.support.poll import eventually

ALTERATIONS = [
    "update log_entries set entry = sha256('other') where log_index = 1",
    "update log_entries set log_index = 7 where log_index = 1",
    "delete from log_entries where log_index = 1",
    "update log_tiles set hashes = sha256('other') || substr(hashes, 33) where level = 0",
    "update log_tiles set hashes = substr(hashes, 1, 32) where level = 0",
    "delete from log_tiles",
    "update log_trees set size = 1",
    "update log_trees set root = sha256('other')",
    "update log_trees set origin = 'other.example'",
    "update log_checkpoints set root = sha256('other')",
    "update log_checkpoints set note = 'other'",
    "delete from log_checkpoints",
    "truncate log_entries",
    "truncate log_tiles",
    "truncate log_checkpoints",
]


@pytest.mark.parametrize("statement", ALTERATIONS)
async def test_by_the_rules_nobody_changes_the_log(registry: Registry, statement: str) -> None:
    await log_badges(registry, 3)
    before = await _everything(registry)
    with pytest.raises(asyncpg.PostgresError):
        async with registry.worker.transaction() as tx:
            await tx.execute(statement)
    with suppress(asyncpg.PostgresError):  # or else row-level security lets it change nothing
        await as_app(registry, statement)
    with pytest.raises(Exception, match=r"append-only|must be owner|permission denied"):
        as_owner(registry, statement, triggers=True)
    assert await _everything(registry) == before


async def test_the_api_writes_nothing_into_the_log_and_never_sees_its_key(registry: Registry) -> None:
    await log_badges(registry, 1)
    for statement in (
        "insert into log_entries (event_id, entry) values (gen_random_uuid(), 'x')",
        "insert into log_tiles values (1, 0, 9, sha256('x'))",
        "insert into log_checkpoints (tree, size, root, note) values (1, 9, sha256('x'), 'x')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await as_app(registry, statement)
    assert await as_app(registry, "select * from log_keys") == []


async def _everything(registry: Registry) -> list[object]:
    tables = (
        "log_entries order by id",
        "log_tiles order by level, index",
        "log_trees",
        "log_checkpoints order by size",
    )
    return [await registry.rows(f"select * from {each}") for each in tables]


# What the registry's own checks find when a worker begins to keep the log.
AT_THE_START = {
    "a leaf dropped": ("delete from log_entries where log_index = 2", "there are 4 entries"),
    "the last leaf dropped": ("delete from log_entries where log_index = 4", "there are 4 entries"),
    "the edge's hashes altered": (
        "update log_tiles set hashes = sha256('x') || substr(hashes, 33) where level = 0",
        "right edge",
    ),
    "the tile dropped": ("delete from log_tiles", "is not there"),
    "the root altered": ("update log_trees set root = sha256('x')", "right edge"),
    "another log of the same name": (
        "update log_trees set size = 0, root = sha256(''); delete from log_tiles; delete from log_entries",
        "5 leaves were signed, and the tree has 0",
    ),
}


@pytest.mark.parametrize(("statements", "found"), AT_THE_START.values(), ids=AT_THE_START.keys())
async def test_the_start_finds_what_does_not_fit(registry: Registry, statements: str, found: str) -> None:
    await log_badges(registry, 5)
    as_owner(registry, *statements.split("; "))
    await _refused(registry, found)


async def test_a_restored_backup_is_found_by_what_the_second_place_has_seen(registry: Registry) -> None:
    await log_badges(registry, 3)
    backup = await _tree(registry)
    await log_badges(registry, 4)
    as_owner(
        registry,
        "delete from log_checkpoints where size > 3",
        "delete from log_entries where log_index >= 3",
        "update log_tiles set hashes = substr(hashes, 1, 96) where level = 0",
        f"update log_trees set size = 3, root = '\\x{backup}'",
    )
    await _refused(registry, "7 leaves were signed, and the tree has 3: was a backup restored?")


async def test_a_backup_that_went_on_another_way_is_found_as_well(registry: Registry) -> None:
    await log_badges(registry, 3)
    as_owner(
        registry, "create table kept as select * from log_trees", "create table kept_tiles as select * from log_tiles"
    )
    await log_badges(registry, 2)
    # As a writer on the backup would have left it, who knows nothing of the last two leaves.
    as_owner(
        registry,
        "delete from log_checkpoints where size > 3",
        "delete from log_entries where log_index >= 3",
        "update log_tiles t set hashes = k.hashes from kept_tiles k where t.level = k.level and t.index = k.index",
        "update log_trees t set size = k.size, root = k.root, second_place_offset = 0 from kept k",
        "delete from log_checkpoints",
    )
    await _append_without_checks(registry, 4)
    await _refused(registry, "the first 5 leaves are not those that were signed")


async def test_the_signer_refuses_a_tree_that_was_changed_under_its_hands(registry: Registry) -> None:
    await log_badges(registry, 3)
    async with keeping(registry) as keeper:
        await eventually(lambda: _elected(registry))
        change = "update log_tiles set hashes = sha256('x') || substr(hashes, 33) where level = 0"
        await asyncio.to_thread(as_owner, registry, change)  # it waits for the keeper's transaction
        await registry.feed(Badge().issued())
        await eventually(lambda: keeper.trouble() is not None)
        assert "right edge" in str(keeper.trouble())
        assert await registry.value("select max(size) from log_checkpoints") == 3


async def test_an_emptied_second_place_is_no_reason_to_go_on(registry: Registry) -> None:
    await log_badges(registry, 2)
    await empty_second_place(registry)
    await _refused(registry, "the second place has no checkpoint of a log that has 2 leaves here")


async def test_a_second_place_is_not_hidden_by_moving_the_place_where_it_is_looked_for(registry: Registry) -> None:
    await log_badges(registry, 2)
    as_owner(
        registry,
        "delete from log_checkpoints",
        "delete from log_tiles",
        "update log_entries set tree = null, log_index = null, entry = sha256('other')",
        "update log_trees set size = 0, root = sha256(''), second_place_offset = 1000000",
    )
    await _refused(registry, "2 leaves were signed, and the tree has 0")


async def test_a_checkpoint_file_that_cannot_be_written_or_read_is_said(registry: Registry, tmp_path: Path) -> None:
    await registry.feed(Badge().issued())
    async with keeping(registry, checkpoint_file=tmp_path / "nowhere" / "checkpoint.json") as keeper:
        await eventually(lambda: keeper.trouble() is not None)
        assert "can't be written: No such file or directory" in str(keeper.trouble())
    async with keeping(registry, checkpoint_file=tmp_path) as keeper:
        await eventually(lambda: keeper.trouble() is not None)
        assert "can't be read: Is a directory" in str(keeper.trouble())
    assert await registry.value("select count(*) from log_checkpoints where published_at is not null") == 0


async def test_a_tile_that_no_published_checkpoint_covers_is_told_to_nobody(registry: Registry) -> None:
    await log_badges(registry, 3)
    await _append_without_checks(registry, 2)
    async with registry.serving():
        for path, status in (
            ("0/000.p/3", 200),
            ("0/000.p/5", 404),
            ("entries/000.p/3", 200),
            ("entries/000.p/4", 404),
        ):
            assert (await registry.client.get(f"/log/tile/{path}")).status_code == status, path


async def test_the_signer_finds_other_leaves_than_it_has_signed(registry: Registry) -> None:
    """The owner makes other leaves of the first three while the keeper is at work, in a tree that is whole."""
    await log_badges(registry, 3)
    growth = grow(Edge(), [leaf_hash(each) for each in (b"a", b"b", b"c")])
    async with keeping(registry) as keeper:
        await eventually(lambda: _elected(registry))
        changes = [
            f"update log_tiles set hashes = '\\x{growth.tiles[0, 0].hex()}'",
            f"update log_trees set root = '\\x{growth.edge.root.hex()}'",
        ]
        await asyncio.to_thread(as_owner, registry, *changes)
        await eventually(lambda: keeper.trouble() is not None)
        assert "the first 3 leaves are not those that were signed" in str(keeper.trouble())


async def test_a_file_is_a_second_place_too(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.json"
    await registry.feed(Badge().issued())
    async with keeping(registry, checkpoint_file=file):
        await published(registry, 1)
    written = file.read_text()
    await log_badges(registry, 1)
    async with keeping(registry, checkpoint_file=file) as keeper:  # an older one of the same log is no contradiction
        await registry.feed(Badge().issued())
        await published(registry, 3)
        assert keeper.trouble() is None
    file.write_text(written.replace('"version":1', '"version":9'))
    await _refused(registry, "9 leaves were signed", checkpoint_file=file)
    file.write_text("{")
    await _refused(registry, "is no checkpoint", checkpoint_file=file)


async def test_two_that_write_at_once_make_one_tree(registry: Registry) -> None:
    badges = [Badge() for _ in range(60)]
    async with keeping(registry), keeping(registry), keeping(registry), registry.serving():
        await asyncio.gather(*[registry.feed(*badge.life()) for badge in badges])
        await published(registry, 240)
        checkpoint = await (await reader(registry)).checkpoint()
        assert checkpoint.size == 240
    places = await registry.rows("select log_index from log_entries order by log_index")
    assert [index for (index,) in places] == list(range(240))


async def test_one_that_was_fenced_appends_nothing_beside_the_other(registry: Registry) -> None:
    """Two workers of which each believes that it is elected: the tree's row makes them one after the other."""
    await log_badges(registry, 1)
    await registry.feed(*[Badge().issued() for _ in range(40)])
    await asyncio.gather(*[_append_without_checks(registry, 0) for _ in range(4)])
    places = await registry.rows("select log_index from log_entries order by log_index")
    assert [index for (index,) in places] == list(range(41))
    async with keeping(registry) as keeper:
        await published(registry, 41)
        assert keeper.trouble() is None


async def _refused(registry: Registry, found: str, **terms: Path) -> None:
    """A worker that begins to keep the log says what it found, and appends and signs nothing."""
    before = await registry.rows("select size, root from log_trees")
    signed = await registry.value("select count(*) from log_checkpoints")
    async with keeping(registry, **terms) as keeper:
        await registry.feed(Badge().issued())
        await eventually(lambda: keeper.trouble() is not None)
        assert found in str(keeper.trouble())
    assert await registry.rows("select size, root from log_trees") == before
    assert await registry.value("select count(*) from log_checkpoints") == signed


async def _append_without_checks(registry: Registry, badges: int) -> None:
    for _ in range(badges):
        await registry.feed(Badge().issued())
    async with registry.worker.session() as connection:
        current = await open_log(connection, Sealer.from_file(registry.settings.kek_file), None)
        while await append(connection, current):
            pass


async def _tree(registry: Registry) -> str:
    root: bytes = await registry.value("select root from log_trees")
    return root.hex()


async def _elected(registry: Registry) -> bool:
    query = "select count(*) from pg_locks where locktype = 'advisory' and granted"
    return bool(await registry.value(query))
