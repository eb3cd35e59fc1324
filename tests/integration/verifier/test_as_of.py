"""Asked about a time, the verifier answers of that time: by every way of asking, recorded and told as such."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from services.verifier.fetched import Copies
from shared.credentials.proofs import sign
from shared.credentials.status import MIN_BITS, status_list_credential
from shared.messaging.events import CredentialState, HistoryEntry, StandingEntry
from tests.integration.verifier.builders import Institution, now
from tests.integration.verifier.conftest import Verifier, outcomes, pool
from tests.integration.verifier.test_looking_into import KEY, METHOD, UNI, Web, a_job, a_list, statuses
from tests.integration.verifier.test_pages import give, headline
from tests.support.records import beats

DAY = timedelta(days=1)


def said(report: dict[str, Any]) -> tuple[str, str | None]:
    return report["verdict"], report["reason"]


def text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def changed(oak: Institution, badge: dict[str, Any], *changes: tuple[str, datetime]) -> CredentialState:
    """A badge's state with its whole history, a change after another."""
    history = tuple(
        HistoryEntry(version=version, type=kind, time=time, event_id=uuid4())
        for version, (kind, time) in enumerate(changes, start=1)
    )
    status = "issued" if changes[-1][0] == "reinstated" else changes[-1][0]
    return oak.credential(badge, status, version=len(changes), history=history)


ISSUED_AT = now() - 100 * DAY
REVOKED_AT = now() - 10 * DAY


@pytest.fixture
async def oak(served: Verifier) -> Institution:
    """An institution that the verifier knows, and of which it has heard all."""
    made = Institution()
    await served.feed(made.state(), made.key_state())
    await served.hear(beats())
    return made


async def known(served: Verifier, oak: Institution, *changes: tuple[str, datetime], **members: Any) -> dict[str, Any]:
    """A badge, signed when it was issued, of which these changes were told."""
    badge = oak.badge(created=ISSUED_AT, **members)
    await served.feed(changed(oak, badge, ("issued", ISSUED_AT + timedelta(seconds=1)), *changes))
    return badge


async def test_a_badge_that_was_revoked_since_was_valid_before_and_is_not_after(
    served: Verifier, oak: Institution
) -> None:
    badge = await known(served, oak, ("revoked", REVOKED_AT))
    before = await served.verify(badge, as_of=text(REVOKED_AT - DAY))
    assert said(before) == ("valid", None)
    assert datetime.fromisoformat(before["as_of"]) == REVOKED_AT - DAY
    assert outcomes(before)["history"] == "pass"
    assert said(await served.verify(badge, as_of=text(REVOKED_AT))) == ("invalid", "revoked")
    assert said(await served.verify(badge)) == ("invalid", "revoked")
    assert said(await served.verify(badge, as_of=text(ISSUED_AT - DAY))) == ("invalid", "not_yet_issued")


async def test_a_suspension_counts_while_it_lasted(served: Verifier, oak: Institution) -> None:
    badge = await known(served, oak, ("suspended", now() - 20 * DAY), ("reinstated", REVOKED_AT))
    ages = {30: ("valid", None), 15: ("invalid", "suspended"), 5: ("valid", None)}
    for days, expected in ages.items():
        assert said(await served.verify(badge, as_of=text(now() - days * DAY))) == expected


async def test_an_expired_badge_was_valid_before_it_expired(served: Verifier, oak: Institution) -> None:
    badge = await known(served, oak, valid_until=REVOKED_AT)
    assert said(await served.verify(badge)) == ("invalid", "expired")
    assert said(await served.verify(badge, as_of=text(REVOKED_AT - DAY))) == ("valid", None)


async def test_a_key_counts_for_what_it_signed_while_in_use_whenever_one_asks(
    served: Verifier, oak: Institution
) -> None:
    badge = await known(served, oak)
    await served.feed(oak.key_state(version=2, retired_at=REVOKED_AT))
    for days in (20, 5):
        assert said(await served.verify(badge, as_of=text(now() - days * DAY))) == ("valid", None)
    await served.feed(oak.key_state(version=3, retired_at=ISSUED_AT - DAY))
    assert said(await served.verify(badge, as_of=text(now() - 5 * DAY))) == ("invalid", "key_retired")


async def test_the_issuers_standing_is_that_of_then_or_not_known(served: Verifier, oak: Institution) -> None:
    badge = await known(served, oak)
    await served.feed(oak.state(version=2, standing="withdrawn"))
    then = text(REVOKED_AT - DAY)
    not_told = await served.verify(badge, as_of=then)
    assert (not_told["verdict"], not_told["issuer"]["standing"]) == ("valid", "unknown")
    assert "standing_not_known_then" in {each["code"] for each in not_told["checks"]}
    page = await give(served, text=json.dumps(badge), as_of=then[:10])
    assert "Whether it was registered here then is not known." in page.text
    standings = (
        StandingEntry(version=1, standing="registered", time=ISSUED_AT - DAY),
        StandingEntry(version=2, standing="registered", time=ISSUED_AT),
        StandingEntry(version=3, standing="withdrawn", time=REVOKED_AT),
    )
    await served.feed(oak.state(version=3, standing="withdrawn", standings=standings))
    assert (await served.verify(badge, as_of=then))["issuer"]["standing"] == "registered"
    assert (await served.verify(badge, as_of=text(REVOKED_AT)))["issuer"]["standing"] == "unknown"


