"""A log that can't go on is followed by another, which begins with the last checkpoint that others have of it."""

import asyncio
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.registry.log.appending import append
from services.registry.log.current import open_log
from shared.sealing import Sealer
from shared.transparency.checkpoints import open_checkpoint
from shared.transparency.note_keys import CosignatureSigner, NoteVerifier
from shared.transparency.policy import Policy, Witness
from tests.integration.registry.builders import Badge
from tests.integration.registry.conftest import Registry
from tests.integration.registry.logs import ORIGIN, Reader, as_owner, keeping, log_badges, published, reader
from tests.support.poll import eventually
from tests.support.service import OPERATOR

SUCCEED = "/v1/ops/log/succeed"


async def test_a_forked_log_is_followed_by_one_that_begins_with_its_last_checkpoint(registry: Registry) -> None:
    """The database is put back to 3 leaves, and what others have of the log is 7: the second place knows."""
    await log_badges(registry, 3)
    root = (await registry.value("select root from log_trees")).hex()
    await log_badges(registry, 4)
    old_key = await registry.value("select vkey from log_trees")
    as_owner(
        registry,
        "delete from log_checkpoints where size > 3",
        "delete from log_entries where log_index >= 3",
        "update log_tiles set hashes = substr(hashes, 1, 96)",
        f"update log_trees set size = 3, root = '\\x{root}'",
    )
    waiting = Badge()
    await registry.feed(waiting.issued())
    async with registry.serving(), keeping(registry) as keeper:
        await eventually(lambda: keeper.trouble() is not None)
        answer = await registry.client.post(SUCCEED, json={"after": ORIGIN}, headers=OPERATOR)
        assert answer.status_code == 200, answer.text
        made = answer.json()
        assert (made["number"], made["origin"], made["after"], made["size"]) == (2, f"{ORIGIN}/2", ORIGIN, 7)
        await eventually(lambda: _published_of(registry, 2, 6))
        assert keeper.trouble() is None

        successor = await reader(registry)
        assert successor.verifier.vkey == made["vkey"] != old_key
        entries = await successor.entries(6)
        last, _ = open_checkpoint(entries[0], NoteVerifier.parse(old_key))
        assert (last.origin, last.size) == (ORIGIN, 7)
        # The four leaves that the old log has lost are the new one's, before what waited.
        proof = await successor.proven(await _event(registry, waiting))
        assert (proof["log"], proof["log_index"], proof["origin"]) == (2, 5, f"{ORIGIN}/2")

        old = Reader(registry.client, (await registry.client.get("/log/1/vkey")).text.strip())
        assert old.verifier.vkey == old_key
        assert (await registry.client.get("/log/1/tile/0/000.p/3")).status_code == 200
        assert (await registry.client.get("/log/1/checkpoint")).status_code == 200
        assert (await registry.client.get("/log/3/checkpoint")).status_code == 404


async def test_what_was_logged_stays_proven_in_the_old_log(registry: Registry) -> None:
    (badge,) = await log_badges(registry, 1)
    async with registry.serving(), keeping(registry):
        assert (await registry.client.post(SUCCEED, json={"after": ORIGIN}, headers=OPERATOR)).status_code == 200
        await eventually(lambda: _published_of(registry, 2, 1))
        old = Reader(registry.client, (await registry.client.get("/log/1/vkey")).text.strip())
        proof = await old.proven(await _event(registry, badge))
        assert (proof["log"], proof["origin"]) == (1, ORIGIN)
        await registry.feed(badge.changed())
        await eventually(lambda: _published_of(registry, 2, 2))
        record = (await registry.client.get(f"/v1/credentials/{badge.id}")).json()
        assert [each["log_index"] for each in record["history"]] == [0, 1]


