"""Of the issuer's events the verifier takes the salt and nothing else, whatever the record is."""

from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pytest

from services.verifier.domain.salts import EventSalt, read_salt, salt_alone
from shared.messaging.events import ISSUER_EVENTS
from shared.messaging.ports import Partition, Received

NOW = datetime(2026, 11, 26, tzinfo=UTC)
SALT = bytes(range(32))
TEXT = urlsafe_b64encode(SALT).rstrip(b"=").decode()
EVENT = uuid4()


def received(value: object, event_id: str = str(EVENT)) -> Received:
    headers = (("ce_id", event_id.encode()), ("ce_type", b"laurel.of-a-later-release.v9"), ("x", b"planted"))
    content = value if isinstance(value, bytes) or value is None else orjson.dumps(value)
    return Received(Partition(ISSUER_EVENTS, 3), 7, b"planted", headers, content, NOW)


def row_of(record: Received) -> object:
    message = read_salt(salt_alone(record), NOW).message
    assert isinstance(message, EventSalt)
    return message.row


def test_an_events_id_and_salt_are_all_that_is_left_of_it_whatever_its_type() -> None:
    left = salt_alone(received({"salt": TEXT, "email": "planted", "credential": {"salt": "planted"}}))
    assert orjson.loads(left.value or b"") == {"event_id": str(EVENT), "salt": TEXT}
    assert replace(left, value=None) == Received(Partition(ISSUER_EVENTS, 3), 7, None, (), None, NOW)
    assert row_of(received({"salt": TEXT})) == (EVENT, SALT)


@pytest.mark.parametrize(
    "record",
    [
        received({"email": "planted"}),
        received({"salt": "planted"}),
        received({"salt": TEXT + "="}),
        received({"salt": TEXT[:-1]}),
        received({"salt": TEXT[:-1] + "9"}),  # another spelling of the same bytes
        received({"salt": TEXT + "AAAA"}),
        received({"salt": [TEXT]}),
        received(["planted"]),
        received("planted"),
        received(b"planted {"),
        received(b"\xff"),
        received(b""),
        received(None),
        received({"salt": TEXT}, "planted"),
        replace(received({"salt": TEXT}), headers=(("ce_id", b"\xff"),)),
        replace(received({"salt": TEXT}), headers=()),
    ],
)
def test_what_has_no_salt_or_cannot_be_read_leaves_nothing_and_is_no_error(record: Received) -> None:
    left = salt_alone(record)
    assert b"planted" not in (left.value or b"")
    assert row_of(record) is None
