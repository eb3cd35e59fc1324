"""The record: every version once and in order, in batches, and told once more with the ids it had."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
import pytest

from shared.ids import new_id
from shared.messaging.events import REGISTRY_EVENTS, CredentialRecorded
from shared.messaging.inbox import Gap
from tests.integration.registry.builders import Badge, achievement, institution, status_list, verification
from tests.integration.registry.conftest import Registry
from tests.support.poll import eventually
from tests.support.records import an_api_key, beats, delivery
from tests.support.service import OPERATOR

TRACE = "00-{:032x}-{:016x}-01"


async def versions(registry: Registry, badge: Badge) -> list[tuple[Any, ...]]:
    return await registry.rows("select version, type from history where credential_id = $1 order by version", badge.id)


async def recorded_events(registry: Registry) -> list[tuple[Any, ...]]:
    """What was told of recording; what is told of the log beside it is another matter."""
    return await registry.rows(
        "select event_id, value, headers from outbox where topic = $1 and headers ->> 'ce_type' = $2 order by id",
        REGISTRY_EVENTS,
        CredentialRecorded.TYPE,
    )


async def told_on_log(registry: Registry) -> int:
    """How many events of recording are on the log, once the outbox is empty."""
    waiting = "select not exists (select from outbox)"
    await eventually(lambda: registry.value(waiting))
    log = await asyncpg.connect(registry.settings.eventlog_dsn)
    told: int = await log.fetchval(
        "select count(*) from records where topic = $1 and $2 = any(header_bytes)",
        REGISTRY_EVENTS,
        CredentialRecorded.TYPE.encode(),
    )
    await log.close()
    return told


async def test_a_life_in_one_batch_is_recorded_version_by_version(registry: Registry) -> None:
    badge = Badge()
    await registry.feed(*badge.life())
    assert await versions(registry, badge) == [(1, "issued"), (2, "suspended"), (3, "reinstated"), (4, "revoked")]
    assert await registry.rows("select version, status from credentials") == [(4, "revoked")]
    assert len(await recorded_events(registry)) == 4


async def test_the_time_of_history_is_when_the_issuer_accepted_the_change(registry: Registry) -> None:
    badge, accepted = Badge(), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    await registry.feed(delivery(badge.issued(), time=accepted))
    assert await registry.rows("select time from history") == [(accepted,)]
    assert await registry.rows("select issued_at from credentials") == [(accepted,)]


async def test_a_version_that_runs_ahead_is_a_gap_and_leaves_nothing(registry: Registry) -> None:
    badge = Badge()
    with pytest.raises(Gap):
        await registry.feed(badge.issued(), badge.changed(3, "reinstated", "issued"))
    assert await versions(registry, badge) == []
    assert await recorded_events(registry) == []


async def test_the_same_event_a_thousand_times_makes_one_row(registry: Registry) -> None:
    badge = Badge()
    same = delivery(badge.issued())
    await registry.feed(*[same] * 500)
    await registry.feed(*[same] * 500)
    assert await versions(registry, badge) == [(1, "issued")]
    assert len(await recorded_events(registry)) == 1


async def test_an_older_version_after_a_newer_one_is_ignored(registry: Registry) -> None:
    badge = Badge()
    await registry.feed(badge.issued(), badge.changed(2))
    await registry.feed(delivery(badge.issued()))
    assert await registry.rows("select version, status from credentials") == [(2, "revoked")]


async def test_three_hundred_badges_of_one_batch_keep_each_its_own(registry: Registry) -> None:
    badges = [Badge() for _ in range(300)]
    await registry.feed(*(badge.issued() for badge in badges), *(badge.changed() for badge in badges[:100]))
    stored = dict(await registry.rows("select credential_id, document from documents"))
    assert {badge.id: badge.document for badge in badges} == {id_: orjson.loads(text) for id_, text in stored.items()}
    assert await registry.rows("select status, count(*) from credentials group by 1 order by 1") == [
        ("issued", 200),
        ("revoked", 100),
    ]


async def test_each_recorded_event_continues_the_trace_of_the_event_that_it_answers(registry: Registry) -> None:
    badges = [Badge() for _ in range(3)]
    arrived = {badge.id: TRACE.format(n + 1, n + 1) for n, badge in enumerate(badges)}
    await registry.feed(*(delivery(badge.issued(), traceparent=arrived[badge.id]) for badge in badges))
    events = await recorded_events(registry)
    continued = {orjson.loads(value)["credential_id"]: headers["traceparent"] for _, value, headers in events}
    assert continued == {str(id_): trace for id_, trace in arrived.items()}


async def test_a_verification_is_stored_once_and_may_come_before_its_badge(registry: Registry) -> None:
    badge = Badge()
    early = delivery(verification(badge.id))
    await registry.feed(early, early, delivery(verification(None)))
    await registry.feed(badge.issued())
    assert await registry.value("select count(*) from verifications") == 2
    assert await registry.value("select event_id from verifications where credential_id = $1", badge.id) == early.id


async def test_fed_again_the_registry_tells_the_same_events_under_the_same_ids(registry: Registry) -> None:
    await registry.feed(*Badge().life(), *Badge().life())
    first = await recorded_events(registry)
    await registry.rows("delete from outbox returning id")
    async with registry.serving():
        assert (await registry.client.post("/v1/ops/refeed", headers=OPERATOR)).json() == {"count": 8}
    again = await recorded_events(registry)
    assert {event: orjson.loads(value) for event, value, _ in again} == {
        event: orjson.loads(value) for event, value, _ in first
    }


async def test_a_registry_that_lost_everything_tells_under_the_same_ids_when_fed_anew(registry: Registry) -> None:
    life = [delivery(message) for message in Badge().life()]
    await registry.feed(*life)
    first = {event for event, _, _ in await recorded_events(registry)}
    await registry.rows("delete from documents returning 1")
    await registry.rows("delete from openings returning 1")
    await registry.rows("delete from history returning 1")
    await registry.rows("delete from credentials returning 1")
    await registry.rows("delete from outbox returning 1")
    await registry.feed(*life)
    assert {event for event, _, _ in await recorded_events(registry)} == first


# --- from the log ----------------------------------------------------------------------------------------------------


async def test_over_the_log_a_gap_is_parked_until_it_closes(registry: Registry) -> None:
    badge, other = Badge(), Badge()
    issued, revoked = badge.life()[0], badge.changed()
    async with registry.serving("all"):
        await registry.publish(delivery(revoked), delivery(other.issued()))
        await eventually(lambda: versions(registry, other))
        await eventually(lambda: registry.rows("select id from held_records where state = 'parked' and cause = 'gap'"))
        assert await versions(registry, badge) == []
        await registry.publish(delivery(issued))

        async def closed() -> bool:
            return await versions(registry, badge) == [(1, "issued"), (2, "revoked")]

        await eventually(closed)
        assert await registry.rows("select id from held_records") == []


async def test_over_the_log_a_thousand_copies_of_an_event_make_one_row_and_one_answer(registry: Registry) -> None:
    badge, last = Badge(), Badge()
    copies = [delivery(badge.issued()) for _ in range(2)]
    async with registry.serving("all"):
        await registry.publish(*copies[:1] * 999, copies[1], delivery(last.issued()))
        await eventually(lambda: versions(registry, last))

        async def caught_up() -> bool:
            return (await registry.value("select sum(next) from consumer_offsets where next > 0")) == 1001

        await eventually(caught_up)
        assert await told_on_log(registry) == 2
    assert await versions(registry, badge) == [(1, "issued")]


async def test_a_rebuild_gives_the_same_answers(registry: Registry) -> None:
    badge, list_id = Badge(), new_id()
    header, key = an_api_key(badge.institution_id)
    states = [
        institution(badge.institution_id),
        achievement(badge.institution_id, badge.achievement_id),
        status_list(list_id, 1, datetime.now(UTC), 7),
        key,
    ]
    addresses = [
        f"/v1/credentials/{badge.id}",
        f"/credentials/{badge.id}",
        f"/status-lists/{list_id}",
        f"/achievements/{badge.achievement_id}/1",
        f"/achievements/{badge.achievement_id}/1/image",
    ]
    await registry.publish(*map(delivery, states), delivery(badge.issued()), *beats())

    async def answers() -> list[bytes]:
        found = [
            await registry.client.get(address, headers=header | {"Accept": "application/json"}) for address in addresses
        ]
        assert [each.status_code for each in found] == [200] * len(addresses)
        assert b"North Academy" in found[0].content
        assert b"planted-key" in found[0].content, "the owner's form"
        assert b'"log_index":null' not in found[0].content, "it changes once more"
        return [each.content for each in found]

    async with registry.serving("all"):
        before = await eventually(answers)
        await registry.rows("update institutions set name = 'Damaged' returning 1")
        assert (await registry.client.post("/v1/ops/rebuild", headers=OPERATOR)).status_code == 200

        async def same() -> bool:
            return await answers() == before

        await eventually(same)
        assert await told_on_log(registry) == 1, "nobody is told twice"
