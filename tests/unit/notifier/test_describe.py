"""docs/webhooks.md says what the models say, and so do the schemas."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import jsonschema_rs
import orjson
import pytest

from services.notifier.describe import document
from services.notifier.domain import Notice
from services.notifier.payloads import PAYLOADS, TYPES, payload, schema, trial

PAGE = Path(__file__).resolve().parents[3] / "docs" / "webhooks.md"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FACTS = {
    "renews": str(uuid4()),
    "replaced_by": str(uuid4()),
    "days": 30,
    "valid_until": "2027-01-01T00:00:00Z",
    "watch_id": str(uuid4()),
    "number": 1,
    "change": "revoked",
    "verdict": "invalid",
    "standing": "registered",
}


def test_the_page_is_what_the_models_say() -> None:
    assert PAGE.read_text() == document(), "run: python -m services.notifier.describe > docs/webhooks.md"


def test_every_type_that_an_endpoint_can_ask_for_has_a_payload() -> None:
    assert set(TYPES) == set(PAYLOADS)


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_sent_is_valid_by_the_schema_that_is_served(kind: str) -> None:
    notice = Notice(uuid4(), uuid4(), uuid4(), 2, kind, happened_at=NOW, reason="withdrawn", facts=FACTS)  # type: ignore[arg-type]  # one of TYPES
    body = trial(uuid4(), uuid4(), NOW) if kind == "endpoint.test" else payload(notice, "https://badges.example")
    jsonschema_rs.validate(schema(kind), orjson.loads(body))
