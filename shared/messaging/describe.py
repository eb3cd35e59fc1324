"""Writes docs/events.md from the models: `python -m shared.messaging.describe > docs/events.md`."""

import inspect
import re
import sys
import types
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from shared.messaging.events import EVENT_TOPICS, MESSAGES, STATE_TOPICS, Heartbeat, Message, Part
from shared.messaging.ports import EVENT_RETENTION

HEAD = f"""\
# Events

Generated from `shared/messaging/events/` by `python -m shared.messaging.describe > docs/events.md`; do not edit.

Records are CloudEvents 1.0 in Kafka's binary mode: `ce_id`, `ce_source`, `ce_type`, `ce_subject` (the key), `ce_time`
and W3C `traceparent` are headers, the value is the JSON below. The key is the aggregate's; its CRC-32 modulo 16 is the
partition. Every record comes at least once: `ce_source` and `ce_id` together name it for ever. Members may be added,
so ignore those you do not know; anything else is a new type. A member with a `=` may be absent.

`*.events.v1` say what happened, once, and are kept {EVENT_RETENTION.days} days. `*.state.v1` say how one aggregate
stands, are compacted and kept for ever: the newest `version` wins. Personal data travels on issuer.events.v1 alone.
"""


_NAMES: dict[type, str] = {str: "string", int: "integer", datetime: "RFC 3339 time"}


def document() -> str:
    """Return the page: every topic with its records, then the parts that they are made of."""
    return "\n".join([HEAD, *_topics(), "## Parts\n", *(_model(part) for part in _parts())]).rstrip() + "\n"


def _topics() -> Iterator[str]:
    for topic in (*EVENT_TOPICS, *STATE_TOPICS):
        yield f"## {topic}\n"
        for message in MESSAGES:
            if topic == message.TOPIC or (message is Heartbeat and topic in STATE_TOPICS):
                yield _model(message)


def _model(model: type[BaseModel]) -> str:
    lines = [f"### {model.__name__}\n", inspect.cleandoc(model.__doc__ or "") + "\n"]
    if issubclass(model, Message):
        lines.append(f"Type `{model.TYPE}`, key {_key(model)}.\n")
    lines += ["| member | type |", "|---|---|"]
    lines += [f"| `{name}` | {_member(field)} |" for name, field in model.model_fields.items()]
    return "\n".join(lines) + "\n"


def _key(message: type[Message]) -> str:
    """Read the key's rule from its property, so that the two can't disagree."""
    source = inspect.getsource(inspect.getattr_static(message, "key").fget).rpartition("return ")[2]
    template = source.strip().removeprefix('f"').removesuffix('"').removeprefix("str(").removesuffix(")")
    return "`" + re.sub(r"{?self\.(\w+)}?", r"<\1>", template) + "`"


def _member(field: FieldInfo) -> str:
    default = "" if field.is_required() else f" = `{'null' if field.default is None else field.default}`"
    return _type(field.annotation) + default


def _type(annotation: Any) -> str:
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if origin is Literal:
        return " \\| ".join(f"`{value}`" for value in arguments)
    if origin in (Union, types.UnionType):
        return " \\| ".join(_type(each) for each in arguments)
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return "object"
    if annotation is type(None):
        return "null"
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return _NAMES.get(annotation, str(annotation.__name__))


def _parts() -> list[type[Part]]:
    """Return the parts that records are made of, in the order in which they are first used."""
    found: dict[type[Part], None] = {}
    waiting: list[Any] = [field.annotation for message in MESSAGES for field in message.model_fields.values()]
    while waiting:
        annotation = waiting.pop(0)
        waiting += get_args(annotation)
        if isinstance(annotation, type) and issubclass(annotation, Part) and annotation not in found:
            found[annotation] = None
            waiting += [field.annotation for field in annotation.model_fields.values()]
    return list(found)


if __name__ == "__main__":
    sys.stdout.write(document())
