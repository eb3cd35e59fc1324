"""Sending again what was sent in a time, a test for an endpoint, and what is kept of each body."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest

from services.notifier.api import deliveries
from shared.ids import new_id
from tests.integration.notifier.builders import Badge
from tests.integration.notifier.conftest import Notifier
from tests.integration.notifier.receiver import receiving, says
from tests.integration.notifier.telling import sent, states
from tests.support.service import OPERATOR

DAY = timedelta(days=1)


def span(**members: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"from": (now - DAY).isoformat(), "to": (now + DAY).isoformat(), **members}


async def replay(notifier: Notifier, key: dict[str, str], cursor: str | None = None, **members: Any) -> httpx.Response:
    query = {"cursor": cursor} if cursor else {}
    return await notifier.client.post("/v1/deliveries/replay", params=query, headers=key, json=span(**members))


async def test_a_range_of_a_tenants_deliveries_is_sent_again_under_their_ids(notifier: Notifier) -> None:
    first, stranger = Badge(email=None), Badge(email=None)
    second = Badge(first.institution_id, email=None)
    async with receiving() as receiver, receiving() as other, notifier.serving():
        one, _ = await notifier.endpoint(first.institution_id, receiver.url)
        await notifier.endpoint(first.institution_id, other.url)
        await notifier.endpoint(stranger.institution_id, other.url)
        for badge in (first, second, stranger):
            await notifier.feed(badge.issued(), badge.recorded())
        await sent(notifier)
        key = await notifier.key(first.institution_id)
        answer = await replay(notifier, key, endpoint_id=str(one), types=["credential.issued"])
        assert answer.json() == {"replayed": 2, "next": None}
        await sent(notifier)
        assert len(receiver.hooks) == 4
        assert len({hook.headers["webhook-id"] for hook in receiver.hooks}) == 2
        assert len(other.hooks) == 3
        assert (await replay(notifier, key, types=["credential.revoked"])).json()["replayed"] == 0
        assert (await replay(notifier, key)).json()["replayed"] == 4
        assert (await replay(notifier, key)).json()["replayed"] == 0, "what waits is sent anyway"


async def test_only_failed_ones_are_sent_again_where_that_is_asked(notifier: Notifier) -> None:
    badge = Badge(email=None)
    async with receiving(says("410 Gone")) as receiver, receiving() as other, notifier.serving():
        endpoint_id, _ = await notifier.endpoint(badge.institution_id, receiver.url)
        await notifier.endpoint(badge.institution_id, other.url)
        await notifier.feed(badge.issued(), badge.recorded())
        await sent(notifier)
        key = await notifier.key(badge.institution_id)
        await notifier.client.post(f"/v1/endpoints/{endpoint_id}/enable", headers=key)
        receiver.answer = says("204 No Content")
        assert (await replay(notifier, key, state="failed")).json()["replayed"] == 1
        await sent(notifier)
    assert await states(notifier) == ["delivered"] * 2
    assert (len(receiver.hooks), len(other.hooks)) == (2, 1)


async def test_a_mail_that_a_learner_has_got_is_not_sent_again_by_a_range_and_one_that_failed_is(
    notifier: Notifier,
) -> None:
    badge, other = Badge(), Badge()
    other.institution_id = badge.institution_id
    await notifier.feed(badge.issued(), badge.recorded(), other.issued(), other.recorded())
    async with notifier.serving():
        async with notifier.mailing():
            await notifier.settled("mail")
        await notifier.value("update deliveries set state = 'failed' where credential_id = $1 returning true", other.id)
        key = await notifier.key(badge.institution_id)
        assert (await replay(notifier, key)).json()["replayed"] == 1


async def test_stale_ones_are_the_operators_to_send(notifier: Notifier) -> None:
    badge = Badge(email=None)
    async with receiving() as receiver, notifier.serving():
        await notifier.endpoint(badge.institution_id, receiver.url)
        await notifier.feed(badge.issued(time=datetime.now(UTC) - 3 * DAY), badge.recorded())
        await sent(notifier)
        assert await states(notifier) == ["stale"]
        key = await notifier.key(badge.institution_id)
        assert (await replay(notifier, key)).json()["replayed"] == 0
        refused = await replay(notifier, key, state="stale")
        assert (refused.status_code, refused.json()["code"]) == (403, "operator_needed")
        assert (await replay(notifier, OPERATOR, state="stale")).json()["replayed"] == 1
        await sent(notifier)
    assert await states(notifier) == ["delivered"]


async def test_a_long_range_is_done_in_pieces_and_goes_on_by_its_cursor(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "REPLAY_CHUNK", 2)
    monkeypatch.setattr(deliveries, "REPLAY_CHUNKS", 2)
    badges = [Badge(email=None) for _ in range(7)]
    async with receiving() as receiver, notifier.serving():
        await notifier.endpoint(badges[0].institution_id, receiver.url)
        for badge in badges:
            badge.institution_id = badges[0].institution_id
            await notifier.feed(badge.issued(), badge.recorded())
        await sent(notifier)
        key = await notifier.key(badges[0].institution_id)
        first = (await replay(notifier, key)).json()
        assert first["replayed"] == 4
        assert (await replay(notifier, key, first["next"])).json() == {"replayed": 3, "next": None}
        stranger = await notifier.key(new_id())
        assert (await replay(notifier, stranger, first["next"])).status_code == 404
        await sent(notifier)
    assert len(receiver.hooks) == 14


async def test_another_tenants_endpoint_is_not_there(notifier: Notifier) -> None:
    endpoint_id, _ = await notifier.endpoint(new_id(), "https://hooks.example/")
    async with notifier.serving():
        key = await notifier.key(new_id())
        assert (await replay(notifier, key, endpoint_id=str(endpoint_id))).status_code == 404
        answer = await notifier.client.post(f"/v1/endpoints/{endpoint_id}/test", headers=key)
    assert answer.status_code == 404


async def test_a_test_is_sent_signed_whatever_the_filter_says_and_its_bodys_digest_is_shown(
    notifier: Notifier,
) -> None:
    tenant = new_id()
    async with receiving(says("500 Broken")) as receiver, notifier.serving():
        endpoint_id, _ = await notifier.endpoint(tenant, receiver.url, ["credential.revoked"])
        key = await notifier.key(tenant)
        made = await notifier.client.post(f"/v1/endpoints/{endpoint_id}/test", headers=key)
        assert made.status_code == 202, made.text
        await sent(notifier)
        receiver.answer = says("204 No Content")
        await notifier.move_clock(timedelta(seconds=10))
        await sent(notifier)
        shown = (await notifier.client.get(f"/v1/deliveries/{made.json()['id']}", headers=key)).json()
    first, second = receiver.hooks
    assert first.body == second.body
    body = json.loads(first.body)
    assert body["type"] == "endpoint.test"
    assert body["data"]["endpoint_id"] == str(endpoint_id)
    assert shown["state"] == "delivered"
    assert [each["body_sha256"] for each in shown["attempts"]] == [sha256(first.body).hexdigest()] * 2


async def test_the_digest_of_a_mail_is_that_of_what_was_sent(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.feed(badge.issued(), badge.recorded())
    async with notifier.mailing():
        await notifier.settled("mail")
    [path] = notifier.settings.mail_folder.glob("*.eml")
    digest: bytes = await notifier.value("select body_sha256 from attempts")
    assert digest == sha256(path.read_bytes()).digest()


async def test_an_owner_hears_that_an_endpoint_is_enabled_again_and_not_that_it_was_all_along(
    notifier: Notifier,
) -> None:
    tenant = new_id()
    async with notifier.serving():
        endpoint_id, _ = await notifier.endpoint(tenant, "https://hooks.example/", contact="it@north.example")
        key = await notifier.key(tenant)
        path = f"/v1/endpoints/{endpoint_id}/enable"
        await notifier.client.post(path, headers=key)
        assert await notifier.value("select count(*) from deliveries") == 0
        await notifier.value("update endpoints set disabled_at = laurel_clock(), disabled_reason = 'gone' returning 1")
        assert (await notifier.client.post(path, headers=key)).json()["state"] == "enabled"
        async with notifier.mailing():
            await notifier.settled("mail")
    [mail] = [path.read_text() for path in notifier.settings.mail_folder.glob("*.eml")]
    assert "Subject: Your endpoint is delivered to again" in mail
    assert "To: it@north.example" in mail


async def test_every_type_of_events_has_a_schema_that_needs_no_key(notifier: Notifier) -> None:
    async with notifier.serving():
        listed = (await notifier.client.get("/v1/event-types")).json()["items"]
        for each in listed:
            answer = await notifier.client.get(each["schema_url"])
            assert answer.headers["content-type"] == "application/schema+json"
            assert answer.json()["properties"]["type"]["const"] == each["type"]
        assert (await notifier.client.get("/v1/event-types/credential.forged")).status_code == 404
    assert len(listed) == 9


@pytest.mark.parametrize("members", [{"from": "2026-01-02"}, {"state": "waiting"}, {"types": ["x"]}, {"to": None}])
async def test_a_range_that_is_none_is_422(notifier: Notifier, members: dict[str, Any]) -> None:
    async with notifier.serving():
        answer = await replay(notifier, await notifier.key(new_id()), **members)
    assert answer.status_code == 422
