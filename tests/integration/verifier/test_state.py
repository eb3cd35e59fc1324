"""State topics alone fill the verifier again: its copies, and its own employers when its database was lost."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from shared.api_keys.states import entry_of
from shared.api_keys.store import lock_page
from shared.db import Database
from shared.messaging import outbox
from shared.messaging.events import BY_TYPE
from tests.integration.verifier.builders import Institution, strangers_badge
from tests.integration.verifier.conftest import Verifier
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase
from tests.support.records import beats, delivery
from tests.support.service import OPERATOR

# The heartbeats of these tests come once.
FOR_LONG = {"max_status_age": timedelta(hours=1)}


async def verdicts(verifier: Verifier, badges: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    reports = [await verifier.verify(badge) for badge in badges]
    return [(report["verdict"], report["reason"]) for report in reports]


async def some_of_everything(verifier: Verifier) -> tuple[list[dict[str, Any]], list[tuple[str, str | None]]]:
    """Put an institution with badges on the log; return them with what is to be said of them."""
    oak = Institution()
    valid, revoked, missing = oak.badge(), oak.badge(), oak.badge()
    states = [
        oak.state(),
        oak.key_state(),
        oak.credential(valid),
        oak.credential(revoked),
        oak.credential(revoked, "revoked"),
    ]
    await verifier.publish(*[delivery(each) for each in states], *beats())
    wanted: list[tuple[str, str | None]] = [
        ("valid", None),
        ("invalid", "revoked"),
        ("invalid", "not_in_registry"),
        ("valid", None),
    ]
    return [valid, revoked, missing, strangers_badge(Institution())], wanted


async def test_copies_that_were_emptied_and_filled_again_give_the_same_verdicts(verifier: Verifier) -> None:
    badges, wanted = await some_of_everything(verifier)
    async with verifier.serving("all", **FOR_LONG):
        employer = await verifier.employer()

        async def as_wanted() -> bool:
            return await verdicts(verifier, badges) == wanted

        await eventually(as_wanted)
        kept = await verifier.rows("select count(*) from verifications")
        answer = await verifier.client.post("/v1/ops/rebuild", headers=OPERATOR)
        assert answer.status_code == 200
        for verdict in await verdicts(verifier, badges[:3]):
            assert verdict in (*wanted, ("unknown", "status_unavailable"), ("unknown", "issuer_unresolvable"))
        await eventually(as_wanted)
        assert (await verifier.client.get("/v1/verifications", headers=employer)).status_code == 200
        assert (await verifier.rows("select count(*) from verifications")) >= kept


async def test_a_lost_database_comes_back_with_employers_keys_and_verdicts(
    verifier: Verifier, clean_database: Callable[[str], CleanDatabase]
) -> None:
    badges, wanted = await some_of_everything(verifier)
    async with verifier.serving("all", **FOR_LONG):
        employer = await verifier.employer()
        made = (await verifier.client.post("/v1/api-keys", json={"name": "old"}, headers=employer)).json()
        revoked = {"Authorization": f"Bearer {made['api_key']}"}
        await verifier.client.delete(f"/v1/api-keys/{made['id']}", headers=employer)
        await eventually(lambda: all_sent(verifier))

    clean = clean_database("verifier")
    worker = await Database.open(clean.worker)
    settings = verifier.settings.model_copy(update={"app_dsn": clean.app, "worker_dsn": clean.worker})
    another = Verifier(clean, settings, worker)
    async with another.serving("all", **FOR_LONG):

        async def is_back() -> bool:
            answer = await another.client.get("/v1/verifications", headers=employer)
            return answer.status_code == 200 and await verdicts(another, badges) == wanted

        await eventually(is_back)
        await eventually(lambda: is_known(another, UUID(made["id"])))
        answer = await another.client.get("/v1/verifications", headers=revoked)
        assert (answer.status_code, answer.json()["code"]) == (401, "key_no_longer_valid")
        assert await another.rows("select name from employers") == [("Plank Ltd",)]
    await worker.close()


async def test_an_older_state_of_an_employers_key_brings_no_revoked_key_back(served: Verifier) -> None:
    employer = await served.employer()
    made = (await served.client.post("/v1/api-keys", json={"name": "k"}, headers=employer)).json()
    key = {"Authorization": f"Bearer {made['api_key']}"}
    await served.client.delete(f"/v1/api-keys/{made['id']}", headers=employer)
    assert await refeed(served) == 3
    await served.feed(*await states_in_outbox(served))
    assert (await served.client.get("/v1/verifications", headers=key)).status_code == 401


async def test_a_key_that_is_revoked_while_it_is_sent_again_is_revoked_on_the_log_too(served: Verifier) -> None:
    employer = await served.employer()
    made = (await served.client.post("/v1/api-keys", json={"name": "k"}, headers=employer)).json()
    async with served.worker.transaction() as tx:
        rows = await lock_page(tx, "employer", None, 500)
        revoking = asyncio.create_task(served.client.delete(f"/v1/api-keys/{made['id']}", headers=employer))
        await eventually(lambda: is_done_or_waits(served, revoking))
        await outbox.add_many(tx, [entry_of(row) for row in rows])
    assert (await revoking).status_code == 204
    last = {each.key: each for each in await states_in_outbox(served)}  # what compaction leaves
    assert last[made["id"]].revoked_at is not None


async def test_what_is_sent_again_has_the_ids_it_had(served: Verifier) -> None:
    employer = await served.employer()
    await served.verify({}, employer)
    sent = "select event_id, key, convert_from(value, 'utf8') from outbox order by event_id"
    before = await served.rows(sent)
    await served.execute("delete from outbox")
    assert await refeed(served) == len(before) == 3
    assert await served.rows(sent) == before


async def test_the_ledger_has_a_line_for_each_badge_that_is_known(served: Verifier) -> None:
    oak = Institution()
    badges = [oak.badge() for _ in range(3)]
    await served.know(oak, *badges)
    lines: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        answer = await served.client.get(f"/v1/ops/ledger?limit=2{after}", headers=OPERATOR)
        *page, last = [orjson.loads(line) for line in answer.text.splitlines()]
        lines += page
        after = f"&cursor={last['next']}" if last["next"] else None
    assert [line["id"] for line in lines] == sorted(badge["id"].rpartition("/")[2] for badge in badges)
    assert set(lines[0]) == {"kind", "id", "version", "status", "positions", "document_digest", "token_digest"}
    assert (await served.client.get("/v1/ops/ledger")).status_code == 401


async def test_the_ledger_tells_what_the_log_should_have_of_each_verification(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    ids = {(await served.verify(badge))["id"] for _ in range(3)}
    await served.rows("update verifications set salt = null where id = $1", UUID(min(ids)))
    told = await served.rows("select value from outbox where topic = 'verifier.events.v1'")
    lines: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await served.client.get(f"/v1/ops/ledger?limit=2{cursor}", headers=OPERATOR)
        *page, last = [orjson.loads(line) for line in answer.text.splitlines()]
        lines += page
        cursor = f"&cursor={last['next']}" if last["next"] else None
    verified = {line["id"]: line["commitment"] for line in lines if line["kind"] == "verification"}
    assert list(verified) == [f"verification:{each}" for each in sorted(ids)]
    assert verified.pop(f"verification:{min(ids)}") is None, "its salt was erased"
    assert set(verified.values()) < {orjson.loads(value)["commitment"] for (value,) in told}


async def test_unknown_members_and_states_of_no_use_here_are_passed_over(served: Verifier) -> None:
    oak = Institution()
    await served.feed(oak.state(new_member="of a later release"))
    assert await served.rows("select version, name from institutions") == [(1, "Oak College")]


async def test_two_institutions_that_claim_one_did_for_a_moment_stop_nobody(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    await served.feed(Institution(did=oak.did, name="Elm College").state(version=1))
    assert (await served.verify(badge))["verdict"] in ("valid", "invalid")
    await served.feed(oak.state(version=2))
    assert await verdicts(served, [badge]) == [("valid", None)]


async def refeed(verifier: Verifier) -> int:
    answer = await verifier.client.post("/v1/ops/refeed", headers=OPERATOR)
    assert answer.status_code == 200, answer.text
    count: int = answer.json()["count"]
    return count


async def states_in_outbox(verifier: Verifier) -> list[Any]:
    rows = await verifier.rows(
        "select headers->>'ce_type', value from outbox where topic = 'verifier.state.v1' order by id"
    )
    return [BY_TYPE[kind].model_validate_json(value) for kind, value in rows]


async def is_done_or_waits(verifier: Verifier, task: asyncio.Task[Any]) -> bool:
    """Whether a request has been answered, or waits for somebody's lock."""
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    superuser = await asyncpg.connect(verifier.clean.superuser)
    try:
        return task.done() or await superuser.fetchval(waiting) > 0
    finally:
        await superuser.close()


async def all_sent(verifier: Verifier) -> bool:
    return await verifier.rows("select count(*) from outbox where sent_at is null") == [(0,)]


async def is_known(verifier: Verifier, key_id: UUID) -> bool:
    return await verifier.rows("select version from api_keys where id = $1", key_id) == [(2,)]
