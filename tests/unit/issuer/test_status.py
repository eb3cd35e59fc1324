"""How a credential's status moves, and which bits that raises."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.issuer.domain.status import (
    REASON_CODES,
    Command,
    Succession,
    raised,
    reason,
    reason_to_replace,
    refuse_succession,
    state,
    step,
)
from shared.errors import Conflict
from shared.messaging.events import CredentialStatus

COMMANDS: list[Command] = ["suspend", "reinstate", "revoke"]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
BADGE = dict.fromkeys(("replaced_by", "renewed_by", "renewable_until", "valid_until")) | {"status": "issued"}


def after(commands: list[Command]) -> CredentialStatus:
    status: CredentialStatus = "issued"
    for command in commands:
        try:
            done = step(status, command)
        except Conflict:
            continue
        status = done.status if done else status
    return status


def test_an_issued_credential_can_be_suspended_reinstated_and_revoked() -> None:
    assert after(["suspend"]) == "suspended"
    assert after(["suspend", "reinstate"]) == "issued"
    assert after(["suspend", "revoke"]) == after(["revoke"]) == "revoked"


@given(st.lists(st.sampled_from(COMMANDS)))
def test_nothing_brings_back_a_revoked_credential(commands: list[Command]) -> None:
    assert after(["revoke", *commands]) == "revoked"


@given(st.lists(st.sampled_from(COMMANDS)), st.sampled_from(COMMANDS))
def test_a_command_done_twice_is_done_once(commands: list[Command], command: Command) -> None:
    status = after([*commands, command])
    try:
        assert step(status, command) is None
    except Conflict:
        assert after(commands) == "revoked"


def test_what_somebody_decided_is_told_before_what_the_clock_did() -> None:
    over = {"valid_until": NOW}
    assert state(BADGE, NOW) == "issued"
    assert state({**BADGE, "valid_until": NOW + DAY}, NOW) == "issued"
    assert state({**BADGE, **over}, NOW) == "expired"
    assert state({**BADGE, **over, "renewed_by": "b"}, NOW) == "renewed"
    assert state({**BADGE, **over, "renewed_by": "b", "status": "suspended"}, NOW) == "suspended"
    assert state({**BADGE, **over, "renewed_by": "b", "status": "revoked"}, NOW) == "revoked"
    assert state({**BADGE, **over, "replaced_by": "b", "status": "revoked"}, NOW) == "replaced"


@pytest.mark.parametrize(
    ("members", "allowed"),
    [
        ({"valid_until": NOW + DAY}, True),
        ({"valid_until": NOW}, False),
        ({"valid_until": NOW - DAY, "renewable_until": NOW + DAY}, True),
        ({"valid_until": NOW + 2 * DAY, "renewable_until": NOW - DAY}, False),
        ({}, False),
        ({"valid_until": NOW + DAY, "status": "suspended"}, False),
        ({"valid_until": NOW + DAY, "status": "revoked"}, False),
    ],
)
def test_a_badge_can_be_renewed_until_its_time_for_that_or_else_its_end_is_over(
    members: dict[str, Any], *, allowed: bool
) -> None:
    if allowed:
        refuse_succession({**BADGE, **members}, "renew", NOW)
        return
    with pytest.raises(Conflict):
        refuse_succession({**BADGE, **members}, "renew", NOW)


def test_a_badge_is_replaced_or_renewed_once_and_the_refusal_names_the_other() -> None:
    commands: tuple[Succession, ...] = ("replace", "renew")
    for link, code in (("replaced_by", "already_replaced"), ("renewed_by", "already_renewed")):
        for command in commands:
            with pytest.raises(Conflict) as refused:
                refuse_succession({**BADGE, link: "b", "valid_until": NOW + DAY}, command, NOW)
            assert (refused.value.code, refused.value.members) == (code, {"id": "b"})
    refuse_succession({**BADGE, "status": "suspended"}, "replace", NOW)
    with pytest.raises(Conflict):
        refuse_succession({**BADGE, "status": "revoked"}, "replace", NOW)


def test_a_replaced_badge_is_revoked_as_superseded_unless_a_code_says_otherwise() -> None:
    assert step("issued", "replace") == step("suspended", "replace") == step("issued", "revoke")
    assert reason_to_replace(None).model_dump() == {"code": "superseded", "note": None}
    assert reason_to_replace("A typo.").model_dump() == {"code": "superseded", "note": "A typo."}
    assert reason_to_replace("key_compromise").model_dump() == {"code": "key_compromise", "note": None}


def test_each_status_has_its_bit() -> None:
    assert raised("issued") == {"revocation": False, "suspension": False}
    assert raised("suspended") == {"revocation": False, "suspension": True}
    assert raised("revoked") == {"revocation": True, "suspension": False}


def test_a_reason_is_a_code_or_a_note() -> None:
    assert [reason(code).code for code in REASON_CODES] == list(REASON_CODES)
    assert reason("Withdrawn!").model_dump() == {"code": "other", "note": "Withdrawn!"}


def test_a_refusal_says_what_cannot_be_done_to_it() -> None:
    with pytest.raises(Conflict) as caught:
        step("revoked", "renew")
    assert caught.value.detail == "A credential that is revoked cannot be renewed."
