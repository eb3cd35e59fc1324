"""Whoever looks after an endpoint hears that it was disabled or enabled again: its contact, or the account's mails."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from services.notifier.store.deliveries import add_for_owner
from shared.ids import new_id
from tests.integration.notifier.conftest import OWN, Notifier
from tests.integration.notifier.mailing import mailed, outcomes
from tests.integration.notifier.owners import (
    CONTACT,
    DISABLED,
    ENABLED,
    FIRST,
    SECOND,
    gone,
    mail_endpoint,
    said,
    suppress,
    told,
)
from tests.support.mailbox import taking_mail


async def test_without_a_contact_the_accounts_other_mail_endpoints_are_told_once_each_whatever_their_filter(
    notifier: Notifier,
) -> None:
    tenant = new_id()
    await mail_endpoint(notifier, tenant, FIRST)
    await mail_endpoint(notifier, tenant, FIRST.upper())
    await mail_endpoint(notifier, tenant, SECOND, ["watch.changed"])
    await mail_endpoint(notifier, new_id(), "stranger@south.example")
    off = await mail_endpoint(notifier, tenant, "off@north.example")
    await notifier.value("update endpoints set disabled_at = laurel_clock() where id = $1 returning id", off)
    await notifier.endpoint(tenant, "mailto:unconfirmed@north.example")
    async with taking_mail() as box:
        endpoint_id = await gone(notifier, tenant)
        await mailed(notifier, box)
    assert await notifier.value("select count(*) from deliveries where type = 'endpoint.disabled'") == 2
    notices = [mail for mail in box.mails if mail["Subject"] == DISABLED]
    assert sorted(mail["X-Envelope-To"].lower() for mail in notices) == [FIRST, SECOND]
    for mail in notices:
        assert f"/v1/endpoints/{endpoint_id}/enable" in said(mail)
        assert "no contact who can be told" in said(mail)


async def test_where_there_is_a_contact_nobody_else_is_told(notifier: Notifier) -> None:
    tenant = new_id()
    await mail_endpoint(notifier, tenant, FIRST)
    async with taking_mail() as box:
        await gone(notifier, tenant, CONTACT)
        await mailed(notifier, box)
    assert told(box) == [(CONTACT, DISABLED)]
    assert "You are this endpoint's contact." in said(box.mails[0])


@pytest.mark.parametrize("reason", ["bounced", "unsubscribed"])
async def test_a_contact_that_may_not_be_written_to_is_none(notifier: Notifier, reason: str) -> None:
    tenant = new_id()
    await suppress(notifier, tenant, CONTACT, reason)
    await mail_endpoint(notifier, tenant, FIRST)
    async with taking_mail() as box:
        await gone(notifier, tenant, CONTACT)
        await mailed(notifier, box)
    assert told(box) == [(FIRST, DISABLED)]


@pytest.mark.parametrize("reason", ["bounced", "unsubscribed"])
async def test_a_contact_that_may_be_written_to_no_more_when_its_notice_goes_out_passes_it_on(
    notifier: Notifier, reason: str
) -> None:
    tenant = new_id()
    await mail_endpoint(notifier, tenant, FIRST)
    async with taking_mail() as box:
        await gone(notifier, tenant, CONTACT)
        await suppress(notifier, tenant, CONTACT, reason)
        await mailed(notifier, box)
        await mailed(notifier, box)
    assert told(box) == [(FIRST, DISABLED)]


async def test_the_whole_address_of_a_webhook_is_told_to_its_contact_alone(notifier: Notifier) -> None:
    tenant = new_id()
    await mail_endpoint(notifier, tenant, FIRST)
    async with taking_mail() as box:
        ids = [await gone(notifier, tenant, contact) for contact in (CONTACT, None)]
        await mailed(notifier, box)
    urls = [await notifier.value("select url from endpoints where id = $1", each) for each in ids]
    mails = {mail["X-Envelope-To"]: said(mail) for mail in box.mails}
    assert urls[0] in mails[CONTACT]
    assert urls[1] not in mails[FIRST]
    assert f"https://{urlsplit(urls[1]).netloc}/..." in mails[FIRST]


async def test_where_nobody_can_be_told_the_list_of_endpoints_shows_it(notifier: Notifier) -> None:
    tenant = new_id()
    endpoint_id = await gone(notifier, tenant)
    assert await notifier.value("select count(*) from deliveries where channel = 'mail'") == 0
    async with notifier.serving():
        key = await notifier.key(tenant)
        [shown] = (await notifier.client.get("/v1/endpoints", headers=key)).json()["items"]
    assert (shown["id"], shown["state"], shown["disabled_reason"]) == (str(endpoint_id), "disabled", "gone")


async def test_who_hears_that_it_was_disabled_hears_that_it_is_enabled_again_and_the_log_says_who_that_is(
    notifier: Notifier,
) -> None:
    tenant = new_id()
    first, second = [await mail_endpoint(notifier, tenant, each) for each in (FIRST, SECOND)]
    async with taking_mail() as box, notifier.serving():
        endpoint_id, key = await gone(notifier, tenant), await notifier.key(tenant)
        await mailed(notifier, box)
        box.mails.clear()
        for _ in range(2):
            answer = await notifier.client.post(f"/v1/endpoints/{endpoint_id}/enable", headers=key)
            assert answer.json()["state"] == "enabled"
        await mailed(notifier, box)
        log = (await notifier.client.get("/v1/deliveries", headers=key)).json()["items"]
    assert told(box) == [(FIRST, ENABLED), (SECOND, ENABLED)]
    ways = [(each["endpoint_id"], each["via_endpoint_id"]) for each in log if each["type"] == "endpoint.enabled"]
    assert sorted(ways) == sorted((str(endpoint_id), str(each)) for each in (first, second))


async def test_a_mail_endpoint_that_is_enabled_again_is_told_of_to_others_and_not_to_itself(notifier: Notifier) -> None:
    tenant = new_id()
    first, _ = [await mail_endpoint(notifier, tenant, each) for each in (FIRST, SECOND)]
    await notifier.rows("update endpoints set disabled_at = laurel_clock() where id = $1", first)
    async with taking_mail() as box, notifier.serving():
        await notifier.client.post(f"/v1/endpoints/{first}/enable", headers=await notifier.key(tenant))
        await mailed(notifier, box)
    assert told(box) == [(SECOND, ENABLED)]


async def test_a_notice_can_be_unsubscribed_from_as_all_mails_to_that_address(notifier: Notifier) -> None:
    tenant = new_id()
    await mail_endpoint(notifier, tenant, FIRST)
    async with taking_mail() as box, notifier.serving():
        await gone(notifier, tenant)
        await mailed(notifier, box)
        place = box.mails[0]["List-Unsubscribe"].strip("<>").replace(" ", "").removeprefix(OWN)
        assert (await notifier.client.post(place)).status_code == 200
        await gone(notifier, tenant)
        await mailed(notifier, box)
    assert len(box.mails) == 1
    assert ("refused", None, "unsubscribed") in await outcomes(notifier)
    assert await notifier.value("select count(*) from endpoints where url like 'mailto:%' and disabled_at is null") == 1


@pytest.mark.parametrize("change", ["delete from endpoints", "update endpoints set disabled_at = laurel_clock()"])
async def test_a_mail_endpoint_that_is_none_any_more_is_not_told_of_others(notifier: Notifier, change: str) -> None:
    tenant = new_id()
    via = await mail_endpoint(notifier, tenant, FIRST)
    async with taking_mail() as box:
        await gone(notifier, tenant)
        await notifier.value(f"{change} where id = $1 returning id", via)
        await mailed(notifier, box)
    assert box.mails == []
    assert ("refused", None, "nobody_to_tell") in await outcomes(notifier)


async def test_a_notice_does_not_wait_for_the_patience_that_the_endpoint_asked_for(notifier: Notifier) -> None:
    tenant = new_id()
    async with taking_mail() as box:
        endpoint_id = await gone(notifier, tenant, CONTACT)
        pause = "update endpoints set paused_until = laurel_clock() + $2::interval where id = $1 returning id"
        await notifier.value(pause, endpoint_id, timedelta(hours=24))
        await mailed(notifier, box)
    assert told(box) == [(CONTACT, DISABLED)]


@pytest.mark.parametrize(
    ("address", "why"), [(FIRST, "dass dort niemand liest"), ("https://hooks.example/", "mit 410 Gone geantwortet")]
)
async def test_a_german_account_is_told_in_german_why(notifier: Notifier, address: str, why: str) -> None:
    tenant = new_id()
    await mail_endpoint(notifier, tenant, SECOND)
    url = address if address.startswith("https:") else f"mailto:{address}"
    endpoint_id, _ = await notifier.endpoint(tenant, url)
    gone = "update endpoints set disabled_at = laurel_clock(), disabled_reason = 'gone', confirmed_at = laurel_clock()"
    await notifier.rows(f"{gone} where id = $1", endpoint_id)
    await notifier.rows("insert into mail_settings (tenant_id, language) values ($1, 'de')", tenant)
    async with notifier.worker.transaction() as tx:
        await add_for_owner(tx, endpoint_id, "endpoint.disabled", None)
    async with taking_mail() as box:
        await mailed(notifier, box)
    [mail] = box.to(SECOND)
    assert mail["Subject"] == "Ihr Endpunkt wurde abgeschaltet"
    assert f"sendet nicht mehr an {address}" in said(mail)
    assert why in said(mail)
    assert "keinen Kontakt" in said(mail)
