"""Status lists: no place twice, a new list when one is full, each change signed once, and never out of date."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from services.issuer.domain.messages import list_version
from shared.credentials.status import decode_list, get_bit, set_indexes
from shared.db import Database
from shared.messaging.metrics import ALARMS
from tests.integration.issuer.conftest import HeldSigner, Institution, MakeSite, Site
from tests.integration.issuer.test_batch import learners
from tests.integration.issuer.test_issuing import is_signed_by


async def lists(site: Site) -> list[dict[str, Any]]:
    return await site.told("laurel.status-list.state.v1")


async def test_no_two_badges_have_one_place_and_places_tell_no_order(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    await asyncio.gather(*[north.batch(achievement, learners(60)) for _ in range(3)])
    rows = await site.rows(
        "select index from status_positions join credentials on id = credential_id order by issued_at"
    )
    places = [row["index"] for row in rows]
    assert len(set(places)) == 180
    assert places != sorted(places)
    assert max(places) > 100_000


async def test_a_full_list_is_followed_by_another_and_its_last_place_can_be_revoked(
    site: Site, north: Institution
) -> None:
    achievement = await north.achievement()
    await north.issue(achievement)
    await site.rows("update status_lists set next = size - 1")
    last = (await north.issue(achievement)).json()
    following = (await north.issue(achievement)).json()
    urls = [each["credential"]["credentialStatus"]["statusListCredential"] for each in (last, following)]
    assert urls[0] != urls[1]
    await north.revoke(last["id"])
    await site.list_signer().sign_due()
    [signed] = [each for each in await lists(site) if each["credential"]["id"] == urls[0]]
    bits = decode_list(signed["credential"]["credentialSubject"]["encodedList"])
    assert set_indexes(bits) == [int(last["credential"]["credentialStatus"]["statusListIndex"])]


async def test_the_next_list_is_signed_before_a_badge_points_into_it(site: Site, north: Institution) -> None:
    achievement = await north.achievement(suspendable=True)
    await site.list_signer().sign_due()  # by now there is an achievement, and no badge yet
    ahead: set[str] = set()
    for step in (1, site.settings.status_list_size * 7 // 8, site.settings.status_list_size):
        await site.rows("update status_lists set next = $1 where open", step)
        made = await asyncio.gather(*[north.issue(achievement) for _ in range(5)])
        used = {
            entry["statusListCredential"]
            for answer in made
            for entry in answer.json()["credential"]["credentialStatus"]
        }
        signed = {each["credential"]["id"] for each in await lists(site)}
        assert used <= signed
        ahead |= used
        await site.list_signer().sign_due()
    assert len(ahead) == 4
    waiting = await site.rows("select purpose, count(*) from status_lists where open or waiting group by 1 order by 1")
    assert [tuple(row) for row in waiting] == [("revocation", 1), ("suspension", 1)]


async def test_many_callers_meet_one_full_list_and_open_one_new_one(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    await north.issue(achievement)
    await site.rows("update status_lists set next = size")
    answers = await asyncio.gather(*[north.issue(achievement) for _ in range(20)])
    assert {answer.status_code for answer in answers} == {201}
    assert [row["open"] for row in await site.rows("select open from status_lists order by next desc")] == [False, True]


async def test_a_changed_list_waits_until_its_window_has_passed(site: Site, north: Institution) -> None:
    made = (await north.issue(await north.achievement())).json()
    signer = site.list_signer(window=timedelta(hours=1))
    assert await signer.sign_due() == 1
    await north.revoke(made["id"])
    assert await signer.sign_due() == 0
    assert await site.list_signer().sign_due() == 1


async def test_a_clock_that_was_set_back_keeps_no_change_from_being_signed(site: Site, north: Institution) -> None:
    made = (await north.issue(await north.achievement())).json()
    await site.list_signer().sign_due()
    await north.revoke(made["id"])
    moved = await moved_clock(site, timedelta(hours=-1))
    assert await moved.list_signer(window=timedelta(milliseconds=100)).sign_due() == 1
    await moved.worker.close()


async def test_a_new_list_is_signed_at_once_and_many_changes_are_one_signature(site: Site, north: Institution) -> None:
    achievement = await north.achievement()
    ids = [result["id"] for result in (await north.batch(achievement, learners(5))).json()["results"]]
    signer = site.list_signer()
    assert await signer.sign_due() == 1
    assert await signer.sign_due() == 0
    for credential_id in ids[:3]:
        await north.revoke(credential_id)
    assert await signer.sign_due() == 1
    assert await signer.sign_due() == 0
    first, second = await lists(site)
    assert [each["version"] for each in (first, second)] == [list_version(1, 1), list_version(1, 2)]
    bits = [decode_list(each["credential"]["credentialSubject"]["encodedList"]) for each in (first, second)]
    assert [len(set_indexes(each)) for each in bits] == [0, 3]
    revoked = (await north.client.get(f"/v1/credentials/{ids[0]}")).json()["credential"]["credentialStatus"]
    assert get_bit(bits[1], int(revoked["statusListIndex"]))


async def test_a_signed_list_is_its_institutions_and_says_how_long_it_may_be_kept(
    site: Site, north: Institution
) -> None:
    await north.issue(await north.achievement())
    await site.list_signer().sign_due()
    [signed] = await lists(site)
    credential = signed["credential"]
    assert is_signed_by(credential, north.did)
    assert credential["issuer"] == north.did
    assert credential["credentialSubject"]["ttl"] == signed["ttl_ms"] == 60_000
    assert credential["credentialSubject"]["statusPurpose"] == signed["purpose"] == "revocation"


async def test_of_two_workers_that_sign_one_list_one_drops_what_it_made(site: Site, north: Institution) -> None:
    await north.issue(await north.achievement())
    signed = await asyncio.gather(*[site.list_signer().sign_due() for _ in range(4)])
    assert sum(signed) == 1
    assert len(await lists(site)) == 1


async def test_a_revocation_during_a_signature_is_signed_next(site: Site, north: Institution) -> None:
    made = (await north.issue(await north.achievement())).json()
    held = HeldSigner(site)
    signing = asyncio.create_task(site.list_signer(held).sign_due())
    await asyncio.to_thread(held.began.wait, 60)
    await north.revoke(made["id"])
    held.let.set()
    assert await signing == 1
    assert await site.list_signer().sign_due() == 1
    subjects = [each["credential"]["credentialSubject"] for each in await lists(site)]
    assert [len(set_indexes(decode_list(each["encodedList"]))) for each in subjects] == [0, 1]


async def test_an_unchanged_list_is_signed_again_at_half_of_its_validity(site: Site, north: Institution) -> None:
    await north.issue(await north.achievement())
    await site.list_signer().sign_due()
    lifetime = site.settings.status_list_lifetime
    for offset, signed in ((lifetime / 2 - timedelta(minutes=5), 0), (lifetime / 2 + timedelta(minutes=5), 1)):
        moved = await moved_clock(site, offset)
        assert await moved.list_signer().sign_due() == signed
        await moved.worker.close()
    first, second = await lists(site)
    assert second["version"] == first["version"] + 1
    assert datetime.fromisoformat(second["valid_until"]) - datetime.fromisoformat(first["valid_until"]) > lifetime / 2


async def moved_clock(site: Site, offset: timedelta) -> Site:
    """Return the site seen through connections whose clock is ahead by `offset`."""
    superuser = await asyncpg.connect(site.database.superuser)
    name = f'"{site.database.name}"'
    await superuser.execute(f"alter database {name} set app.clock_offset = '{offset.total_seconds()} seconds'")
    await superuser.close()
    return Site(
        site.url, site.settings, site.database, site.app, await Database.open(site.database.worker, 2), site.operator
    )


async def test_after_a_rotation_lists_are_signed_with_the_new_key(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url="https://badges.example")
    north = await site.institution()
    await north.issue(await north.achievement())
    await site.list_signer().sign_due()
    rotated = await north.client.post(f"/v1/institutions/{north.id}/signing-keys")
    await site.list_signer().sign_due()
    methods = [each["credential"]["proof"]["verificationMethod"] for each in await lists(site)]
    assert methods[0] != methods[1] == rotated.json()["verification_method"]


async def test_a_key_that_cannot_be_opened_stops_its_own_lists_alone(site: Site, north: Institution) -> None:
    south = await site.institution()
    for institution in (north, south):
        await institution.issue(await institution.achievement())
    await site.rows("update signing_keys set sealed = 'broken' where institution_id = $1", north.id)
    signer, alarms = site.list_signer(), ALARMS.labels("status_list_unsigned")
    before = alarms._value.get()
    assert await signer.sign_due() == 1
    assert await signer.sign_due() == 0
    assert alarms._value.get() == before + 1
    assert [each["institution_id"] for each in await lists(site)] == [str(south.id)]
