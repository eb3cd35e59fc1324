"""The state machine of a credential: what can be done to it when, what that makes of it, and which bits it raises.

             suspend                               replace
    issued ---------> suspended      issued, suspended ---> replaced: revoked as `superseded`, another has its place
    issued <--------- suspended      issued ---renew------> renewed: as it was, and another continues it
            reinstate                issued ~~ valid_until ~~> expired: nobody does it, the clock tells
    issued, suspended ---revoke---> revoked, for good

`status` is what is stored and what the status lists say: issued, suspended, revoked. `state` is told beside it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from services.issuer.domain.row import Row
from shared.credentials.state import State, state_of
from shared.errors import Conflict
from shared.messaging.events import CredentialStatus, Purpose, Reason, ReasonCode

Succession = Literal["replace", "renew"]
Command = Literal["suspend", "reinstate", "revoke", "replace", "renew"]

REASON_CODES: tuple[ReasonCode, ...] = get_args(ReasonCode)
REASON_WORDS = f"{', '.join(REASON_CODES)}; any other text is taken as other with a note."
SUPERSEDED = Reason(code="superseded")
_DONE: dict[Command, str] = {
    "suspend": "suspended",
    "reinstate": "reinstated",
    "revoke": "revoked",
    "replace": "replaced",
    "renew": "renewed",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What a command does to a credential: the change that goes into its history, and the status from then on.

    Without a change it keeps its version: what happened stands in the history of the one that continues it.
    """

    change: Literal["suspended", "reinstated", "revoked"] | None
    status: CredentialStatus


_STEPS: dict[tuple[CredentialStatus, Command], Step] = {
    ("issued", "suspend"): Step("suspended", "suspended"),
    ("issued", "revoke"): Step("revoked", "revoked"),
    ("issued", "replace"): Step("revoked", "revoked"),
    ("issued", "renew"): Step(None, "issued"),
    ("suspended", "reinstate"): Step("reinstated", "issued"),
    ("suspended", "revoke"): Step("revoked", "revoked"),
    ("suspended", "replace"): Step("revoked", "revoked"),
}
# Of a succession there is another credential to show for it, so doing it twice is not the same as doing it once.
_GOAL: dict[Command, CredentialStatus] = {"suspend": "suspended", "reinstate": "issued", "revoke": "revoked"}


def step(status: CredentialStatus, command: Command) -> Step | None:
    """Return what `command` does to a credential in `status`; None where it has already been done.

    Raises Conflict (`status_does_not_allow`) for what a credential can't do in it.
    """
    if status == _GOAL.get(command):
        return None
    if (status, command) not in _STEPS:
        detail = f"A credential that is {status} cannot be {_DONE[command]}."
        raise Conflict("status_does_not_allow", detail, status=status)
    return _STEPS[status, command]


def refuse_succession(credential: Row, command: Succession, now: datetime) -> None:
    """Raise Conflict where no other credential can take a badge's place, or continue it, now.

    `already_replaced` and `already_renewed` have the other's `id`; `not_renewable`: it does not run out;
    `renewal_too_late`: its `renewable_until`, or else its end, is over.
    """
    for done, told in (("replaced_by", "replaced"), ("renewed_by", "renewed")):
        if credential[done]:
            detail = f"This badge was {told} before, and that is done once."
            raise Conflict(f"already_{told}", detail, id=str(credential[done]))
    step(credential["status"], command)
    if command == "renew":
        _refuse_late_renewal(credential["renewable_until"] or credential["valid_until"], now)


def _refuse_late_renewal(until: datetime | None, now: datetime) -> None:
    if until is None:
        raise Conflict("not_renewable", "This badge does not run out, so there is nothing to renew.")
    if until <= now:
        raise Conflict(
            "renewal_too_late", "The time in which this badge could be renewed is over.", until=until.isoformat()
        )


def state(credential: Row, now: datetime) -> State:
    """Return how a credential stands at `now`."""
    replaced, renewed = credential["replaced_by"] is not None, credential["renewed_by"] is not None
    return state_of(credential["status"], replaced=replaced, renewed=renewed, ends=credential["valid_until"], now=now)


def raised(status: CredentialStatus) -> dict[Purpose, bool]:
    """Return, for each purpose, whether the credential's bit stands while it is in `status`."""
    return {"revocation": status == "revoked", "suspension": status == "suspended"}


def reason(text: str) -> Reason:
    """Read a reason: one of the codes, or words of the institution's own, which are `other` with a note."""
    code = next((known for known in REASON_CODES if known == text), None)
    return Reason(code=code) if code else Reason(code="other", note=text)


def reason_to_replace(text: str | None) -> Reason:
    """Read why a badge is replaced: one of the codes; else it is `superseded`, with what was said as a note."""
    told = reason(text) if text else SUPERSEDED
    return told if told.note is None else Reason(code="superseded", note=told.note)