async def test_only_the_operator_begins_another_log_and_only_after_the_one_that_is_written_to(
    registry: Registry,
) -> None:
    async with registry.serving():
        none = await registry.client.post(SUCCEED, json={"after": ORIGIN}, headers=OPERATOR)
        assert (none.status_code, none.json()["code"]) == (404, "log_not_found")
    badges = await log_badges(registry, 1)
    own = await registry.key(badges[0].institution_id)
    async with registry.serving():
        assert (await registry.client.post(SUCCEED, json={"after": ORIGIN})).status_code == 401
        assert (await registry.client.post(SUCCEED, json={"after": ORIGIN}, headers=own)).status_code == 403
        other = await registry.client.post(SUCCEED, json={"after": "other.example"}, headers=OPERATOR)
        assert (other.status_code, other.json()["code"], other.json()["origin"]) == (409, "another_log", ORIGIN)
        asked = [registry.client.post(SUCCEED, json={"after": ORIGIN}, headers=OPERATOR) for _ in range(5)]
        statuses = sorted([answer.status_code for answer in await asyncio.gather(*asked)])
        assert statuses == [200, 409, 409, 409, 409]
    assert await registry.value("select count(*) from log_trees") == 2


async def test_leaves_that_no_checkpoint_covers_go_into_the_new_log(registry: Registry) -> None:
    await log_badges(registry, 2)
    unsigned = Badge()
    await registry.feed(unsigned.issued())
    async with registry.worker.session() as connection:
        current = await open_log(connection, Sealer.from_file(registry.settings.kek_file), None)
        assert await append(connection, current) == 1
    async with registry.serving():
        assert (await registry.client.post(SUCCEED, json={"after": ORIGIN}, headers=OPERATOR)).status_code == 200
    async with registry.serving(), keeping(registry) as keeper:
        await eventually(lambda: _published_of(registry, 2, 2))
        assert keeper.trouble() is None
        proof = await (await reader(registry)).proven(await _event(registry, unsigned))
        assert (proof["log"], proof["log_index"]) == (2, 1)
    told = await registry.rows("select value from outbox where topic = 'registry.state.v1' order by id")
    places = [orjson.loads(value) for (value,) in told]
    event_id = str(await _event_id(registry, unsigned))
    mine = [each for each in places if event_id in each.get("event_ids", ())]
    assert [(each["version"], each["first"] + each["event_ids"].index(event_id)) for each in mine] == [(1, 2), (2, 1)]


async def test_a_successor_is_followed_by_a_third(registry: Registry) -> None:
    await log_badges(registry, 1)
    async with registry.serving(), keeping(registry):
        for number, after in ((2, ORIGIN), (3, f"{ORIGIN}/2")):
            answer = await registry.client.post(SUCCEED, json={"after": after}, headers=OPERATOR)
            assert answer.json()["origin"] == f"{ORIGIN}/{number}", answer.text
            await eventually(lambda number=number: _published_of(registry, number, 1))
    async with keeping(registry) as keeper:
        await registry.feed(Badge().issued())
        await published(registry, 2)
        assert keeper.trouble() is None


async def test_what_was_signed_and_not_yet_published_is_proven_somewhere(registry: Registry) -> None:
    """A quorum that was away, or a backup of the moment between appending and publishing, and then `succeed`."""
    await log_badges(registry, 2)
    away = Witness(CosignatureSigner("away", Ed25519PrivateKey.generate()).verifier, "http://127.0.0.1:1")
    badge = Badge()
    async with registry.serving():
        async with keeping(registry, policy=Policy(witnesses={"away": away}, quorum="away")):
            await registry.feed(badge.issued())
            await eventually(lambda: _signed(registry, 3))
        answer = await registry.client.post(SUCCEED, json={"after": ORIGIN}, headers=OPERATOR)
        assert answer.json()["size"] == 3
        async with keeping(registry):
            await eventually(lambda: _published_of(registry, 2, 2))
            proof = await (await reader(registry)).proven(await _event(registry, badge))
            assert (proof["log"], proof["log_index"]) == (2, 1)


async def _signed(registry: Registry, size: int) -> bool:
    return bool(await registry.value("select max(size) = $1 from log_checkpoints", size))


async def _published_of(registry: Registry, number: int, size: int) -> bool:
    query = "select max(size) from log_checkpoints where tree = $1 and published_at is not null"
    found: int | None = await registry.value(query, number)
    return found is not None and found >= size


async def _event_id(registry: Registry, badge: Badge) -> UUID:
    found: UUID = await registry.value("select event_id from history where credential_id = $1", badge.id)
    return found


async def _event(registry: Registry, badge: Badge) -> str:
    record = (await registry.client.get(f"/v1/credentials/{badge.id}")).json()
    return str(record["history"][0]["event_id"])
