"""What is decided without asking anybody: schedule, reading of answers, payloads, addresses."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain import (
    JITTER,
    LONGEST_PATIENCE,
    SCHEDULE,
    THROTTLED,
    Answer,
    Notice,
    checked_address,
    credential_link,
    read_response,
    read_retry_after,
    verdict,
    webhook_id,
)
from services.notifier.payloads import payload

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FAILED = Answer("retry", 500, "status")


def test_the_schedule_is_the_one_that_standard_webhooks_recommends() -> None:
    assert [wait.total_seconds() for wait in SCHEDULE] == [0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]


@given(tries=st.integers(1, len(SCHEDULE) - 1), chance=st.floats(0, 1))
def test_each_failure_waits_for_its_place_in_the_schedule_and_a_little_more(tries: int, chance: float) -> None:
    found = verdict(FAILED, tries, chance)
    assert found.state == "waiting"
    assert found.wait is not None
    assert SCHEDULE[tries] <= found.wait <= SCHEDULE[tries] * (1 + JITTER)


def test_after_the_last_try_it_has_failed_and_its_endpoint_is_disabled() -> None:
    assert verdict(FAILED, len(SCHEDULE), 0) == verdict(FAILED, len(SCHEDULE) + 1, 0)
    found = verdict(FAILED, len(SCHEDULE), 0)
    assert (found.state, found.disable) == ("failed", "unreachable")


def test_a_failure_on_our_side_disables_nobody() -> None:
    found = verdict(Answer("retry", error="connection", ours=True), len(SCHEDULE), 0)
    assert (found.state, found.disable) == ("failed", None)


def test_gone_is_not_tried_again() -> None:
    found = verdict(read_response(410, None, NOW), 1, 0)
    assert (found.state, found.disable) == ("failed", "gone")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_an_acceptance(status: int) -> None:
    assert verdict(read_response(status, None, NOW), 1, 0).state == "delivered"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 418, 422, 429, 500, 502, 503, 504])
def test_every_other_status_is_a_failure_to_be_tried_again_redirects_too(status: int) -> None:
    assert verdict(read_response(status, None, NOW), 1, 0).state == "waiting"


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_and_holds_the_endpoints_other_messages_back(status: int) -> None:
    answer = read_response(status, "3600", NOW)
    assert verdict(answer, 1, 0).wait == timedelta(hours=1)
    assert answer.pause == timedelta(hours=1)


def test_retry_after_never_shortens_the_schedule() -> None:
    assert verdict(read_response(429, "1", NOW), 3, 0).wait == SCHEDULE[3]


@pytest.mark.parametrize("status", [502, 504])
def test_a_proxy_that_says_the_receiver_is_down_throttles_the_endpoint(status: int) -> None:
    assert read_response(status, None, NOW).pause == THROTTLED


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, 0), ("90", 90), (" 90 ", 90), ("0", 0), ("-5", 0), ("soon", 0), ("", 0), ("1.5", 0), ("9" * 5000, 0),
        ("Sun, 22 Nov 2026 12:02:00 GMT", 120), ("Sun, 22 Nov 2020 12:02:00 GMT", 0), ("99 Foo 0000", 0), ("٣", 3),
    ],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_as_a_date(text: str | None, seconds: int) -> None:
    assert read_retry_after(text, NOW) == timedelta(seconds=seconds)


@given(st.text(max_size=40))
def test_no_retry_after_is_an_error_or_longer_than_a_day(text: str) -> None:
    assert timedelta(0) <= read_retry_after(text, NOW) <= LONGEST_PATIENCE


@given(st.uuids())
def test_a_webhooks_id_never_holds_a_dot(delivery_id: object) -> None:
    """The signed content is `id.timestamp.body`: a dot in the id would let two messages share a signature."""
    assert "." not in webhook_id(delivery_id)  # type: ignore[arg-type]  # hypothesis names its UUIDs loosely


def test_a_payload_holds_ids_version_status_reason_and_links_alone() -> None:
    notice = Notice(uuid4(), uuid4(), uuid4(), 2, "credential.revoked", happened_at=NOW, reason="withdrawn")
    assert orjson.loads(payload(notice, "https://badges.example/")) == {
        "type": "credential.revoked",
        "timestamp": "2026-11-22T12:00:00Z",
        "data": {
            "event_id": str(notice.event_id),
            "credential_id": str(notice.credential_id),
            "institution_id": str(notice.institution_id),
            "version": 2,
            "status": "revoked",
            "reason": "withdrawn",
            "links": {"credential": credential_link("https://badges.example", notice.credential_id)},
        },
    }


@pytest.mark.parametrize(
    "text",
    [
        "a@b.example\r\nRCPT TO:<x@y.example>", "a@b.example\n", "a@b.example\0", "a@b.example, c@d.example",
        "a@b.example;c@d.example", "a@b.example c@d.example", "Ada <a@b.example>", "<a@b.example>", "a@b@c.example",
        "ünal@b.example", "a@bücher.example", "a@раypal.example", '"a b"@c.example', "a@[127.0.0.1]", "a@localhost",
        "@b.example", "a@", "a", "", ", ".join(f"a{n}@b.example" for n in range(1000)),
    ],
)  # fmt: skip
def test_what_is_not_one_plain_address_is_refused(text: str) -> None:
    assert checked_address(text) is None


@pytest.mark.parametrize("text", ["ada@learner.example", "a.b+c@mail.learner.example", "a@xn--bcher-kva.example"])
def test_one_plain_address_is_taken_as_it_is(text: str) -> None:
    assert checked_address(text) == text


@given(st.text(max_size=60))
def test_no_text_becomes_an_address_with_a_line_break_or_a_second_recipient(text: str) -> None:
    found = checked_address(text)
    assert found is None or not set(found) & set("\r\n\0 ,;<>")
