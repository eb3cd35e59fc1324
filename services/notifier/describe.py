"""Writes docs/webhooks.md from the payloads' models: `python -m services.notifier.describe > docs/webhooks.md`."""

import sys
import types
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

from services.notifier.domain import SCHEDULE
from services.notifier.payloads import PAYLOADS, Links

_NAMES: dict[type, str] = {str: "string", int: "integer", datetime: "RFC 3339 time", UUID: "UUID"}


def _schedule() -> str:
    return ", ".join(
        f"{seconds} s"
        if (seconds := int(wait.total_seconds())) < 60
        else f"{seconds // 60} min"
        if seconds < 3600
        else f"{seconds // 3600} h"
        for wait in SCHEDULE[1:]
    )


HEAD = f"""\
# Webhooks

Generated from `services/notifier/payloads.py`: `python -m services.notifier.describe > docs/webhooks.md`; do not edit.

`POST /v1/endpoints` with a `url` (https) registers an endpoint and answers its secret once; `events` names the types
that it is told of, and without it all are. With `mail` in the place of `url` the same is told by mail, once whoever
reads there has followed the link in a first mail.

A webhook is a POST in the form of [Standard Webhooks](https://www.standardwebhooks.com/): `webhook-id` (the same at
every attempt), `webhook-timestamp` and `webhook-signature`; after a rotation of the secret both sign for a day. The
body is thin: ids, version, time and links, nothing personal. Whoever wants more asks with a key of their own.

A receiver, in Python with the package `standardwebhooks`, which refuses what was edited, is older than five minutes, or
is signed with another secret:

```python
from standardwebhooks.webhooks import Webhook

seen = set()  # keep it where it outlives your process


def receive(secret, headers, body):
    # Raises WebhookVerificationError where it is not what was sent: answer 400. None: it was told before.
    event = Webhook(secret).verify(body, headers)
    if headers["webhook-id"] in seen:
        return None
    seen.add(headers["webhook-id"])
    return event
```

They come at least once and in no order: tell by `webhook-id` what you had before, and by `data.version` what is newer.
Members may be added. Answer 2xx within 15 seconds. Anything else is tried again after {_schedule()}, each
wait a little longer at random; a `Retry-After` is kept to, 410 disables the endpoint at once, and the end of the
schedule does when nothing else got through. A mail address is disabled as well, at once when its server says that
nobody reads there.

Its `contact` hears of either by mail, and of its being enabled again (`POST /v1/endpoints/{{id}}/enable`). Without a
contact, or where that one bounced or unsubscribed, all your other mail addresses that are endpoints, confirmed and
enabled, are told once each, whatever their `events`: it concerns the account. Where there is none of these either,
nobody is told: only `GET /v1/endpoints` shows it. So name a contact.

`POST /v1/endpoints/{{id}}/test` sends a test, `GET /v1/deliveries` shows every attempt with the SHA-256 of its body,
`POST /v1/deliveries/{{id}}/replay` sends one again and `POST /v1/deliveries/replay` those of a time. The JSON Schemas
of what follows are at `GET /v1/event-types/{{type}}`.

Each body has `type`, `timestamp` (when it happened) and `data`. What has nothing to say is left out.
"""


def document() -> str:
    """Return the page: every type of events with the members of its `data`."""
    return "\n".join([HEAD, *_events(), f"## links\n\n{_table(Links)}"]).rstrip() + "\n"


def _events() -> Iterator[str]:
    for name, model in PAYLOADS.items():
        yield f"## {name}\n\n{model.__doc__}\n\n{_table(model.model_fields['data'].annotation)}"


def _table(model: Any) -> str:
    lines = ["| member | type | |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        optional = "" if field.is_required() else ", may be absent"
        lines.append(f"| `{name}` | {_type(field.annotation)}{optional} | {field.description or ''} |")
    return "\n".join(lines) + "\n"


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " \\| ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        return _type(get_args(annotation)[0])
    if annotation is Links:
        return "[links](#links)"
    return _NAMES[annotation]


if __name__ == "__main__":
    sys.stdout.write(document())
