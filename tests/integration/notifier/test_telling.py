"""Who is told what: both halves of a notice, in either order, lead to each delivery once."""

import asyncio
from random import Random

from shared.ids import new_id
from shared.messaging.events import Actor, EventLogged, GenericCredentialIssued, InstitutionStandingChanged
from tests.integration.notifier.builders import Badge, institution
from tests.integration.notifier.conftest import Notifier
from tests.support.poll import eventually
from tests.support.records import an_api_key, delivery
from tests.support.service import OPERATOR

HOOK = "https://hooks.example/"
COUNT = "select count(*) from deliveries"


async def test_nobody_is_told_before_the_registry_has_recorded_it(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.endpoint(badge.institution_id, HOOK)
    await notifier.feed(badge.issued())
    assert await notifier.value(COUNT) == 0
    await notifier.feed(badge.recorded())
    assert await notifier.rows("select channel, type, state from deliveries order by channel") == [
        ("mail", "credential.issued", "waiting"),
        ("webhook", "credential.issued", "waiting"),
    ]


async def test_the_registrys_word_may_come_first(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.endpoint(badge.institution_id, HOOK)
    await notifier.feed(badge.recorded())
    assert await notifier.value(COUNT) == 0
    await notifier.feed(badge.issued())
    assert await notifier.value(COUNT) == 2


async def test_halves_that_come_at_the_same_moment_meet_whoever_is_second(notifier: Notifier) -> None:
    badges = [Badge() for _ in range(100)]
    issued, recorded = [badge.issued() for badge in badges], [badge.recorded() for badge in badges]
    Random(1).shuffle(issued)
    Random(2).shuffle(recorded)
    await asyncio.gather(notifier.feed(*issued), notifier.feed(*recorded))
    assert await notifier.value(COUNT) == 100


async def test_the_same_event_a_thousand_times_is_told_once(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.endpoint(badge.institution_id, HOOK)
    for _ in range(10):
        await notifier.feed(*[badge.issued(), badge.recorded()] * 100)
    assert await notifier.value(COUNT) == 2


async def test_a_revocation_is_told_at_the_address_that_was_stored_at_issue(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.feed(badge.issued(), badge.recorded(), badge.revoked(), badge.recorded_revocation())
    assert await notifier.rows("select type, target from deliveries order by type") == [
        ("credential.issued", badge.id),
        ("credential.revoked", badge.id),
    ]


async def test_an_endpoint_hears_of_the_types_it_asked_for_and_of_its_own_institution_alone(notifier: Notifier) -> None:
    badge = Badge(email=None)
    every, _ = await notifier.endpoint(badge.institution_id, HOOK)
    revoked, _ = await notifier.endpoint(badge.institution_id, HOOK, ["credential.revoked"])
    await notifier.endpoint(new_id(), HOOK)
    await notifier.feed(badge.issued(), badge.recorded(), badge.revoked(), badge.recorded_revocation())
    told = set(await notifier.rows("select type, target from deliveries"))
    assert told == {("credential.issued", every), ("credential.revoked", every), ("credential.revoked", revoked)}


async def test_a_badge_without_an_address_is_told_to_no_one_by_mail(notifier: Notifier) -> None:
    badge = Badge(email=None)
    await notifier.feed(badge.issued(), badge.recorded())
    assert await notifier.value(COUNT) == 0


async def test_personal_data_stands_in_one_table_by_the_credentials_id(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.feed(badge.issued(), badge.recorded(), badge.revoked(), badge.recorded_revocation())
    async with notifier.worker.transaction() as tx:
        await tx.execute("delete from recipients where credential_id = $1", badge.id)
        tables = await tx.fetch("select tablename from pg_tables where schemaname = 'public'")
        for table in tables:
            rows = await tx.fetchval(f"select coalesce(string_agg(t::text, chr(10)), '') from \"{table[0]}\" t")
            assert "planted" not in rows, table


async def test_what_comes_over_the_log_goes_out(notifier: Notifier) -> None:
    badge = Badge()
    async with notifier.serving("worker"):
        await notifier.publish(badge.recorded(), badge.issued())
        await eventually(lambda: list(notifier.settings.mail_folder.glob("*.eml")))


async def test_a_rebuild_refills_the_copies_and_tells_nobody_again(notifier: Notifier) -> None:
    badge = Badge()
    _, key = an_api_key(badge.institution_id, "institution", "read")
    await notifier.publish(delivery(institution(badge.institution_id)), delivery(key), badge.issued(), badge.recorded())

    async def copied() -> bool:
        return await notifier.rows("select count(*) from institutions cross join api_keys") == [(1,)]

    async def delivered() -> bool:
        return await notifier.rows("select state, attempts from deliveries") == [("delivered", 1)]

    async with notifier.serving("all"):
        await eventually(copied)
        await eventually(delivered)
        before = await notifier.rows("select xmin::text from institutions")
        answer = await notifier.client.post("/v1/ops/rebuild", headers=OPERATOR)
        assert answer.status_code == 200
        await eventually(copied)
        assert await notifier.rows("select xmin::text from institutions") != before
    assert await notifier.rows("select state, attempts from deliveries") == [("delivered", 1)]
    assert await notifier.value("select count(*) from attempts") == 1


async def test_of_a_credential_that_is_no_badge_systems_are_told_and_nobody_is_written_to(notifier: Notifier) -> None:
    membership = Badge()
    await notifier.endpoint(membership.institution_id, HOOK)
    issued = GenericCredentialIssued.model_validate(membership.issued().message.model_dump())
    told = delivery(issued, membership.issued_id)
    await notifier.feed(told, membership.recorded(), told, membership.revoked(), membership.recorded_revocation())
    assert await notifier.rows("select channel, type from deliveries order by type") == [
        ("webhook", "credential.issued"),
        ("webhook", "credential.revoked"),
    ]


async def test_what_is_told_for_the_log_alone_is_news_to_nobody(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.endpoint(badge.institution_id, HOOK)
    standing = InstitutionStandingChanged(
        institution_id=badge.institution_id, version=1, salt="salt", actor=Actor(role="operator", key_id="operator"),
        name="North", did="did:key:z6Mk", standing="registered",
    )  # fmt: skip
    await notifier.feed(delivery(standing), delivery(EventLogged(event_id=new_id(), origin="log", log_index=0)))
    assert await notifier.value(COUNT) == 0
    await notifier.feed(badge.issued(), badge.recorded())
    assert await notifier.value(COUNT) == 2