async def test_a_history_that_is_not_here_whole_is_unknown(served: Verifier, oak: Institution) -> None:
    badge = oak.badge(created=ISSUED_AT)
    await served.feed(oak.credential(badge, "revoked"))
    assert said(await served.verify(badge, as_of=text(now() - DAY))) == ("unknown", "history_incomplete")


async def test_a_time_to_come_is_a_problem_by_every_way_of_asking(served: Verifier, oak: Institution) -> None:
    badge, ahead = await known(served, oak), text(now() + timedelta(minutes=2))
    employer = await served.employer()
    for route, body, headers in (
        ("", {"credential": badge}, {}),
        ("", {"url": "https://nowhere.example/badge"}, {}),
        ("/batch", {"credentials": [badge]}, employer),
    ):
        answer = await served.client.post(f"/v1/verifications{route}", json=body | {"as_of": ahead}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "as_of_in_future")
    soon = await served.verify(badge, as_of=text(now() + timedelta(seconds=5)))
    assert said(soon) == ("valid", None)


@pytest.mark.parametrize("value", ["2026-03-31", "2026-03-31T12:00:00", "yesterday", 1_700_000_000, ""])
async def test_what_is_no_time_with_its_offset_is_refused(served: Verifier, value: Any) -> None:
    answer = await served.client.post("/v1/verifications", json={"credential": {}, "as_of": value})
    assert answer.status_code == 422
    form = await served.client.post("/v1/verifications", files={"file": b"{}"}, data={"as_of": str(value)})
    assert form.status_code == 422


async def test_files_and_batches_are_asked_about_a_time_and_an_answer_is_kept_and_told_as_of_it(
    served: Verifier, oak: Institution
) -> None:
    badge, employer = await known(served, oak, ("revoked", REVOKED_AT)), await served.employer()
    then = REVOKED_AT - DAY
    answer = await served.client.post(
        "/v1/verifications",
        files={"file": json.dumps(badge).encode()},
        data={"as_of": text(then)},
        headers=employer,
    )
    assert said(answer.json()) == ("valid", None)
    body = {"credentials": [badge, badge], "as_of": text(then)}
    batch = await served.client.post("/v1/verifications/batch", json=body, headers=employer)
    assert [said(each) for each in batch.json()["results"]] == [("valid", None)] * 2
    for each in (answer.json(), *batch.json()["results"]):
        kept = (await served.client.get(f"/v1/verifications/{each['id']}", headers=employer)).json()
        assert (datetime.fromisoformat(kept["as_of"]), kept["verdict"]) == (then, "valid")
    told = await served.rows("select convert_from(value, 'utf8') from outbox where topic = 'verifier.events.v1'")
    assert [datetime.fromisoformat(json.loads(value)["as_of"]) for (value,) in told] == [then] * 3


async def test_the_page_answers_of_the_end_of_a_day(served: Verifier, oak: Institution) -> None:
    badge = json.dumps(await known(served, oak, ("revoked", REVOKED_AT)))
    day = f"{REVOKED_AT - DAY:%Y-%m-%d}"
    assert headline(await give(served, text=badge, as_of=day)).startswith(f"As of {day}: Valid")
    assert headline(await give(served, text=badge, as_of=f"{REVOKED_AT:%Y-%m-%d}")).startswith("As of")
    assert headline(await give(served, text=badge, as_of=f"{now():%Y-%m-%d}")).startswith("Not valid: revoked")
    for wrong in (f"{now() + 2 * DAY:%Y-%m-%d}", "soon"):
        assert (await give(served, text=badge, as_of=wrong)).status_code == 422


async def test_a_list_elsewhere_answers_of_then_only_where_it_is_kept_for_then() -> None:
    """One server keeps its past; one does not know `timestamp` and gives the list of today; one has nothing."""
    web, then = Web(), now() - timedelta(minutes=30)
    asked = f"?timestamp={quote(text(then).replace('Z', '+00:00'), safe='')}"
    for number in (1, 2, 3):
        web.publish(a_list(number))
    web.pages[f"{a_list(1)}{asked}"] = web.pages[a_list(1)]
    today = status_list_credential(
        list_url=a_list(2), issuer=UNI, purpose="revocation", bits=bytearray(MIN_BITS // 8),
        valid_from=now() - timedelta(minutes=1), valid_until=now() + DAY, ttl=timedelta(minutes=5),
    )  # fmt: skip
    web.pages[f"{a_list(2)}{asked}"] = sign(today, KEY, METHOD, now() - timedelta(minutes=1))
    of_now = [a_job(a_list(number)) for number in (1, 2, 3)]
    of_then = [job.model_copy(update={"as_of": then}) for job in of_now]
    copies = Copies(web)
    async with pool() as workers:
        for _ in range(2):  # what is kept of the one time is not taken for the other
            assert await statuses(of_now, workers, copies) == ["pass", "pass", "pass"]
            assert await statuses(of_then, workers, copies) == ["pass", "unknown", "unknown"]
