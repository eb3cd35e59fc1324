"""Messages as the log holds them and as handlers get them, and API keys with what is told of them."""

from datetime import UTC, datetime
from uuid import UUID

from shared.ids import PARTITIONS, new_id, partition_of
from shared.messaging.cloudevents import Delivery, encode, source_of
from shared.messaging.events import (
    ISSUER_STATE,
    ApiKeyContent,
    EmployerApiKeyState,
    Heartbeat,
    InstitutionApiKeyState,
    Message,
)
from shared.messaging.ports import Partition, Record
from shared.web.auth import new_key
from tests.support.people import bearer


def delivery(
    message: Message, event_id: UUID | None = None, time: datetime | None = None, traceparent: str | None = None
) -> Delivery:
    """`message` as a consumer hands it to its handler."""
    return Delivery(event_id or new_id(), source_of(message.TOPIC), time or datetime.now(UTC), message, traceparent)


def beat(shard: int, topic: str = ISSUER_STATE, time: datetime | None = None) -> Delivery:
    """The heartbeat of a state topic's shard: all that was to be told by `time` is on the log."""
    time = time or datetime.now(UTC)
    return Delivery(new_id(), source_of(topic), time, Heartbeat(shard=shard, time=time), None)


def beats(time: datetime | None = None, topic: str = ISSUER_STATE) -> list[Delivery]:
    """One heartbeat for each shard."""
    return [beat(shard, topic, time) for shard in range(PARTITIONS)]


def record_of(delivery: Delivery) -> Record:
    """`delivery` as its producer's relay stores it on the log."""
    message = delivery.message
    headers = encode(message, event_id=delivery.id, source=delivery.source, time=delivery.time, trace={})
    if isinstance(message, Heartbeat):
        place = Partition(f"{delivery.source.rpartition('/')[2]}.state.v1", message.shard)
    else:
        place = Partition(message.TOPIC, partition_of(message.key))
    values = tuple((name, text.encode()) for name, text in headers.items())
    return Record(place, message.key.encode(), values, message.model_dump_json().encode())


def an_api_key(tenant: UUID, kind: str = "institution", *scopes: str) -> tuple[dict[str, str], ApiKeyContent]:
    """A new API key: the header that carries it, and what its service tells others of it."""
    key = new_key(new_id())
    content = {
        "key_id": key.id, "version": 1, "tenant_kind": kind, "tenant_id": tenant, "secret_hash": key.hash.hex(),
        "scopes": scopes or ("manage", "read"), "created_at": datetime.now(UTC),
    }  # fmt: skip
    state = InstitutionApiKeyState if kind == "institution" else EmployerApiKeyState
    return bearer(key.text), state.model_validate(content)
