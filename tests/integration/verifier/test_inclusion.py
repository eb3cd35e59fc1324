"""Where somebody requires it, a badge of ours holds only if the log shows it; what can't be told is unknown."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from services.verifier import log_reader
from shared.messaging.events import REGISTRY_STATE
from tests.integration.messaging.conditions import alarms
from tests.integration.verifier.builders import Institution, now, strangers_badge
from tests.integration.verifier.conftest import Verifier
from tests.integration.verifier.logs import Logged
from tests.support.log_site import LogSite, serving_log
from tests.support.records import beats

JUST_NOW = timedelta(seconds=5)


@pytest.fixture
async def logged(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Logged]:
    monkeypatch.setattr(log_reader, "RECENT_SECONDS", 0.0)
    with serving_log(LogSite()) as log:
        async with verifier.serving("api", log_url=log.url):
            yield Logged(verifier, await verifier.employer(), log)


async def heard_all(logged: Logged) -> None:
    """Nothing more is to come from the registry."""
    await logged.verifier.hear(beats(topic=REGISTRY_STATE))


async def required(logged: Logged, badge: dict[str, Any], **members: Any) -> tuple[str, str | None, Any]:
    """The verdict, its reason, and the check, where inclusion is required."""
    logged.log.publish(logged.entries)
    report = await logged.verifier.verify(badge, require_inclusion=True, **members)
    return report["verdict"], report["reason"], check_of(report)


def check_of(report: dict[str, Any]) -> Any:
    return next((each for each in report["checks"] if each["name"] == "inclusion"), None)


async def test_a_badge_whose_issue_and_last_change_the_log_shows_passes(logged: Logged) -> None:
    badge = await logged.badge(Institution(), changes=("suspended", "reinstated"))
    verdict, _, check = await required(logged, badge)
    assert (verdict, check["outcome"]) == ("valid", "pass")
    assert "its issue as leaf 3, its last change as leaf 5" in check["detail"]


async def test_nothing_is_required_of_who_does_not_ask_and_the_place_is_told_all_the_same(logged: Logged) -> None:
    badge = await logged.badge(Institution())
    logged.log.publish(logged.entries)
    report = await logged.verifier.verify(badge)
    assert (check_of(report), report["log"]) == (None, {"origin": logged.log.origin, "log_index": 3})
    assert logged.log.asked == [], "nothing is read for nobody"
    waiting = await logged.verifier.verify(await logged.badge(Institution(), logged=0))
    assert waiting["log"] is None


async def test_what_is_not_logged_is_unknown_within_the_bound_and_invalid_after_it(logged: Logged) -> None:
    await heard_all(logged)
    young = await logged.badge(Institution(), logged=0, age=JUST_NOW)
    assert (await required(logged, young))[:2] == ("unknown", "not_yet_logged")
    old = await logged.badge(Institution(), logged=0)
    await heard_all(logged)
    assert (await required(logged, old))[:2] == ("invalid", "not_logged")


async def test_a_change_that_is_not_logged_counts_as_the_issue_does(logged: Logged) -> None:
    badge = await logged.badge(Institution(), changes=("suspended", "reinstated"), logged=2)
    await heard_all(logged)
    assert (await required(logged, badge))[:2] == ("invalid", "not_logged")
    suspended = await logged.verifier.value("select (history -> 1 ->> 'time')::timestamptz from credentials")
    early = (suspended - timedelta(seconds=0.5)).isoformat()
    verdict, reason, check = await required(logged, badge, as_of=early)
    assert check["outcome"] == "pass", (verdict, reason, check)


async def test_that_a_place_is_not_told_of_proves_nothing_while_the_registry_is_not_heard(logged: Logged) -> None:
    badge = await logged.badge(Institution(), logged=0)
    assert (await required(logged, badge))[:2] == ("unknown", "log_position_unknown")
    await logged.verifier.hear(beats(now() - timedelta(minutes=30), topic=REGISTRY_STATE))
    assert (await required(logged, badge))[:2] == ("unknown", "log_position_unknown")


async def test_that_a_place_is_not_told_of_proves_nothing_while_a_record_that_tells_of_places_waits(
    logged: Logged,
) -> None:
    badge = await logged.badge(Institution(), logged=0)
    await heard_all(logged)
    await logged.verifier.execute(
        """
        insert into held_records (consumer, state, cause, topic, partition, "offset", aggregate, key, header_names,
                                  header_bytes, stored_at, reason)
        values ('laurel.verifier.state', 'parked', 'failed', $1, 0, 0, 'places/log.example/0', 'places/log.example/0',
                '{}', '{}', now(), 'Error')
        """,
        REGISTRY_STATE,
    )
    assert (await required(logged, badge))[:2] == ("unknown", "log_position_unknown")
    await logged.verifier.execute("delete from held_records")
    assert (await required(logged, badge))[:2] == ("invalid", "not_logged")


async def test_a_place_that_no_checkpoint_covers_is_not_in_the_log(logged: Logged) -> None:
    badge = await logged.badge(Institution())
    logged.log.publish(logged.entries[:3])
    report = await logged.verifier.verify(badge, require_inclusion=True)
    assert (report["verdict"], report["reason"]) == ("invalid", "not_logged")


async def test_a_log_that_is_away_or_contradicts_itself_decides_nothing(logged: Logged) -> None:
    badge = await logged.badge(Institution())
    assert (await required(logged, badge))[0] == "valid"
    before = alarms("log_contradicts")
    logged.log.publish([b"forged", *logged.entries[1:]])
    report = await logged.verifier.verify(badge, require_inclusion=True)
    assert (report["verdict"], report["reason"]) == ("unknown", "log_contradicts_itself")
    assert alarms("log_contradicts") == before + 1
    logged.log.files.clear()
    report = await logged.verifier.verify(badge, require_inclusion=True)
    assert (report["verdict"], report["reason"]) == ("unknown", "log_unreachable")


async def test_a_leaf_that_is_another_event_or_is_not_opened_does_not_pass(logged: Logged) -> None:
    badge = await logged.badge(Institution())
    await logged.verifier.execute("update log_positions set log_index = 0")
    assert (await required(logged, badge))[:2] == ("unknown", "log_contradicts_itself")
    erased = await logged.badge(Institution(), salts=False)
    assert (await required(logged, erased))[:2] == ("unknown", "leaf_not_opened")


async def test_in_a_log_that_another_followed_it_can_not_be_told(logged: Logged) -> None:
    badge = await logged.badge(Institution())
    await logged.verifier.execute("update log_positions set origin = 'log.example/before'")
    assert (await required(logged, badge))[:2] == ("unknown", "log_superseded")


async def test_a_strangers_badge_is_as_it_was(logged: Logged) -> None:
    badge = strangers_badge(Institution())
    without = await logged.verifier.verify(badge)
    verdict, reason, check = await required(logged, badge)
    assert (verdict, reason) == (without["verdict"], without["reason"])
    assert (check["outcome"], check["code"]) == ("skipped", "not_in_this_log")
    forged = {**await logged.badge(Institution()), "name": "Something else"}
    verdict, reason, check = await required(logged, forged)
    assert (verdict, reason, check["outcome"], check["code"]) == ("invalid", "tampered", "skipped", None)


async def test_each_of_a_batch_is_looked_at_and_a_form_can_ask_too(logged: Logged) -> None:
    badges = [await logged.badge(Institution()), await logged.badge(Institution(), logged=0)]
    await heard_all(logged)
    logged.log.publish(logged.entries)
    body = {"credentials": badges, "require_inclusion": True}
    client, headers = logged.verifier.client, logged.employer
    answer = await client.post("/v1/verifications/batch", json=body, headers=headers)
    assert [each["verdict"] for each in answer.json()["results"]] == ["valid", "invalid"]
    file = {"file": ("badge", orjson.dumps(badges[1]))}
    for said, verdict in (("true", "invalid"), ("false", "valid")):
        answer = await client.post("/v1/verifications", files=file, data={"require_inclusion": said})
        assert answer.json()["verdict"] == verdict
    answer = await client.post("/v1/verifications", files=file, data={"require_inclusion": "maybe"})
    assert answer.status_code == 422


async def test_the_checkpoint_is_read_once_for_all_who_ask_within_seconds(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_reader, "RECENT_SECONDS", 1e9)
    badge = await logged.badge(Institution())
    for _ in range(3):
        assert (await required(logged, badge))[0] == "valid"
    assert logged.log.asked.count("checkpoint") == 1


async def test_the_service_can_be_set_to_require_it_of_who_does_not_say(verifier: Verifier) -> None:
    with serving_log(LogSite()) as log:
        async with verifier.serving("api", log_url=log.url, require_inclusion=True):
            logged = Logged(verifier, await verifier.employer(), log)
            badge = await logged.badge(Institution(), logged=0)
            await heard_all(logged)
            log.publish(logged.entries)
            assert (await verifier.verify(badge))["reason"] == "not_logged"
            assert (await verifier.verify(badge, require_inclusion=False))["verdict"] == "valid"
