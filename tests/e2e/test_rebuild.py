"""A service that lost what it copied, or everything, has it again from the state topics, and tells nobody twice."""

from collections.abc import Callable
from typing import Any

import asyncpg
import httpx
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from shared.ids import PARTITIONS
from shared.messaging.events import ISSUER_EVENTS
from tests.e2e.conftest import Laurel
from tests.support.people import bearer, endpoint_of, register_employer, register_institution, verify
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase


async def expire_issuer_events(event_log: dict[str, str]) -> None:
    """Let go of every record of issuer.events.v1, as its retention does."""
    if event_log["LAUREL_LOG"] == "embedded":
        admin = await asyncpg.connect(event_log["LAUREL_EVENTLOG_DSN"])
        await admin.execute("delete from records where topic = $1", ISSUER_EVENTS)
        await admin.execute("update partitions set first = next where topic = $1", ISSUER_EVENTS)
        await admin.close()
        return
    client = AIOKafkaAdminClient(bootstrap_servers=event_log["LAUREL_KAFKA_BOOTSTRAP"])
    await client.start()
    topic = event_log["LAUREL_TOPIC_PREFIX"] + ISSUER_EVENTS
    everything = RecordsToDelete(before_offset=-1)
    await client.delete_records({TopicPartition(topic, number): everything for number in range(PARTITIONS)})
    await client.close()


async def verdicts(employer: httpx.AsyncClient, credentials: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """What the verifier says of each."""
    reports = [await verify(employer, credential) for credential in credentials]
    return [(report["verdict"], report["reason"]) for report in reports]


def hooks(laurel: Laurel) -> list[str]:
    """The ids of all webhooks that came, in their order."""
    return [each.headers["webhook-id"] for each in laurel.listener.webhooks]


def about(laurel: Laurel, credential_id: str) -> list[str]:
    """The ids of the webhooks on one credential."""
    return [each.headers["webhook-id"] for each in laurel.listener.webhooks if credential_id in each.body.decode()]


async def in_the_log(database: CleanDatabase) -> tuple[set[Any], set[Any]]:
    """The salts and the places that a verifier has of the transparency log's leaves."""
    connection = await asyncpg.connect(database.worker)
    try:
        salts = await connection.fetch("select event_id, salt from event_salts")
        places = await connection.fetch("select event_id, origin, log_index from log_positions")
    finally:
        await connection.close()
    return set(map(tuple, salts)), set(map(tuple, places))


@pytest.mark.timeout(300)
async def test_a_verifier_that_lost_everything_has_places_from_the_registry_and_salts_from_the_issuer_again(
    laurel: Laurel, event_log: dict[str, str], clean_database: Callable[[str], CleanDatabase]
) -> None:
    stack = laurel.stack
    institution = await register_institution(stack.urls, stack.operator_key)
    issued = await institution.issue(await institution.achievement(), "ada@example.org")
    await institution.revoke(issued["id"])

    async def all_logged(database: CleanDatabase) -> bool:
        # Founded, a key, an achievement, issued, revoked: each has a salt and a place.
        salts, places = await in_the_log(database)
        return len(salts) == 5 and {each[0] for each in salts} <= {each[0] for each in places}

    await eventually(lambda: all_logged(stack.databases["verifier"]))
    before = await in_the_log(stack.databases["verifier"])
    await expire_issuer_events(event_log)

    verifier, another = stack.processes["verifier", "all"], clean_database("verifier")
    await verifier.stop()
    verifier.move_to(another)
    verifier.start()
    await verifier.ready()

    async def places_are_back() -> bool:
        return (await in_the_log(another))[1] >= before[1]

    await eventually(places_are_back)
    assert (await in_the_log(another))[0] == set()
    async with httpx.AsyncClient(headers=bearer(stack.operator_key)) as operator:
        answer = await operator.post(f"{stack.urls['issuer']}/v1/ops/refeed")
        assert answer.status_code == 200, answer.text

    async def salts_are_back() -> bool:
        return (await in_the_log(another))[0] == before[0]

    await eventually(salts_are_back)


@pytest.mark.timeout(300)
async def test_the_verifier_rebuilds_from_state_topics_after_the_events_have_expired(
    laurel: Laurel, event_log: dict[str, str], clean_database: Callable[[str], CleanDatabase]
) -> None:
    stack = laurel.stack
    institution = await register_institution(stack.urls, stack.operator_key)
    employer = await register_employer(stack.urls, stack.operator_key)
    achievement = await institution.achievement()
    await eventually(lambda: endpoint_of(institution, f"{laurel.listener.url}/hook"))
    issued = [await institution.issue(achievement, f"learner{number}@example.org") for number in range(4)]
    for each in issued[:2]:
        await institution.revoke(each["id"])
    credentials = [each["credential"] for each in issued]
    wanted = [("invalid", "revoked")] * 2 + [("valid", None)] * 2

    async def as_before() -> bool:
        return await verdicts(employer, credentials) == wanted

    await eventually(as_before)
    await eventually(lambda: len(laurel.mailbox.mails) == len(laurel.listener.webhooks) == 6)
    told = hooks(laurel)
    await expire_issuer_events(event_log)

    async with httpx.AsyncClient(headers=bearer(stack.operator_key)) as operator:
        answer = await operator.post(f"{stack.urls['verifier']}/v1/ops/rebuild")
        assert answer.status_code == 200, answer.text
    await eventually(as_before)

    verifier = stack.processes["verifier", "all"]
    await verifier.stop()
    verifier.move_to(clean_database("verifier"))
    verifier.start()
    await verifier.ready()

    async def employer_is_known() -> bool:
        answer = await employer.post("/v1/verifications", json={"credential": credentials[0]})
        return answer.status_code == 200

    await eventually(employer_is_known)
    await eventually(as_before)

    for service in ("registry", "notifier"):
        async with httpx.AsyncClient(headers=bearer(stack.operator_key)) as operator:
            assert (await operator.post(f"{stack.urls[service]}/v1/ops/rebuild")).status_code == 200
    another = await institution.issue(achievement, "last@example.org")
    await eventually(lambda: laurel.mailbox.to("last@example.org") and about(laurel, another["id"]))
    assert len(laurel.mailbox.mails) == 7, "somebody was told twice by mail"
    assert hooks(laurel) == [*told, *about(laurel, another["id"])], "somebody was told twice by webhook"
    assert len(set(hooks(laurel))) == 7
    await employer.aclose()
