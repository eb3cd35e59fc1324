"""How a credential's status moves, and which bits of its lists that raises.

issued  -- suspend -->  suspended  -- revoke -->  revoked
issued  <- reinstate -  suspended
issued  ------------ revoke ------------------->  revoked, for good
"""

from dataclasses import dataclass
from typing import Literal

from shared.errors import Conflict
from shared.messaging.events import CredentialStatus, Purpose, Reason, ReasonCode

Command = Literal["suspend", "reinstate", "revoke"]

REASON_CODES: tuple[ReasonCode, ...] = ("issued_in_error", "withdrawn", "superseded", "key_compromise", "other")


@dataclass(frozen=True, slots=True)
class Step:
    """What a command does to a credential: the change that goes into its history, and the status from then on."""

    change: Literal["suspended", "reinstated", "revoked"]
    status: CredentialStatus


_STEPS: dict[tuple[CredentialStatus, Command], Step] = {
    ("issued", "suspend"): Step("suspended", "suspended"),
    ("issued", "revoke"): Step("revoked", "revoked"),
    ("suspended", "reinstate"): Step("reinstated", "issued"),
    ("suspended", "revoke"): Step("revoked", "revoked"),
}
_GOAL: dict[Command, CredentialStatus] = {"suspend": "suspended", "reinstate": "issued", "revoke": "revoked"}


def step(status: CredentialStatus, command: Command) -> Step | None:
    """Return what `command` does to a credential in `status`; None where it has already been done.

    Raises Conflict (`status_does_not_allow`) for what a revoked credential can't do any more.
    """
    if status == _GOAL[command]:
        return None
    if (status, command) not in _STEPS:
        raise Conflict("status_does_not_allow", f"A credential that is {status} cannot {command}.", status=status)
    return _STEPS[status, command]


def raised(status: CredentialStatus) -> dict[Purpose, bool]:
    """Return, for each purpose, whether the credential's bit stands while it is in `status`."""
    return {"revocation": status == "revoked", "suspension": status == "suspended"}


def reason(text: str) -> Reason:
    """Read a reason: one of the codes, or words of the institution's own, which are `other` with a note."""
    code = next((known for known in REASON_CODES if known == text), None)
    return Reason(code=code) if code else Reason(code="other", note=text)
