"""Routes that say what webhooks say: each type of events with the JSON Schema of its payload. No key is needed."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from services.notifier.payloads import PAYLOADS, schema
from shared.errors import NotFound
from shared.web.problems import RESPONSES

router = APIRouter(prefix="/v1/event-types", tags=["event types"], responses=RESPONSES)


class SchemaResponse(JSONResponse):
    """An answer that is a JSON Schema."""

    media_type = "application/schema+json"


class Kind(BaseModel):
    """A type of events."""

    type: str = Field(examples=["credential.issued"])
    description: str
    schema_url: str = Field(examples=["/v1/event-types/credential.issued"])


class Kinds(BaseModel):
    """All types of events."""

    items: list[Kind]


@router.get("")
async def list_event_types() -> Kinds:
    """The types of events that endpoints are told of."""
    return Kinds(
        items=[
            Kind(type=name, description=model.__doc__ or "", schema_url=f"{router.prefix}/{name}")
            for name, model in PAYLOADS.items()
        ]
    )


@router.get("/{event_type}", response_class=SchemaResponse)
async def get_event_type(event_type: str) -> dict[str, Any]:
    """The JSON Schema of the webhook that tells of a type of events."""
    if event_type not in PAYLOADS:
        raise NotFound("event_type_not_found", "There is no such type of events: GET /v1/event-types lists them.")
    return schema(event_type)
