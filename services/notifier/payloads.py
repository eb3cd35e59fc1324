"""What webhooks say, as JSON Schema knows it: thin, so that whoever wants more asks with a key of their own.

Members may be added to a payload, none is taken away: ignore those that you do not know. Nothing in it is personal.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.notifier.domain import EventType, Notice, credential_link
from shared.messaging.events import CredentialStatus


class Part(BaseModel):
    """A piece of a payload; a member that has nothing to say is left out."""

    model_config = ConfigDict(frozen=True)


class Links(Part):
    """Where to read more."""

    credential: str = Field(description="The badge's page; with `Accept: application/json` what is public of it.")
    renewal: str | None = Field(None, description="Where its institution wants to be asked to renew it.")


class Change(Part):
    """What happened to a credential."""

    event_id: UUID = Field(description="The same in all services, and in every delivery of this event.")
    credential_id: UUID
    institution_id: UUID
    version: int = Field(description="The credential's, from 1 without a gap: webhooks may come in any order.")
    status: CredentialStatus = Field(description="How it stands from this version on.")
    links: Links


class Issue(Change):
    """A badge was issued and recorded."""

    replaces: UUID | None = Field(None, description="The badge in whose place it is; that one is revoked.")


class Renewal(Change):
    """A badge was issued that continues another one."""

    renews: UUID = Field(description="The badge that it continues, which runs out by itself.")


class Reasoned(Change):
    """A change for which there is a reason."""

    reason: str | None = Field(None, description="From the short list: issued_in_error, withdrawn, superseded ...")


class Replacement(Reasoned):
    """A badge was revoked because another one takes its place."""

    replaced_by: UUID


class Expiry(Part):
    """A badge runs out soon, and nothing has come in its place."""

    event_id: UUID
    credential_id: UUID
    institution_id: UUID
    version: int | None = Field(None, description="The credential's, as it stands: this changes nothing about it.")
    days: int = Field(description="So many are left.")
    valid_until: datetime
    renewable_until: datetime | None = None
    links: Links


class Sighting(Part):
    """A fresh verification of a credential that you watch would give another answer than before."""

    event_id: UUID
    watch_id: UUID
    number: int = Field(description="The changes that this watch has told of, this one counted.")
    credential_id: UUID
    change: str = Field(
        description="What happened: revoked, replaced, suspended, reinstated, expired, key_withdrawn, ..."
    )
    verdict: Literal["valid", "invalid", "unknown"]
    reason: str | None = None
    standing: Literal["registered", "domain_verified", "unknown"]
    links: Links


class Trial(Part):
    """You asked for this with `POST /v1/endpoints/{id}/test`."""

    event_id: UUID
    endpoint_id: UUID


class Payload(Part):
    """The body of a webhook, in the form of Standard Webhooks."""

    timestamp: datetime = Field(description="When it happened.")


class CredentialIssued(Payload):
    """A badge was issued, and the registry has recorded it. To its institution."""

    type: Literal["credential.issued"]
    data: Issue


class CredentialSuspended(Payload):
    """A badge does not hold for the time being. To its institution."""

    type: Literal["credential.suspended"]
    data: Reasoned


class CredentialReinstated(Payload):
    """A badge that was suspended holds again. To its institution."""

    type: Literal["credential.reinstated"]
    data: Reasoned


class CredentialRevoked(Payload):
    """A badge does not hold any more. To its institution."""

    type: Literal["credential.revoked"]
    data: Reasoned


class CredentialReplaced(Payload):
    """A badge was revoked, and another one, of which a credential.issued tells, takes its place. To its institution."""

    type: Literal["credential.replaced"]
    data: Replacement


class CredentialRenewed(Payload):
    """A badge was issued that continues another one; it is told of by this alone. To its institution."""

    type: Literal["credential.renewed"]
    data: Renewal


class CredentialExpiring(Payload):
    """A badge runs out soon. To its institution, which chooses how many days before."""

    type: Literal["credential.expiring"]
    data: Expiry


class WatchChanged(Payload):
    """The answer on a badge that you watch has changed. To the employer who watches, and to nobody else."""

    type: Literal["watch.changed"]
    data: Sighting


class EndpointTest(Payload):
    """Nothing happened: this shows that your endpoint takes and checks what it is sent. To whoever asks for it."""

    type: Literal["endpoint.test"]
    data: Trial


AnyPayload = Annotated[
    CredentialIssued
    | CredentialSuspended
    | CredentialReinstated
    | CredentialRevoked
    | CredentialReplaced
    | CredentialRenewed
    | CredentialExpiring
    | WatchChanged
    | EndpointTest,
    Field(discriminator="type"),
]
_PAYLOADS: TypeAdapter[AnyPayload] = TypeAdapter(AnyPayload)
PAYLOADS: Mapping[str, type[Payload]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(get_args(AnyPayload)[0])
}
TYPES: tuple[EventType, ...] = get_args(EventType)

_STATUS: Mapping[str, CredentialStatus] = {
    "credential.suspended": "suspended",
    "credential.revoked": "revoked",
    "credential.replaced": "revoked",
}


def schema(event_type: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the payload of a type of events; raises KeyError."""
    made = PAYLOADS[event_type].model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def payload(notice: Notice, public_url: str) -> bytes:
    """Return what a webhook says of `notice`: ids, version, time, status and where to read more; as JSON."""
    facts = dict(notice.facts)
    links = {"credential": credential_link(public_url, notice.credential_id), "renewal": facts.pop("renewal_url", None)}
    data = {
        "event_id": notice.event_id,
        "credential_id": notice.credential_id,
        "institution_id": notice.institution_id,
        "version": notice.version,
        "status": _STATUS.get(notice.type, "issued"),
        "reason": notice.reason,
        **facts,
        "links": links,
    }
    return _json({"type": notice.type, "timestamp": notice.happened_at, "data": data})


def trial(event_id: UUID, endpoint_id: UUID, at: datetime) -> bytes:
    """Return what the webhook says that somebody asked for to see it come."""
    return _json({"type": "endpoint.test", "timestamp": at, "data": {"event_id": event_id, "endpoint_id": endpoint_id}})


def _json(said: Mapping[str, Any]) -> bytes:
    return _PAYLOADS.validate_python(said).model_dump_json(exclude_none=True).encode()
