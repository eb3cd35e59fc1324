"""docs/webhooks.md says what the models say, and so do the schemas."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema_rs
import orjson
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

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


def test_the_receiver_on_the_page_takes_a_webhook_once_and_refuses_what_is_not_what_was_sent() -> None:
    names: dict[str, Any] = {}
    exec(PAGE.read_text().split("```python")[1].split("```")[0], names)  # our own page
    receive, secret, other = names["receive"], "whsec_" + "a" * 32, "whsec_" + "b" * 32
    body = trial(uuid4(), uuid4(), NOW).decode()

    def signed(message_id: str, age: timedelta = timedelta(0), *secrets: str) -> dict[str, str]:
        at = datetime.now(UTC) - age
        signatures = " ".join(Webhook(each).sign(message_id, at, body) for each in secrets or (secret,))
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signatures,
        }

    assert receive(secret, signed("msg_1"), body)["type"] == "endpoint.test"
    assert receive(secret, signed("msg_1"), body) is None, "replayed"
    during_rotation = signed("msg_2", timedelta(0), other, secret)
    assert receive(secret, during_rotation, body) is not None
    for headers, said in (
        (signed("msg_3"), body.replace("endpoint.test", "credential.revoked")),
        (signed("msg_4", timedelta(minutes=6)), body),
        ({**signed("msg_5"), "webhook-id": "msg_6"}, body),
        (signed("msg_7", timedelta(0), other), body),
    ):
        with pytest.raises(WebhookVerificationError):
            receive(secret, headers, said)


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_sent_is_valid_by_the_schema_that_is_served(kind: str) -> None:
    notice = Notice(uuid4(), uuid4(), uuid4(), 2, kind, happened_at=NOW, reason="withdrawn", facts=FACTS)  # type: ignore[arg-type]  # one of TYPES
    body = trial(uuid4(), uuid4(), NOW) if kind == "endpoint.test" else payload(notice, "https://badges.example")
    jsonschema_rs.validate(schema(kind), orjson.loads(body))
