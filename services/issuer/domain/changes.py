"""What the transparency log is told of institutions, signing keys and achievements, from rows as they stand after it.

A change is a row of `recorded_changes` without id, salt and actor: its type, aggregate, version, time, content. What
happens to credentials is not among them: it goes by `changing.py` of the handlers, and its history is all of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from services.issuer.domain.achievements import record_form
from services.issuer.domain.row import Row
from shared.credentials.canonical import jcs
from shared.messaging.events import AchievementPublished, InstitutionStandingChanged, RecordedChange, SigningKeyChanged


@dataclass(frozen=True, slots=True)
class Change:
    """One change; `key` and `content` are as its event has them."""

    kind: type[RecordedChange]
    key: str
    version: int
    institution_id: UUID
    time: datetime
    content: Mapping[str, Any]


def institution(row: Row) -> Change:
    """Return the change that made an institution what it is."""
    content = {name: row[name] for name in ("name", "did", "standing")}
    version, time = row["version"], row["changed_at"]
    return Change(InstitutionStandingChanged, str(row["id"]), version, row["id"], time, content)


def signing_key(row: Row) -> Change:
    """Return the change that made a signing key what it is: added, or retired."""
    content = {
        "key_id": str(row["id"]),
        "change": "retired" if row["retired_at"] else "added",
        "verification_method": row["verification_method"],
        "public_key_multibase": row["public_key_multibase"],
    }
    time = row["retired_at"] or row["created_at"]
    return Change(SigningKeyChanged, str(row["id"]), row["version"], row["institution_id"], time, content)


def achievement(row: Row) -> Change:
    """Return the publication of an achievement's version; its digest is of the form that others are told of."""
    told = record_form(orjson.loads(row["badge_form"]), row["content"])
    content = {
        "achievement_id": str(row["achievement_id"]),
        "number": row["number"],
        "achievement_digest": sha256(jcs(told)).hexdigest(),
    }
    key = f"{row['achievement_id']}/{row['number']}"
    return Change(AchievementPublished, key, 1, row["institution_id"], row["published_at"], content)


def institutions_past(row: Row, first_key: Row | None) -> Iterator[Change]:
    """Yield the changes of an institution of which nothing was recorded: registered with its first key, and the last.

    `first_key` (None: it has none) tells when it was registered and under which DID. What came between is not known.
    """
    if row["version"] > 1:
        founded = {"did": first_key["did"], "changed_at": first_key["created_at"]} if first_key else {}
        yield institution({**row, **founded, "version": 1, "standing": "registered"})
    yield institution(row)


def signing_keys_past(row: Row) -> Iterator[Change]:
    """Yield the changes of a signing key of which nothing was recorded."""
    if row["retired_at"]:
        yield signing_key({**row, "version": 1, "retired_at": None})
    yield signing_key(row)
