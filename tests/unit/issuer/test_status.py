"""How a credential's status moves, and which bits that raises."""

from hypothesis import given
from hypothesis import strategies as st

from services.issuer.domain.status import REASON_CODES, Command, raised, reason, step
from shared.errors import Conflict
from shared.messaging.events import CredentialStatus

COMMANDS: list[Command] = ["suspend", "reinstate", "revoke"]


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


def test_each_status_has_its_bit() -> None:
    assert raised("issued") == {"revocation": False, "suspension": False}
    assert raised("suspended") == {"revocation": False, "suspension": True}
    assert raised("revoked") == {"revocation": True, "suspension": False}


def test_a_reason_is_a_code_or_a_note() -> None:
    assert [reason(code).code for code in REASON_CODES] == list(REASON_CODES)
    assert reason("Withdrawn!").model_dump() == {"code": "other", "note": "Withdrawn!"}
