"""From a stored change to the outbox."""

from datetime import datetime

from services.issuer.domain import messages
from shared.db import Tx
from shared.messaging import outbox
from shared.messaging.events import (
    AchievementState,
    CredentialState,
    InstitutionApiKeyState,
    InstitutionState,
    SigningKeyState,
    StatusListState,
)

State = (
    InstitutionState | SigningKeyState | InstitutionApiKeyState | AchievementState | StatusListState | CredentialState
)


def state_entry(state: State, time: datetime) -> outbox.Entry:
    """Return the outbox entry of an aggregate's state; the same state has the same id whenever it is told."""
    return outbox.Entry(state, messages.state_id(state, state.version), time)


async def tell(tx: Tx, *states: tuple[State, datetime]) -> None:
    """Add states, each with the time since when it holds, to the outbox."""
    await outbox.add_many(tx, [state_entry(state, time) for state, time in states])
