"""The wire: CloudEvents 1.0 in Kafka's binary mode (attributes in headers, the message in the value), and its reading.

What comes from the log is as foreign as anything from a wire: `decode` lets only what it has checked through.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import orjson
from pydantic import ValidationError

from shared.ids import partition_of
from shared.messaging.events import BY_TYPE, STATE_TOPICS, Heartbeat, Message
from shared.messaging.ports import MAX_RECORD_BYTES, Received

M = TypeVar("M", bound=Message)

# No error of a clock reaches as far; such an event is an error of the event.
FAR_FUTURE = timedelta(days=1)


class IllFormed(Exception):
    """A record that can never be handled; the message says why, without quoting it."""


class UnknownType(Exception):
    """A record of a type that this release does not know: a later one may."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it reaches a handler; `id` and `source` together name it for ever."""

    id: UUID
    source: str
    time: datetime
    message: Message
    traceparent: str | None


def messages_of(kind: type[M], deliveries: Iterable[Delivery]) -> Iterator[M]:
    """Return the messages of one kind, in their order."""
    return (each.message for each in deliveries if isinstance(each.message, kind))


def source_of(topic: str) -> str:
    """Return the source of what a topic carries: `/laurel/issuer` for issuer.events.v1."""
    return f"/laurel/{topic.partition('.')[0]}"


def encode(
    message: Message, *, event_id: UUID, source: str, time: datetime, trace: Mapping[str, str]
) -> dict[str, str]:
    """Return a record's headers (CloudEvents Kafka binding 3.2: `ce_` and the attribute's name)."""
    return {
        "ce_specversion": "1.0",
        "ce_id": str(event_id),
        "ce_source": source,
        "ce_type": message.TYPE,
        "ce_subject": message.key,
        "ce_time": time.isoformat(),
        "content-type": "application/json",
        **trace,
    }


def decode(received: Received, now: datetime) -> Delivery:
    """Read a record; `now` is the database's clock.

    Raises UnknownType, or IllFormed for whatever else can't be handled.
    """
    _check_size(received)
    headers = read_headers(received)
    event_id = _event_id(headers)
    time = _time(headers, now)
    if headers.get("ce_source") != source_of(received.partition.topic):
        raise IllFormed("ce_source is not this topic's service")
    message = _message(received, headers)
    if received.key != message.key.encode():
        raise IllFormed("key is not the aggregate's")
    if received.partition.number != _home(message):
        raise IllFormed("not the partition of its key: what heartbeats say would not hold for it")
    return Delivery(event_id, headers["ce_source"], time, message, headers.get("traceparent"))


def read_headers(received: Received) -> dict[str, str]:
    """Return the headers as text; raises IllFormed where they are not."""
    try:
        return {name: value.decode() for name, value in received.headers}
    except UnicodeDecodeError as error:
        raise IllFormed("a header is not UTF-8") from error


def _home(message: Message) -> int:
    return message.shard if isinstance(message, Heartbeat) else partition_of(message.key)


def _check_size(received: Received) -> None:
    size = sum(len(name) + len(value) for name, value in received.headers)
    if size + len(received.key or b"") + len(received.value or b"") > MAX_RECORD_BYTES:
        raise IllFormed("larger than 512 KiB")


def _event_id(headers: Mapping[str, str]) -> UUID:
    if headers.get("ce_specversion") != "1.0":
        raise IllFormed("not a CloudEvent 1.0")
    if "ce_id" not in headers:
        raise IllFormed("no ce_id")
    try:
        return UUID(headers["ce_id"])
    except ValueError as error:
        raise IllFormed("ce_id is not a UUID") from error


def _time(headers: Mapping[str, str], now: datetime) -> datetime:
    try:
        time = datetime.fromisoformat(headers["ce_time"])
        if time > now + FAR_FUTURE:
            raise IllFormed("dated in the far future")
    except KeyError as error:
        raise IllFormed("no ce_time") from error
    except (ValueError, TypeError) as error:  # TypeError: a time without its zone can't be compared
        raise IllFormed("ce_time is not an RFC 3339 time") from error
    return time


def _message(received: Received, headers: Mapping[str, str]) -> Message:
    if received.key is None:
        raise IllFormed("no key")
    if received.value is None:
        raise IllFormed("no value")
    if "ce_type" not in headers:
        raise IllFormed("no ce_type")
    kind = BY_TYPE.get(headers["ce_type"])
    if kind is None:
        raise UnknownType(headers["ce_type"])
    topics = STATE_TOPICS if kind is Heartbeat else (kind.TOPIC,)
    if received.partition.topic not in topics:
        raise IllFormed(f"{kind.TYPE} does not belong on this topic")
    try:
        return kind.model_validate(orjson.loads(received.value))
    except orjson.JSONDecodeError as error:
        raise IllFormed("not JSON") from error
    except ValidationError as error:
        places = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)})
        raise IllFormed(f"wrong schema at {', '.join(places)[:200]}") from error
