"""What the transparency log is told beside credentials: once, with who did it, and again word for word."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import asyncpg
import orjson
import pytest
import rfc8785

from services.issuer.app import SERVICE
from services.issuer.handlers.recording import record_past
from shared.messaging.events import BY_TYPE, ISSUER_EVENTS, RecordedChange
from shared.service import running
from tests.integration.issuer.conftest import BADGE, Institution, MakeSite, Site
from tests.integration.issuer.test_operations import records
from tests.integration.issuer.test_sandbox import remove_all
from tests.support.poll import eventually
from tests.support.postgres import CleanDatabase
from tests.support.service import clean_event_log
from tests.support.topics import events_on

STANDING = "laurel.institution.standing-changed.v1"
KEY = "laurel.signing-key.changed.v1"
PUBLISHED = "laurel.achievement.published.v1"
KINDS = (STANDING, KEY, PUBLISHED)
OPERATOR = {"role": "operator", "key_id": "operator"}
UNKNOWN = {"role": "system", "key_id": "unknown"}


def without(event: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in names}


async def changes(site: Site) -> list[dict[str, Any]]:
    """Every recorded change that is told, of all kinds."""
    return [each for kind in KINDS for each in await site.told(kind)]


async def forget(site: Site) -> None:
    """Make the database what a release from before the record left behind."""
    await site.rows("delete from recorded_changes")
    await site.rows("delete from outbox")


async def some_history(site: Site) -> Institution:
    """An institution whose key was changed and that published twice, beside a sandbox that has ended."""
    north = await site.institution()
    achievement = await north.achievement()
    await north.client.post(f"/v1/institutions/{north.id}/signing-keys")
    await north.client.put(f"/v1/achievements/{achievement}", json={**BADGE, "name": "Tunnels"})
    answer = await north.client.post(f"/v1/achievements/{achievement}/publish")
    assert answer.json()["version"] == 2
    await site.institution(sandbox=True, name="Trial")
    await remove_all(site)
    return north


async def test_a_founded_institution_and_its_keys_are_told_with_the_operator_who_did_it(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url="https://badges.example")
    north = await site.institution()
    [standing] = await site.told(STANDING)
    assert without(standing, "salt") == {
        "institution_id": str(north.id), "version": 1, "actor": OPERATOR, "backfilled": False, "name": "North Academy",
        "did": north.did, "standing": "registered",
    }  # fmt: skip
    states = {each["key_id"]: each for each in await site.told("laurel.signing-key.state.v1")}
    added = await site.told(KEY)
    assert {each["key_id"] for each in added} == set(states)
    for each in added:
        assert (each["change"], each["actor"], each["version"]) == ("added", OPERATOR, 1)
        for name in ("verification_method", "public_key_multibase", "institution_id"):
            assert each[name] == states[each["key_id"]][name]
    salts = [urlsafe_b64decode(each["salt"] + "=") for each in (standing, *added)]
    assert [len(salt) for salt in salts] == [32] * 3
    assert len(set(salts)) == 3


async def test_a_key_that_takes_anothers_place_is_told_as_two_changes_of_the_api_key_that_asked(
    make_site: MakeSite,
) -> None:
    site: Site = await make_site(public_url="https://badges.example")
    north = await site.institution()
    await site.rows("delete from outbox")
    made = (await north.client.post(f"/v1/institutions/{north.id}/signing-keys")).json()
    [api_key] = await site.rows("select id from api_keys")
    retired, added = await site.told(KEY)
    actor = {"role": "institution", "key_id": str(api_key["id"])}
    assert [(each["change"], each["version"], each["actor"]) for each in (retired, added)] == [
        ("retired", 2, actor),
        ("added", 1, actor),
    ]
    assert added["key_id"] == made["id"] != retired["key_id"]


async def test_a_published_version_is_told_once_with_the_digest_of_what_others_have_of_it(
    site: Site, north: Institution
) -> None:
    achievement = await north.achievement(micro_credential={"workload_hours": 25})
    await north.client.post(f"/v1/achievements/{achievement}/publish")
    [told] = await site.told(PUBLISHED)
    [state] = await site.told("laurel.achievement.state.v1")
    assert told["achievement_digest"] == sha256(rfc8785.dumps(state["achievement"])).hexdigest()
    assert (told["achievement_id"], told["number"], told["version"]) == (achievement, 1, 1)
    assert told["actor"]["role"] == "institution"


async def test_a_withdrawn_sandbox_is_told_with_the_operator_who_ended_it(site: Site) -> None:
    sandbox = await site.institution(sandbox=True)
    await remove_all(site)
    told = await site.told(STANDING)
    assert [(each["standing"], each["version"], each["actor"]) for each in told] == [
        ("registered", 1, OPERATOR),
        ("withdrawn", 2, OPERATOR),
    ]
    assert {each["institution_id"] for each in told} == {str(sandbox.id)}


async def test_what_happened_before_there_was_a_record_is_told_afterwards_once_though_several_begin_at_it(
    make_site: MakeSite,
) -> None:
    site: Site = await make_site(public_url="https://badges.example")
    await some_history(site)
    before = await changes(site)
    times = "select type, key, version, time from recorded_changes order by type, key, version"
    happened = await site.rows(times)
    await forget(site)
    counts = await asyncio.gather(*[record_past(site.worker) for _ in range(3)])
    assert sum(counts) == len(before) == len(await changes(site))
    assert await site.rows(times) == happened
    for each in await changes(site):
        assert each["backfilled"] is True
        assert each["actor"] == UNKNOWN
        known = [without(one, "salt", "actor", "backfilled") for one in before]
        assert without(each, "salt", "actor", "backfilled") in known
    assert await record_past(site.worker) == 0, "a second time there is nothing to tell"


async def test_what_an_older_release_does_beside_this_one_is_found_too(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url="https://badges.example")
    north = await some_history(site)
    await site.rows("delete from recorded_changes where version = 2 or type = $1", PUBLISHED)
    await site.rows("delete from outbox")
    assert await record_past(site.worker) == 4
    told = [(each["version"], each.get("change"), each.get("standing")) for each in await changes(site)]
    assert sorted(told, key=str) == [(1, None, None), (1, None, None), (2, "retired", None), (2, None, "withdrawn")]
    assert str(north.id) in {each["institution_id"] for each in await site.told(KEY)}


async def test_the_worker_tells_at_its_start(
    site: Site, north: Institution, clean_database: Callable[[str], CleanDatabase]
) -> None:
    await forget(site)
    log = await clean_event_log(clean_database)

    async def all_told() -> list[dict[str, Any]] | None:
        told = await events_on(log.app, ISSUER_EVENTS, *KINDS)  # what is sent stays in no outbox
        return told if len(told) == 2 else None

    async with running(SERVICE, site.settings.model_copy(update={"eventlog_dsn": log.app}), "worker"):
        told = await eventually(all_told)
    assert {each["backfilled"] for each in told} == {True}


async def test_changes_are_told_again_with_their_ids_and_contents_and_none_whose_salt_is_erased(
    make_site: MakeSite,
) -> None:
    site: Site = await make_site(public_url="https://badges.example")
    await some_history(site)
    await site.rows("delete from recorded_changes where type = $1", STANDING)
    await site.rows("delete from outbox where headers ->> 'ce_type' = $1", STANDING)
    await record_past(site.worker)

    async def told() -> dict[str, bytes]:
        return {event_id: value for event_id, value, headers in await records(site) if headers["ce_type"] in KINDS}

    before = await told()
    await site.rows("delete from outbox")
    await site.rows("update recorded_changes set salt = null where type = $1", PUBLISHED)
    await site.operator.post("/v1/ops/refeed")
    after = await told()
    assert before.items() >= after.items()
    assert len(before) == len(after) + 2


async def test_an_institution_sees_and_writes_its_own_changes_alone(site: Site, north: Institution) -> None:
    south = await site.institution()
    async with site.app.transaction(north.id) as tx:
        rows = await tx.fetch("select distinct institution_id from recorded_changes")
        assert [row["institution_id"] for row in rows] == [north.id]
        columns = "event_id, type, key, version, institution_id, time, actor_role, actor_key_id, content"
        values = "gen_random_uuid(), 'x', 'x', 1, $1, now(), 'x', 'x', '{}'"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tx.execute(f"insert into recorded_changes ({columns}) values ({values})", south.id)


async def test_a_credentials_state_tells_who_made_each_version_and_why(site: Site, north: Institution) -> None:
    made = (await north.issue(await north.achievement())).json()["id"]
    await north.revoke(made, "superseded")
    history = (await site.told("laurel.credential.state.v1"))[-1]["history"]
    [api_key] = await site.rows("select id from api_keys")
    actor = {"role": "institution", "key_id": str(api_key["id"])}
    assert [(each["actor"], each["reason_code"]) for each in history] == [(actor, None), (actor, "superseded")]


async def test_no_salt_is_told_but_on_the_issuers_events(make_site: MakeSite) -> None:
    site: Site = await make_site(public_url="https://badges.example")
    north = await some_history(site)
    made = (await north.issue(await north.achievement())).json()["id"]
    await north.revoke(made)
    await site.operator.post("/v1/ops/refeed")
    salts = await site.rows(
        "select salt from recorded_changes union all select salt from credential_history where salt is not null"
    )
    for row in await site.rows("select topic, headers::text as headers, value from outbox"):
        everything = row["headers"].encode() + row["value"]
        texts = {orjson.loads(row["value"]).get("salt")} - {None}
        assert bool(texts) == (row["topic"] == "issuer.events.v1")
        for salt in salts if not texts else ():
            assert not {form for form in forms_of(salt["salt"]) if form in everything}


def forms_of(salt: bytes) -> set[bytes]:
    """How 32 bytes may be written down."""
    return {salt.hex().encode(), b64_text(salt), b64_text(salt).replace(b"-", b"+").replace(b"_", b"/")}


def b64_text(salt: bytes) -> bytes:
    return urlsafe_b64encode(salt).rstrip(b"=")


def test_every_kind_of_recorded_change_is_one_that_the_contract_has() -> None:
    kinds = {name for name, message in BY_TYPE.items() if issubclass(message, RecordedChange)}
    assert kinds == set(KINDS)
