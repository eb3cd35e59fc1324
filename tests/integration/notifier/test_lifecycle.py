"""Whoever is concerned hears of all that happens to a badge after its issue, and learners once."""

import json
from typing import Any

import pytest

from services.notifier.operations import lines
from shared.ids import new_id
from tests.integration.notifier.builders import EMAIL, PERSONAL, Badge
from tests.integration.notifier.conftest import PUBLIC_URL, Notifier
from tests.integration.notifier.mailing import mailed
from tests.integration.notifier.receiver import receiving
from tests.integration.notifier.telling import sent
from tests.support.mailbox import taking_mail

HOOK = "https://hooks.example/"
TOLD = "select channel, type from deliveries order by channel, type"


async def issued(notifier: Notifier, **members: Any) -> Badge:
    """A badge that was issued, and told of, before."""
    badge = Badge(**members)
    await notifier.feed(badge.issued(), badge.recorded())
    await notifier.value("delete from deliveries returning true")
    return badge


async def payloads(notifier: Notifier, badge: Badge, *records: Any) -> list[dict[str, Any]]:
    """What an endpoint of the badge's institution gets of some records."""
    async with receiving() as receiver:
        await notifier.endpoint(badge.institution_id, receiver.url)
        await notifier.feed(*records)
        await sent(notifier)
    assert not any(planted in hook.body.decode() for hook in receiver.hooks for planted in PERSONAL)
    return sorted((json.loads(hook.body) for hook in receiver.hooks), key=lambda each: str(each["type"]))


async def letters(notifier: Notifier) -> list[tuple[str, str]]:
    """The subjects and texts of the mails that are due."""
    async with taking_mail() as box:
        await mailed(notifier, box)
    found = [(mail, mail.get_body(("plain",))) for mail in box.mails]
    return [(mail["Subject"], " ".join(text.get_content().split())) for mail, text in found if text]


async def test_a_suspension_and_a_reinstatement_are_told_to_learner_and_institution(notifier: Notifier) -> None:
    badge = await issued(notifier)
    suspended, reinstated = badge.suspended(note="asks a question"), badge.reinstated()
    first, second = await payloads(notifier, badge, *suspended, *reinstated)
    assert (first["type"], first["data"]["status"]) == ("credential.reinstated", "issued")
    assert (second["type"], second["data"]["status"]) == ("credential.suspended", "suspended")
    (one, said), (two, _) = sorted(await letters(notifier))
    assert one == "Example University has suspended your badge “Fire safety”"
    assert "asks a question" in said
    assert two == "Your badge “Fire safety” holds again"


async def test_a_revocation_without_words_does_not_quote_those_of_a_suspension(notifier: Notifier) -> None:
    badge = await issued(notifier)
    await notifier.feed(*badge.suspended(note="asks a question"))
    await notifier.value("delete from deliveries returning true")
    await notifier.feed(badge.revoked(note=None), badge.recorded_revocation())
    [(_, said)] = await letters(notifier)
    assert "asks a question" not in said


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
async def test_of_a_replacement_a_learner_gets_one_mail_with_the_new_badge(
    notifier: Notifier, order: list[int]
) -> None:
    badge = await issued(notifier)
    other = Badge(badge.institution_id, token="the-new-one")
    records = badge.replaced_by(other)
    first, second = await payloads(notifier, badge, *(records[each] for each in order))
    assert (first["type"], first["data"]["credential_id"]) == ("credential.issued", str(other.id))
    assert first["data"]["replaces"] == str(badge.id)
    assert (second["type"], second["data"]["credential_id"]) == ("credential.replaced", str(badge.id))
    assert second["data"]["replaced_by"] == str(other.id)
    assert second["data"]["status"] == "revoked"
    [(subject, said)] = await letters(notifier)
    assert subject == "A new badge “Fire safety” takes the place of yours"
    assert f"{PUBLIC_URL}/credentials/{other.id}?owner=the-new-one" in said


async def test_whose_badge_was_replaced_at_another_address_hears_of_its_end(notifier: Notifier) -> None:
    badge = await issued(notifier)
    await notifier.feed(*badge.replaced_by(Badge(badge.institution_id, email="other@learner.example")))
    async with taking_mail() as box:
        await mailed(notifier, box)
    assert {mail["To"]: "revoked" in mail["Subject"] for mail in box.mails} == {
        EMAIL: True,
        "other@learner.example": False,
    }


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize("email", ["other@learner.example", None])
async def test_it_is_told_though_the_new_badge_has_no_address_or_is_heard_of_later(
    notifier: Notifier, email: str | None, late: bool
) -> None:
    badge = await issued(notifier)
    issue, *others = badge.replaced_by(Badge(badge.institution_id, email=email))
    for each in [*others, issue] if late else [issue, *others]:
        await notifier.feed(each)
    async with taking_mail() as box:
        await mailed(notifier, box)
    assert [mail["To"] for mail in box.mails if "revoked" in mail["Subject"]] == [EMAIL]


