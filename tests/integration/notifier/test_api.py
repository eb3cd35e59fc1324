"""The notifier's routes, over HTTP."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest

from shared.ids import new_id
from shared.sealing import SealingError
from shared.web import pagination
from tests.integration.notifier.builders import PERSONAL, Badge
from tests.integration.notifier.conftest import Notifier
from tests.integration.notifier.receiver import receiving
from tests.support.service import OPERATOR

HOOK = {"url": "https://hooks.example/laurel"}


async def made(notifier: Notifier, key: dict[str, str], **members: Any) -> dict[str, Any]:
    answer = await notifier.client.post("/v1/endpoints", headers=key, json={**HOOK, **members})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def told(notifier: Notifier, tenant: UUID, **issued: Any) -> UUID:
    """Let one badge's issue be due for mail; return the delivery's id."""
    badge = Badge(tenant)
    await notifier.feed(badge.issued(**issued), badge.recorded())
    delivery_id: UUID = await notifier.value("select id from deliveries where credential_id = $1", badge.id)
    return delivery_id


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("kind", ["institution", "employer"])
async def test_a_secret_is_shown_once_and_stored_sealed(notifier: Notifier, kind: str) -> None:
    async with notifier.serving():
        key = await notifier.key(new_id(), kind)
        body = await made(notifier, key, events=["credential.revoked"], contact="it@north.example")
        shown = await notifier.client.get(f"/v1/endpoints/{body['id']}", headers=key)
        listed = await notifier.client.get("/v1/endpoints", headers=key)
    assert body["secret"].startswith("whsec_")
    assert shown.json() == {name: value for name, value in body.items() if name != "secret"}
    assert listed.json() == {"items": [shown.json()], "next": None}
    assert body["state"] == "enabled"
    stored: bytes = await notifier.value("select secret from endpoints")
    assert body["secret"].encode() not in stored
    assert notifier.sealer.open(stored, UUID(body["id"]).bytes)


async def test_an_eleventh_endpoint_is_refused_until_one_is_removed(notifier: Notifier) -> None:
    async with notifier.serving():
        key, other = await notifier.key(new_id()), await notifier.key(new_id())
        post = notifier.client.post
        answers = await asyncio.gather(*(post("/v1/endpoints", headers=key, json=HOOK) for _ in range(12)))
        assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 2
        assert code(await post("/v1/endpoints", headers=key, json=HOOK)) == (409, "endpoints_exhausted")
        await made(notifier, other)
        one = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
        await notifier.client.delete(f"/v1/endpoints/{one}", headers=key)
        await made(notifier, key)


async def test_a_url_is_kept_as_it_will_be_connected_to(notifier: Notifier) -> None:
    async with notifier.serving():
        made_of = await made(notifier, await notifier.key(new_id()), url="HTTPS://B\u00fccher.Example/\u00fc")
    assert made_of["url"] == "https://xn--bcher-kva.example/%C3%BC"
    assert await notifier.value("select url from endpoints") == made_of["url"]


async def test_the_same_idempotency_key_makes_one_endpoint_and_shows_no_secret_twice(notifier: Notifier) -> None:
    async with notifier.serving():
        key = {**await notifier.key(new_id()), "Idempotency-Key": "one"}
        body = await made(notifier, key)
        again = await notifier.client.post("/v1/endpoints", headers=key, json=HOOK)
        other = await notifier.client.post("/v1/endpoints", headers=key, json={"url": "https://other.example/"})
    assert code(again) == (409, "secret_already_shown")
    assert again.json()["id"] == body["id"]
    assert code(other) == (422, "idempotency_key_reused")
    assert await notifier.value("select count(*) from endpoints") == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/", "https://user@hooks.example/", "https://hooks.example:22/", "https://10.0.0.1/",
        "https://hooks.example/#x", "https://127.0.0.1/", "https://[::ffff:169.254.169.254]/", "https://localhost/",
        "gopher://hooks.example/", "hooks.example", "", "https://hooks.example/a b", "https://hooks.example/\u2028Pay",
    ],
)  # fmt: skip
async def test_a_url_that_could_lead_elsewhere_is_refused_at_registration(notifier: Notifier, url: str) -> None:
    async with notifier.serving(allow_loopback_webhooks=False):
        answer = await notifier.client.post("/v1/endpoints", headers=await notifier.key(new_id()), json={"url": url})
    assert answer.status_code == 422
    assert answer.json()["code"] in ("url_refused", "address_refused")


@pytest.mark.parametrize(
    "body",
    [
        {}, {**HOOK, "tenant_id": str(new_id())}, {**HOOK, "secret": "whsec_mine"}, {**HOOK, "events": []},
        {**HOOK, "events": ["credential.forged"]}, {**HOOK, "contact": "a@b.example\r\nBcc: c@d.example"},
        {**HOOK, "contact": "a@b.example, c@d.example"}, {"url": "https://hooks.example/" + "a" * 2000},
    ],
)  # fmt: skip
async def test_a_wrong_body_is_422(notifier: Notifier, body: dict[str, Any]) -> None:
    async with notifier.serving():
        answer = await notifier.client.post("/v1/endpoints", headers=await notifier.key(new_id()), json=body)
    assert answer.status_code == 422
    assert await notifier.value("select count(*) from endpoints") == 0


async def test_a_rotated_secret_is_new_and_the_old_one_has_its_day(notifier: Notifier) -> None:
    async with notifier.serving():
        key = await notifier.key(new_id())
        body = await made(notifier, key)
        answer = await notifier.client.post(f"/v1/endpoints/{body['id']}/rotate", headers=key)
    rotated = answer.json()
    assert rotated["secret"] != body["secret"]
    left = datetime.fromisoformat(rotated["previous_until"]) - datetime.now(UTC)
    assert timedelta(hours=23) < left < timedelta(hours=25)


async def test_a_removed_endpoint_is_gone_with_its_secret(notifier: Notifier) -> None:
    async with notifier.serving():
        key = await notifier.key(new_id())
        body = await made(notifier, key)
        assert (await notifier.client.delete(f"/v1/endpoints/{body['id']}", headers=key)).status_code == 204
        again = await notifier.client.delete(f"/v1/endpoints/{body['id']}", headers=key)
    assert code(again) == (404, "endpoint_not_found")
    assert await notifier.value("select count(*) from endpoints") == 0


async def test_a_key_opens_only_what_its_scopes_say(notifier: Notifier) -> None:
    tenant = new_id()
    async with notifier.serving():
        reader, auditor = (
            await notifier.key(tenant, "institution", "read"),
            await notifier.key(tenant, "institution", "auditor"),
        )
        for key in (reader, auditor):
            assert (await notifier.client.get("/v1/endpoints", headers=key)).status_code == 200
            refused = await notifier.client.post("/v1/endpoints", headers=key, json=HOOK)
            assert code(refused) == (403, "scope_missing")
        assert code(await notifier.client.get("/v1/deliveries")) == (401, "key_missing")


async def test_another_tenants_things_are_404_everywhere(notifier: Notifier) -> None:
    ours, theirs = new_id(), new_id()
    async with notifier.serving():
        our_key, their_key = await notifier.key(ours), await notifier.key(theirs)
        endpoint = await made(notifier, our_key)
        delivery_id = await told(notifier, ours)
        await told(notifier, ours)
        first_page = await notifier.client.get("/v1/deliveries?limit=1", headers=our_key)
        get, post, delete = notifier.client.get, notifier.client.post, notifier.client.delete
        for answer in (
            await get(f"/v1/endpoints/{endpoint['id']}", headers=their_key),
            await delete(f"/v1/endpoints/{endpoint['id']}", headers=their_key),
            await post(f"/v1/endpoints/{endpoint['id']}/rotate", headers=their_key),
            await post(f"/v1/endpoints/{endpoint['id']}/enable", headers=their_key),
            await get(f"/v1/deliveries/{delivery_id}", headers=their_key),
            await post(f"/v1/deliveries/{delivery_id}/replay", headers=their_key),
            await get("/v1/deliveries", params={"cursor": first_page.json()["next"]}, headers=their_key),
        ):
            assert answer.status_code == 404
        credential_id = first_page.json()["items"][0]["credential_id"]
        event_id = first_page.json()["items"][0]["event_id"]
        for name, taken in (("credential_id", credential_id), ("event_id", event_id)):
            theirs, nobodys = [
                await get("/v1/deliveries", params={name: each}, headers=their_key) for each in (taken, str(new_id()))
            ]
            assert theirs.status_code == 404
            assert theirs.json() == nobodys.json()
        assert (await get("/v1/deliveries", headers=their_key)).json()["items"] == []
        assert (await get("/v1/endpoints", headers=their_key)).json()["items"] == []
    assert await notifier.value("select count(*) from endpoints") == 1


async def test_the_app_role_itself_sees_one_tenants_rows_and_no_learner(notifier: Notifier) -> None:
    tenant, other = new_id(), new_id()
    await notifier.endpoint(tenant, HOOK["url"])
    await told(notifier, tenant)
    connection = await asyncpg.connect(notifier.clean.app)
    for who, seen in ((None, 0), (other, 0), (tenant, 1)):
        async with connection.transaction():
            if who:
                await connection.execute("select set_config('app.tenant', $1, true)", str(who))
            assert await connection.fetchval("select count(*) from endpoints") == seen
            assert (await connection.fetchval("select count(*) from deliveries") > 0) == bool(seen)
            assert await connection.fetchval("select count(*) from notices") == seen
            assert await connection.fetchval("select count(*) from recipients") == 0
    await connection.close()


async def test_deliveries_show_every_attempt_and_nothing_personal(notifier: Notifier) -> None:
    tenant = new_id()
    async with receiving() as receiver, notifier.serving():
        key = await notifier.key(tenant)
        endpoint_id, _ = await notifier.endpoint(tenant, receiver.url)
        await told(notifier, tenant)
        async with notifier.hooking(), notifier.mailing():
            await notifier.settled("webhook")
            await notifier.settled("mail")
        answer = await notifier.client.get("/v1/deliveries", headers=key)
    by_channel = {each["channel"]: each for each in answer.json()["items"]}
    assert by_channel["webhook"]["endpoint_id"] == str(endpoint_id)
    assert by_channel["mail"]["endpoint_id"] is None
    for each in by_channel.values():
        assert each["state"] == "delivered"
        [attempt] = each["attempts"]
        assert attempt["outcome"] == "accepted"
        assert attempt["duration_ms"] >= 0
    assert not any(planted in answer.text for planted in PERSONAL)


async def test_deliveries_are_listed_newest_first_in_pages_and_by_filters(notifier: Notifier) -> None:
    tenant = new_id()
    made_ids = [str(await told(notifier, tenant)) for _ in range(5)]
    async with notifier.serving():
        key = await notifier.key(tenant)
        seen: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            params = {"limit": "2", **({"cursor": cursor} if cursor else {})}
            page = (await notifier.client.get("/v1/deliveries", params=params, headers=key)).json()
            seen, cursor = seen + page["items"], page["next"]
        assert [each["id"] for each in seen] == made_ids[::-1]
        for name in ("event_id", "credential_id"):
            found = await notifier.client.get("/v1/deliveries", params={name: seen[2][name]}, headers=key)
            assert [each["id"] for each in found.json()["items"]] == [seen[2]["id"]]
        for state, count in (("waiting", 5), ("failed", 0)):
            found = await notifier.client.get("/v1/deliveries", params={"state": state}, headers=key)
            assert len(found.json()["items"]) == count


async def test_a_badge_that_nobody_was_to_be_told_of_has_no_deliveries_and_is_not_unknown(notifier: Notifier) -> None:
    badge = Badge(email=None)
    await notifier.feed(badge.issued(), badge.recorded())
    async with notifier.serving():
        key = await notifier.key(badge.institution_id)
        for filters in ({"credential_id": str(badge.id)}, {"event_id": str(badge.issued_id)}):
            for header in (key, OPERATOR):
                found = await notifier.client.get("/v1/deliveries", params=filters, headers=header)
                assert found.json() == {"items": [], "next": None}


async def test_deliveries_of_a_disabled_endpoints_mail_are_found_by_its_event(notifier: Notifier) -> None:
    tenant = new_id()
    endpoint_id, _ = await notifier.endpoint(tenant, HOOK["url"])
    event_id = await notifier.value(
        """
        insert into deliveries (tenant_id, event_id, type, channel, target, due_at)
        values ($1, $2, 'endpoint.disabled', 'mail', $3, laurel_clock()) returning event_id
        """,
        tenant,
        new_id(),
        endpoint_id,
    )
    async with notifier.serving():
        params = {"event_id": str(event_id)}
        found = await notifier.client.get("/v1/deliveries", params=params, headers=await notifier.key(tenant))
    assert [each["event_id"] for each in found.json()["items"]] == [str(event_id)]


@pytest.mark.parametrize(
    "values",
    [
        [], ["x", "y"], [1, 2], ["2026-11-22T12:00:00+00:00"], [None, None],
        ["9999-12-31T23:59:59-14:00", str(new_id())], ["0001-01-01T00:00:00+23:59", str(new_id())],
    ],
)  # fmt: skip
async def test_a_forged_cursor_is_400(notifier: Notifier, values: list[Any]) -> None:
    tenant = new_id()
    async with notifier.serving():
        forged = pagination.cursor(tenant, "deliveries", *values)
        key = await notifier.key(tenant)
        answer = await notifier.client.get("/v1/deliveries", params={"cursor": forged}, headers=key)
    assert code(answer) == (400, "cursor_malformed")


async def test_a_stale_delivery_waits_for_the_operator(notifier: Notifier) -> None:
    tenant = new_id()
    delivery_id = await told(notifier, tenant, time=datetime.now(UTC) - timedelta(hours=49))
    async with notifier.mailing():
        await notifier.settled("mail")
    async with notifier.serving():
        key = await notifier.key(tenant)
        refused = await notifier.client.post(f"/v1/deliveries/{delivery_id}/replay", headers=key)
        assert code(refused) == (403, "operator_needed")
        released = await notifier.client.post(f"/v1/deliveries/{delivery_id}/replay", headers=OPERATOR)
        assert released.json()["state"] == "waiting"
        async with notifier.mailing():
            await notifier.settled("mail")
        shown = await notifier.client.get(f"/v1/deliveries/{delivery_id}", headers=OPERATOR)
    assert shown.json()["state"] == "delivered"
    assert len(shown.json()["attempts"]) == 1


async def test_a_delivery_under_way_is_not_replayed(notifier: Notifier) -> None:
    tenant = new_id()
    delivery_id = await told(notifier, tenant)
    await notifier.value("update deliveries set leased_until = laurel_clock() + interval '1 minute' returning true")
    async with notifier.serving():
        answer = await notifier.client.post(f"/v1/deliveries/{delivery_id}/replay", headers=await notifier.key(tenant))
    assert code(answer) == (409, "delivery_under_way")


async def ledger_lines(notifier: Notifier) -> list[dict[str, Any]]:
    """The whole ledger, by small pages."""
    lines: list[dict[str, Any]] = []
    cursor: str | None = None
    while not lines or cursor:
        params = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        answer = await notifier.client.get("/v1/ops/ledger", params=params, headers=OPERATOR)
        *found, page = [orjson.loads(line) for line in answer.content.splitlines()]
        lines, cursor = lines + found, page["next"]
    return lines


async def test_the_ledger_lists_every_delivery_without_naming_its_target_and_then_every_notice(
    notifier: Notifier,
) -> None:
    tenant = new_id()
    ids = sorted([str(await told(notifier, tenant)) for _ in range(3)])
    events = sorted([str(row[0]) for row in await notifier.rows("select event_id from notices")])
    async with notifier.serving():
        lines = await ledger_lines(notifier)
    assert [line["id"] for line in lines] == ids + [f"notice:{event}" for event in events]
    assert set(lines[0]) == {"kind", "id", "event_id", "channel", "target_digest", "state", "attempts", "due"}
    members = {"happened": True, "recorded": True, "addressed": True, "deliveries": {"mail": 1}}
    assert members.items() <= lines[3].items()
    assert not any(planted in str(lines) for planted in PERSONAL)


async def test_the_ledger_shows_half_a_notice_and_one_that_nobody_is_to_be_told(notifier: Notifier) -> None:
    half, silent = Badge(), Badge(email=None)
    await notifier.feed(half.issued(), silent.issued(), silent.recorded())
    async with notifier.serving():
        lines = {line["credential_id"]: line for line in await ledger_lines(notifier)}
    assert (lines[str(half.id)]["recorded"], lines[str(half.id)]["addressed"]) == (False, True)
    assert (lines[str(silent.id)]["recorded"], lines[str(silent.id)]["addressed"]) == (True, False)
    assert lines[str(half.id)]["deliveries"] == lines[str(silent.id)]["deliveries"] == {}


@pytest.mark.parametrize(
    ("change", "due"),
    [
        ("due_at = laurel_clock()", True),
        ("leased_until = laurel_clock() - interval '1 second'", True),
        ("leased_until = laurel_clock() + interval '1 minute'", False),
        ("due_at = laurel_clock() + interval '5 minutes'", False),
        ("state = 'stale'", False),
        ("state = 'failed'", False),
    ],
)
async def test_the_ledger_calls_due_what_should_be_under_way_and_is_not(
    notifier: Notifier, change: str, due: bool
) -> None:
    await told(notifier, new_id())
    await notifier.value(f"update deliveries set {change} returning true")
    async with notifier.serving():
        assert (await ledger_lines(notifier))[0]["due"] is due


async def test_what_waits_for_an_endpoint_that_asked_for_patience_is_not_due(notifier: Notifier) -> None:
    badge = Badge(email=None)
    await notifier.endpoint(badge.institution_id, HOOK["url"])
    await notifier.feed(badge.issued(), badge.recorded())
    await notifier.value("update endpoints set paused_until = laurel_clock() + interval '5 minutes' returning true")
    async with notifier.serving():
        assert (await ledger_lines(notifier))[0]["due"] is False


async def test_a_notifier_without_its_key_file_does_not_start(notifier: Notifier, tmp_path: Path) -> None:
    with pytest.raises(SealingError, match="no-such-file"):
        async with notifier.serving(kek_file=tmp_path / "no-such-file"):
            pass


async def test_the_api_describes_itself(notifier: Notifier) -> None:
    async with notifier.serving():
        document = (await notifier.client.get("/openapi.json")).json()
    assert {"/v1/endpoints", "/v1/deliveries", "/v1/deliveries/{delivery_id}/replay"} <= set(document["paths"])
