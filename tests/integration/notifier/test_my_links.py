"""Links by mail address: the same answer whether it is known or not, and the mail to nobody but its owner."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from services.notifier import handlers
from services.notifier.domain import MAX_LINKS
from services.notifier.post import SmtpPost
from shared.ids import new_id
from tests.integration.notifier.builders import EMAIL, PERSONAL, Badge, institution
from tests.integration.notifier.conftest import PLACES, PUBLIC_URL, Notifier
from tests.integration.notifier.mailing import Seen, mailed, outcomes
from tests.support.mailbox import taking_mail
from tests.support.poll import eventually
from tests.support.records import delivery
from tests.support.service import OPERATOR

ADA, BOB = "ada@learner.example", "bob@learner.example"
ATTACK = '<script src="https://evil.example/x.js"></script>\r\nBcc: eve@evil.example\u2028Pay here'
BROWSER = {"Accept": "text/html"}


async def issued(notifier: Notifier, *badges: Badge, **how: Any) -> None:
    """Let badges be issued and recorded, and their own mails be done with."""
    await notifier.feed(*[badge.issued(**how) for badge in badges], *[badge.recorded() for badge in badges])
    await notifier.rows("delete from deliveries returning id")


async def ask(notifier: Notifier, email: Any, headers: Mapping[str, str] | None = None) -> httpx.Response:
    return await notifier.client.post("/v1/my-links", json={"email": email}, headers=headers)


async def asked(notifier: Notifier, *emails: str) -> list[httpx.Response]:
    """Ask for the links of each address."""
    async with notifier.serving():
        return [await ask(notifier, email) for email in emails]


async def remaining(notifier: Notifier) -> tuple[int, int]:
    """How many requests wait, and how many deliveries."""
    waiting = "select count(*) from deliveries where state = 'waiting'"
    return await notifier.value("select count(*) from link_requests"), await notifier.value(waiting)


def body(mail: Any, kind: str) -> str:
    part: str = mail.get_body((kind,)).get_content()
    return part


def links(badge: Badge) -> str:
    return f"{PUBLIC_URL}/credentials/{badge.id}?owner={badge.token}"


async def test_one_mail_lists_every_badge_of_the_address_the_newest_first(notifier: Notifier) -> None:
    tenant, now = new_id(), datetime.now(UTC)
    await notifier.keep(delivery(institution(tenant, "North Academy")))
    old, new = (Badge(tenant, ADA, token=f"token-{name}", name=name) for name in ("Welding", "Riveting"))
    await issued(notifier, old, time=now - timedelta(days=400))
    await issued(notifier, new, time=now)
    assert [each.status_code for each in await asked(notifier, ADA)] == [202]
    async with taking_mail() as box:
        [mail] = await mailed(notifier, box)
    assert mail["To"] == mail["X-Envelope-To"] == ADA
    assert mail["From"] == "Laurel <badges@laurel.example>"
    for part in (body(mail, "plain"), Seen(body(mail, "html")).text):
        for said in ("Welding", "Riveting", "North Academy", f"{now.day} {now:%B %Y}", links(old), links(new)):
            assert said in part
        assert part.index("Riveting") < part.index("Welding")
        assert PLACES.my_links
        assert PLACES.my_links in part
    assert list(mail.iter_attachments()) == []
    assert await outcomes(notifier) == [("accepted", 250, None)]


async def test_known_and_unknown_addresses_get_the_same_answer(notifier: Notifier) -> None:
    await issued(notifier, Badge(email=ADA))
    answers = await asked(notifier, ADA, "nobody@learner.example")
    assert [(each.status_code, each.json()) for each in answers] == [(202, {"status": "accepted"})] * 2
    # But for the time and the connection, the very same headers.
    ours = [{name: value for name, value in each.headers.items() if name != "date"} for each in answers]
    assert ours[0] == ours[1]
    stored = "select type, channel, state, tenant_id, credential_id, attempts from deliveries"
    first, second = await notifier.rows(stored)
    assert first == second


async def test_a_request_runs_the_same_statements_whatever_the_address(notifier: Notifier) -> None:
    await issued(notifier, Badge(email=ADA))
    ran: list[str] = []
    async with notifier.worker.transaction() as tx:
        with tx.query_logger(lambda query: ran.append(query.query)):
            for email in (ADA, BOB):
                await handlers.ask_for_links(tx, email)
        await eventually(lambda: len(ran) == 4)
    assert ran[:2] == ran[2:]
    assert not any("recipients" in statement for statement in ran)


async def test_nobody_found_ends_without_a_mail_and_the_request_is_gone(notifier: Notifier) -> None:
    await asked(notifier, "nobody@learner.example")
    assert await remaining(notifier) == (1, 1)
    async with taking_mail() as box:
        assert await mailed(notifier, box) == []
    assert await outcomes(notifier) == [("refused", None, "nobody_to_tell")]
    assert await remaining(notifier) == (0, 0)


@pytest.mark.parametrize("typed", ["ADA@Learner.EXAMPLE", "  ada@learner.example "])
async def test_case_and_spaces_make_no_other_address(notifier: Notifier, typed: str) -> None:
    badges = [Badge(email=each) for each in ("Ada@Learner.example", "ada@learner.example ")]
    await issued(notifier, *badges)
    await asked(notifier, typed)
    async with taking_mail() as box:
        [mail] = await mailed(notifier, box)
    assert all(links(badge) in body(mail, "plain") for badge in badges)


async def test_the_mail_goes_where_the_badge_went_and_not_to_what_was_typed(notifier: Notifier) -> None:
    await issued(notifier, Badge(email="Ada.L@learner.example"))
    await asked(notifier, "ada.l@LEARNER.example")
    async with taking_mail() as box:
        [mail] = await mailed(notifier, box)
    assert mail["X-Envelope-To"] == "Ada.L@learner.example"


async def test_nobody_elses_badge_is_in_the_mail(notifier: Notifier) -> None:
    near = [BOB, f"{ADA}.evil.example", "a.da@learner.example", "ad\u0251@learner.example", "%@learner.example"]
    # In lower case, some say, the capital dotted I and the Kelvin sign are letters of ASCII.
    near += ["K\u0130M@learner.example", "\u212aim@learner.example"]
    own = Badge(email=ADA, token="own")
    await issued(notifier, own, *[Badge(email=each, token=f"other-{number}") for number, each in enumerate(near)])
    await asked(notifier, ADA, "kim@learner.example")
    async with taking_mail() as box:
        [mail] = await mailed(notifier, box)
    for kind in ("plain", "html"):
        assert links(own) in body(mail, kind)
        assert "owner=other" not in body(mail, kind)


async def test_a_badge_that_is_not_recorded_yet_is_not_listed(notifier: Notifier) -> None:
    await notifier.feed(Badge(email=ADA).issued())
    await asked(notifier, ADA)
    async with taking_mail() as box:
        assert await mailed(notifier, box) == []


async def test_of_very_many_badges_the_newest_hundred_are_listed(notifier: Notifier) -> None:
    badges = [Badge(email=ADA, name=f"Badge number {number}") for number in range(MAX_LINKS + 1)]
    for age, badge in enumerate(badges):
        await notifier.feed(badge.issued(datetime.now(UTC) - timedelta(days=100 + age)), badge.recorded())
    await notifier.rows("delete from deliveries returning id")
    await asked(notifier, ADA)
    async with taking_mail() as box:
        [mail] = await mailed(notifier, box)
    assert body(mail, "plain").count("?owner=") == body(mail, "html").count("</bdi></strong>") == MAX_LINKS
    assert links(badges[-1]) not in body(mail, "plain")
    assert "These are the newest 100." in body(mail, "plain")


async def test_an_address_is_written_to_once_in_ten_minutes_however_often_it_is_asked_for(notifier: Notifier) -> None:
    await issued(notifier, Badge(email=ADA), Badge(email=BOB))
    answers = await asked(notifier, ADA, ADA.upper(), ADA, BOB)
    assert {each.status_code for each in answers} == {202}
    async with taking_mail() as box:
        await mailed(notifier, box)
        assert sorted(mail["X-Envelope-To"] for mail in box.mails) == [ADA, BOB]
        ended = [error for _, _, error in await outcomes(notifier)]
        assert sorted(ended, key=str) == [None, None, "told_already", "told_already"]
        await notifier.move_clock(timedelta(minutes=9))
        await asked(notifier, ADA)
        assert len(await mailed(notifier, box)) == 2
        await notifier.move_clock(timedelta(minutes=11))
        await asked(notifier, ADA)
        assert len(await mailed(notifier, box)) == 3


async def test_a_mail_that_the_server_does_not_take_yet_is_tried_again_as_the_same_one(notifier: Notifier) -> None:
    await issued(notifier, Badge(email=ADA))
    await asked(notifier, ADA)
    async with notifier.mailing(SmtpPost.from_url("smtp://127.0.0.1:1")):
        await notifier.settled("mail")
    assert await remaining(notifier) == (1, 1)
    await notifier.move_clock(timedelta(seconds=10))
    async with taking_mail() as box:
        assert len(await mailed(notifier, box)) == 1
    assert await remaining(notifier) == (0, 0)


async def test_a_request_that_is_not_answered_within_a_day_is_forgotten(notifier: Notifier) -> None:
    await asked(notifier, ADA)
    for hours, kept in ((23, 1), (25, 0)):
        await notifier.move_clock(timedelta(hours=hours))
        async with notifier.worker.transaction() as tx:
            await handlers.forget_what_has_served(tx)
        assert (await remaining(notifier))[0] == kept


async def test_a_worker_forgets_by_itself_and_keeps_deliveries_for_a_month(notifier: Notifier) -> None:
    await issued(notifier, Badge(email=ADA))
    await asked(notifier, ADA)
    async with notifier.mailing():
        await notifier.settled("mail")
    assert await notifier.value("select count(*) from link_mails") == 1

    async def forgotten() -> bool:
        return await notifier.rows("select (select count(*) from link_mails), count(*) from deliveries") == [(0, 1)]

    await notifier.move_clock(timedelta(days=29))
    async with notifier.serving("worker"):
        await eventually(forgotten)
    await notifier.move_clock(timedelta(days=31))
    async with notifier.worker.transaction() as tx:
        await handlers.forget_what_has_served(tx)
    assert await notifier.value("select count(*) from deliveries") == 0


@pytest.mark.parametrize("table", ["link_requests", "link_mails"])
async def test_the_apis_role_reads_nothing_of_what_was_asked(notifier: Notifier, table: str) -> None:
    await issued(notifier, Badge(email=ADA))
    await asked(notifier, ADA, BOB)
    async with notifier.worker.transaction() as tx:
        await tx.execute("insert into link_mails values ('x', gen_random_uuid(), laurel_clock())")
    app = await asyncpg.connect(notifier.clean.app)
    try:
        await app.execute("select set_config('app.tenant', '00000000-0000-0000-0000-000000000000', false)")
        assert await app.fetch(f"select * from {table}") == []
        assert await app.execute(f"delete from {table}") == "DELETE 0"
        assert await app.execute(f"update {table} set address = address") == "UPDATE 0"
    finally:
        await app.close()
    assert await notifier.value(f"select count(*) from {table}") > 0


async def test_operators_see_such_a_delivery_without_a_name_and_tenants_never(notifier: Notifier) -> None:
    badge = Badge(email=EMAIL)
    await issued(notifier, badge)
    await asked(notifier, EMAIL)
    async with notifier.mailing():
        await notifier.settled("mail")
    async with notifier.serving():
        shown = (await notifier.client.get("/v1/deliveries", headers=OPERATOR)).json()
        [listed] = shown["items"]
        assert (listed["type"], listed["channel"], listed["state"]) == ("my-links", "mail", "delivered")
        assert (listed["credential_id"], listed["endpoint_id"]) == (None, None)
        assert not any(planted in str(shown) for planted in (*PERSONAL, str(badge.id)))
        key = await notifier.key(badge.institution_id)
        assert (await notifier.client.get("/v1/deliveries", headers=key)).json()["items"] == []
        for path in (f"/v1/deliveries/{listed['id']}", f"/v1/deliveries?event_id={listed['event_id']}"):
            assert (await notifier.client.get(path, headers=key)).status_code == 404


async def test_the_ledger_does_not_speak_of_requests_for_links(notifier: Notifier) -> None:
    await asked(notifier, ADA)
    async with notifier.serving():
        answer = await notifier.client.get("/v1/ops/ledger", headers=OPERATOR)
    assert "delivery" not in answer.text
    assert "my-links" not in answer.text


async def test_no_metric_tells_how_a_request_ended(notifier: Notifier) -> None:
    await issued(notifier, Badge(email=ADA))

    async def attempted() -> list[str]:
        metrics = (await notifier.client.get("/metrics")).text
        return [line for line in metrics.splitlines() if line.startswith("laurel_delivery_attempts_total")]

    async with notifier.serving():
        before = await attempted()
        for email in (ADA, BOB):
            await ask(notifier, email)
        async with notifier.mailing():
            await notifier.settled("mail")
        assert len(await outcomes(notifier)) == 2
        assert await attempted() == before


@pytest.mark.parametrize(
    "email",
    [
        "", "ada", "ada@", "ada@learner.example, bob@learner.example", "ada@learner.example\r\nBcc: x@evil.example",
        "Ada <ada@learner.example>", "\u00fcnal@learner.example", "a@r\u0430ypal.example", f"{'a' * 400}@x.example",
        None, 1, [], {},
    ],
)  # fmt: skip
async def test_a_malformed_address_is_422_and_leaves_nothing(notifier: Notifier, email: Any) -> None:
    async with notifier.serving():
        answer = await ask(notifier, email)
        extra = await notifier.client.post("/v1/my-links", json={"email": ADA, "tenant_id": "x"})
    assert (answer.status_code, extra.status_code) == (422, 422)
    assert await remaining(notifier) == (0, 0)


async def test_one_network_address_asks_ten_times_an_hour(notifier: Notifier) -> None:
    async with notifier.serving():
        answers = [await ask(notifier, f"nobody-{number}@learner.example") for number in range(11)]
        page = await notifier.client.post("/my-links", data={"email": ADA}, headers=BROWSER)
    assert [each.status_code for each in answers] == [202] * 10 + [429]
    assert answers[-1].json()["code"] == "too_many_requests"
    assert answers[-1].headers["retry-after"] == "3600"
    assert page.status_code == 429
    assert page.headers["content-type"].startswith("text/html")


async def test_an_idempotency_key_changes_nothing(notifier: Notifier) -> None:
    async with notifier.serving():
        answers = [await ask(notifier, email, {"Idempotency-Key": "one"}) for email in (ADA, ADA, BOB)]
    assert {(each.status_code, each.text) for each in answers} == {(202, '{"status":"accepted"}')}
    assert await notifier.value("select count(*) from idempotency") == 0


async def test_names_in_the_list_of_links_are_shown_and_not_obeyed(notifier: Notifier) -> None:
    tenant = new_id()
    await notifier.keep(delivery(institution(tenant, ATTACK)))
    await issued(notifier, Badge(tenant, ADA, name=ATTACK))
    await asked(notifier, ADA)
    async with taking_mail() as box:
        [mail] = await mailed(notifier, box)
    assert "Bcc" not in mail
    seen = Seen(body(mail, "html"))
    assert not seen.tags & {"script", "img"}
    assert seen.text.count("<script") == 2
    assert not any(line.startswith(("Bcc:", "Pay", "<script")) for line in body(mail, "plain").splitlines())
