"""A badge that runs out is renewed in one call: same learner and achievement, new dates; the old one runs out."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.issuer.conftest import Institution, Site

NOW = datetime.now(UTC).replace(microsecond=0)
YEAR = timedelta(days=365)
# Between two steps of a test; years are told apart by it.
A_WHILE = timedelta(hours=1)


def _text(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def _issued(institution: Institution, begins: datetime, ends: datetime | None, **members: Any) -> dict[str, Any]:
    dates = {"valid_from": _text(begins), "valid_until": _text(ends) if ends else None}
    answer = await institution.issue(await institution.achievement(), **dates, **members)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_renewal_loses_no_day_and_the_old_badge_stays_as_it_is(site: Site, north: Institution) -> None:
    begins, ends = NOW - YEAR + timedelta(days=30), NOW + timedelta(days=30)
    old = await _issued(north, begins, ends, renewable_until=_text(ends + timedelta(days=90)))
    new = (await north.change(old["id"], "renew")).json()
    assert _time(new["valid_until"]) == ends + YEAR
    assert _time(new["renewable_until"]) == ends + YEAR + timedelta(days=90)
    assert _time(new["issued_at"]) - _time(new["credential"]["validFrom"]) < A_WHILE
    assert (new["renews"], new["achievement_id"]) == (old["id"], old["achievement_id"])
    then = await north.credential(old["id"])
    assert (then["status"], then["state"], then["version"]) == ("issued", "renewed", 1)
    assert then["renewed_by"] == new["id"]
    assert await site.told("laurel.credential.status-changed.v1") == []
    assert (await site.told("laurel.credential.issued.v1"))[-1]["renews"] == old["id"]
    assert (await site.told("laurel.credential.state.v1"))[-1]["renews"] == old["id"]
    assert await site.rows("select from status_positions where raised") == []


async def test_dates_that_are_asked_for_hold_unless_they_end_before_the_old_ones(north: Institution) -> None:
    old = await _issued(north, NOW - YEAR, NOW + YEAR)
    early = await north.change(old["id"], "renew", valid_until=_text(NOW + YEAR))
    assert (early.status_code, early.json()["code"]) == (422, "renewal_ends_earlier")
    begins, ends = NOW + YEAR, NOW + 3 * YEAR
    new = (await north.change(old["id"], "renew", valid_from=_text(begins), valid_until=_text(ends))).json()
    assert (new["credential"]["validFrom"], new["credential"]["validUntil"]) == (_text(begins), _text(ends))


async def test_an_expired_badge_is_renewed_from_now_while_that_is_allowed(north: Institution) -> None:
    begins, ends = NOW - 2 * YEAR, NOW - YEAR
    late = await _issued(north, begins, ends)
    assert (await north.credential(late["id"]))["state"] == "expired"
    answer = await north.change(late["id"], "renew")
    assert (answer.status_code, answer.json()["code"]) == (409, "renewal_too_late")
    old = await _issued(north, begins, ends, renewable_until=_text(NOW + YEAR))
    new = (await north.change(old["id"], "renew")).json()
    assert abs(_time(new["valid_until"]) - _time(new["issued_at"]) - YEAR) < A_WHILE


async def test_a_badge_without_an_end_is_not_renewed_and_a_suspended_one_not_now(north: Institution) -> None:
    endless = await _issued(north, NOW, None)
    answer = await north.change(endless["id"], "renew")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_renewable")
    achievement = await north.achievement(suspendable=True)
    held = (await north.issue(achievement, valid_until=_text(NOW + YEAR))).json()
    await north.change(held["id"], "suspend", reason="other")
    answer = await north.change(held["id"], "renew")
    assert (answer.status_code, answer.json()["code"]) == (409, "status_does_not_allow")
    await north.change(held["id"], "reinstate", reason="other")
    assert (await north.change(held["id"], "renew")).status_code == 201


async def test_a_badge_is_renewed_once_and_its_renewal_can_be_renewed(north: Institution) -> None:
    old = await _issued(north, NOW - YEAR, NOW + YEAR)
    new = (await north.change(old["id"], "renew")).json()
    for command in ("renew", "replace"):
        again = await north.change(old["id"], command)
        assert (again.status_code, again.json()["code"], again.json()["id"]) == (409, "already_renewed", new["id"])
    assert (await north.change(new["id"], "renew")).status_code == 201


async def test_a_length_beyond_the_calendar_must_be_said(north: Institution) -> None:
    old = await _issued(north, NOW, datetime(8999, 12, 31, tzinfo=UTC))
    answer = await north.change(old["id"], "renew")
    assert (answer.status_code, answer.json()["code"]) == (422, "renewal_ends_earlier")


async def test_a_time_to_renew_in_needs_an_end_and_lies_after_the_beginning(north: Institution) -> None:
    achievement = await north.achievement()
    wrong = (
        ({"renewable_until": _text(NOW + YEAR)}, "renewable_without_end"),
        ({"renewable_until": _text(NOW - YEAR), "valid_until": _text(NOW + YEAR)}, "renewable_until_too_early"),
    )
    for members, code in wrong:
        answer = await north.issue(achievement, **members)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    rows = [{"email": "ada@example.org", "valid_until": _text(NOW + YEAR), "renewable_until": _text(NOW + 2 * YEAR)}]
    [result] = (await north.batch(achievement, rows)).json()["results"]
    assert (await north.credential(result["id"]))["renewable_until"] == _text(NOW + 2 * YEAR)


async def test_a_renewal_url_is_an_https_address(north: Institution) -> None:
    for url in ("http://north.example", "javascript:x", "https://"):
        body = {"name": "B", "description": "B.", "criteria": {"narrative": "B."}, "renewal_url": url}
        assert (await north.client.post("/v1/achievements", json=body)).status_code == 422
    made = await north.achievement(renewal_url="https://north.example/renew")
    document = (await north.issue(made)).json()["credential"]
    assert "north.example" not in str(document["credentialSubject"]["achievement"])
