"""docs/events.md says what the models say."""

from pathlib import Path

from shared.messaging.describe import document

PAGE = Path(__file__).resolve().parents[3] / "docs" / "events.md"


def test_the_page_of_events_is_fresh() -> None:
    assert PAGE.read_text() == document(), "run: python -m shared.messaging.describe > docs/events.md"


def test_keys_are_described_as_they_are_made() -> None:
    assert "key `<achievement_id>/<number>`" in document()
    assert "key `heartbeat/<shard>`" in document()
    assert "key `<credential_id>`" in document()
