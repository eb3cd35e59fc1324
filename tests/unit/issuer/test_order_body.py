"""What a row's own key stands for does not change with a release that knows more of orders."""

from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from services.issuer.api.order_body import BatchOrder

ACHIEVEMENT = UUID("6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d")
ROW = {"email": "ada@example.org", "name": "Ada", "valid_until": "2030-01-01T00:00:00Z", "idempotency_key": "k"}


def _digest(**members: Any) -> bytes:
    batch = {"achievement_id": str(ACHIEVEMENT), "recipients": [{**ROW, **members}]}
    [(_, digest)] = BatchOrder.model_validate(batch).asked().keys.values()
    return digest


def test_a_row_of_before_there_were_renewals_has_the_digest_that_it_had() -> None:
    order = {
        "recipient_id": None, "email": "ada@example.org", "name": "Ada", "valid_from": None,
        "valid_until": "2030-01-01T00:00:00+00:00", "evidence": [], "results": [],
    }  # fmt: skip
    assert _digest() == sha256(b"row of a batch\n" + orjson.dumps([ACHIEVEMENT, order])).digest()


def test_a_time_to_renew_in_makes_it_another_badge() -> None:
    assert _digest(renewable_until="2030-02-01T00:00:00Z") != _digest()
