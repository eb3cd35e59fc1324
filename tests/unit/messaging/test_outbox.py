"""What the outbox makes of a state."""

from datetime import UTC, datetime
from uuid import UUID

from shared.messaging.events import InstitutionState
from shared.messaging.outbox import state_entry


def test_a_state_records_id_follows_from_what_it_is_the_state_of() -> None:
    def event_id(version: int, name: str = "North", year: int = 2026) -> UUID:
        state = InstitutionState(institution_id=UUID(int=1), version=version, slug="n", name=name, did="did:key:z")
        return state_entry(state, datetime(year, 1, 1, tzinfo=UTC)).event_id

    assert event_id(1) == event_id(1, "Northern", 2027)
    assert event_id(1) != event_id(2)