async def test_a_renewal_is_told_as_one(notifier: Notifier) -> None:
    badge = await issued(notifier)
    newer = Badge(badge.institution_id)
    [told] = await payloads(notifier, badge, newer.issued(renews=badge.id), newer.recorded())
    assert told["type"] == "credential.renewed"
    assert (told["data"]["credential_id"], told["data"]["renews"]) == (str(newer.id), str(badge.id))
    [(subject, _)] = await letters(notifier)
    assert subject == "Your badge “Fire safety” was renewed"


@pytest.mark.parametrize("url", ["https://north.example/renew", None])
async def test_that_a_badge_runs_out_is_told_at_once_with_where_to_renew_it(
    notifier: Notifier, url: str | None
) -> None:
    badge = await issued(notifier)
    [told] = await payloads(notifier, badge, badge.expiring(renewal_url=url))
    assert told["type"] == "credential.expiring"
    assert (told["data"]["version"], told["data"]["days"]) == (1, 30)
    assert told["data"]["links"].get("renewal") == url
    [(subject, said)] = await letters(notifier)
    assert subject == "Your badge “Fire safety” runs out on 1 March 2027"
    assert (url or f"{PUBLIC_URL}/credentials/{badge.id}?owner=") in said


@pytest.mark.parametrize("end", ["revoked", "renewed"])
async def test_nobody_is_asked_to_renew_what_has_ended_or_was_renewed_while_the_mail_waited(
    notifier: Notifier, end: str
) -> None:
    badge = await issued(notifier)
    newer = Badge(badge.institution_id)
    ending = [badge.revoked()] if end == "revoked" else [newer.issued(renews=badge.id), newer.recorded()]
    await notifier.feed(badge.expiring(), *ending)
    assert not [subject for subject, _ in await letters(notifier) if "runs out" in subject]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://x.example/\n\n## Pay here", "https://x.example/ Pay here"]
)
async def test_a_renewal_link_that_is_no_link_is_not_shown(notifier: Notifier, url: str) -> None:
    badge = await issued(notifier)
    await notifier.feed(badge.expiring(renewal_url=url))
    [(_, said)] = await letters(notifier)
    assert "javascript" not in said
    assert "Pay here" not in said
    assert f"{PUBLIC_URL}/credentials/{badge.id}?owner=" in said


async def test_what_a_watch_sees_is_told_to_its_employer_by_the_channels_it_chose_and_to_nobody_else(
    notifier: Notifier,
) -> None:
    employer, badge = new_id(), await issued(notifier)
    await notifier.endpoint(badge.institution_id, HOOK)
    hook, _ = await notifier.endpoint(employer, HOOK, kind="employer")
    mail, _ = await notifier.endpoint(employer, "mailto:hr@employer.example", kind="employer")
    await notifier.value("update endpoints set confirmed_at = laurel_clock() returning true")
    await notifier.value("delete from deliveries returning true")
    await notifier.feed(badge.watched(employer))
    assert await notifier.rows(TOLD) == []
    await notifier.feed(badge.watched(employer, "webhook"), badge.watched(employer, "mail"))
    assert set(await notifier.rows("select tenant_id, channel, target from deliveries")) == {
        (employer, "webhook", hook),
        (employer, "mail", mail),
    }


async def test_a_watchs_webhook_says_what_would_be_answered_now(notifier: Notifier) -> None:
    employer, badge = new_id(), Badge()
    async with receiving() as receiver:
        await notifier.endpoint(employer, receiver.url, kind="employer")
        seen = badge.watched(employer, "webhook")
        await notifier.feed(seen, seen)
        await sent(notifier)
    [hook] = receiver.hooks
    said = json.loads(hook.body)
    assert said["type"] == "watch.changed"
    assert said["data"]["change"] == "revoked"
    assert said["data"]["verdict"] == "invalid"
    assert "channels" not in said["data"]


async def test_the_ledger_tells_of_what_the_registry_records_and_no_more(notifier: Notifier) -> None:

    badge = Badge()
    await notifier.endpoint(badge.institution_id, HOOK)
    await notifier.feed(badge.issued(), badge.recorded(), *badge.suspended(), badge.expiring())
    await notifier.feed(badge.watched(badge.institution_id, "webhook"))
    async with notifier.worker.transaction() as tx:
        found = await lines(tx, None, 100)
    assert sum(line["kind"] == "notice" for line in found) == 2
    assert sum(line["kind"] == "delivery" for line in found) == 4
