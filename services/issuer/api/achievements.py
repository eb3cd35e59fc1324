"""Achievements: define, change, draw, publish."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from services.issuer import images
from services.issuer.api.access import IfMatch, Manager, Reader, Settings
from services.issuer.api.achievement_body import AchievementContent
from services.issuer.domain.achievements import missing
from services.issuer.domain.row import Row
from services.issuer.handlers import achievements
from services.issuer.store import achievements as store
from shared.web import idempotency
from shared.web.databases import AppDatabase
from shared.web.etag import etag
from shared.web.idempotency import IdempotencyKey
from shared.web.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, following, place
from shared.web.problems import problem
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/achievements", tags=["achievements"], route_class=StrictRoute)

State = Literal["draft", "published"]


class AchievementVersion(BaseModel):
    """Which version is the newest, and whether it may still change."""

    id: UUID
    version: int = Field(examples=[1])
    state: State


class PublishedAchievement(AchievementVersion):
    """The published version, and which recommended elements it lacks."""

    missing: list[str] = Field(examples=[["micro_credential.learning_outcomes"]])


class Achievement(AchievementVersion):
    """An achievement with its newest version."""

    published_version: int | None = Field(description="The version that is issued; null before the first one.")
    created_at: datetime
    has_image: bool
    missing: list[str]
    content: dict[str, Any] = Field(description="As it was sent to define or change it.")


class Achievements(Page):
    """Achievements, oldest first."""

    items: list[Achievement]


_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in images.TYPES},
    }
}


@router.post("", status_code=201)
async def define_achievement(
    body: AchievementContent, who: Manager, header: IdempotencyKey, database: AppDatabase, response: Response
) -> AchievementVersion:
    """Define an achievement; it is a draft until it is published."""
    attempt = idempotency.attempt(who.tenant_id, header)
    async with idempotency.remembering(database, attempt), database.transaction(who.tenant_id) as tx:
        row = await achievements.define(tx, who.tenant_id, body.stored(), attempt)
    return _version(row, response)


@router.get("")
async def list_achievements(
    who: Reader, database: AppDatabase, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Achievements:
    """The institution's achievements."""
    after = place(cursor, who.tenant_id, "achievements")
    async with database.transaction(who.tenant_id) as tx:
        rows = await store.page(tx, who.tenant_id, after, limit)
    more = following(rows, limit, who.tenant_id, "achievements", lambda row: (row["created_at"], row["id"]))
    return Achievements(items=[_view(row) for row in rows], next=more)


@router.get("/{achievement_id}")
async def get_achievement(achievement_id: UUID, who: Reader, database: AppDatabase, response: Response) -> Achievement:
    """One achievement with its newest version, and the ETag for changing it."""
    async with database.transaction(who.tenant_id) as tx:
        row = await achievements.existing(tx, who.tenant_id, achievement_id)
    response.headers["ETag"] = etag(row["revision"])
    return _view(row)


@router.put("/{achievement_id}")
async def change_achievement(
    achievement_id: UUID,
    body: AchievementContent,
    who: Manager,
    database: AppDatabase,
    response: Response,
    if_match: IfMatch = None,
) -> AchievementVersion:
    """Replace the draft's content; after publication this begins the next version."""
    async with database.transaction(who.tenant_id) as tx:
        row = await achievements.replace_content(tx, who.tenant_id, achievement_id, body.stored(), if_match)
    return _version(row, response)


@router.put("/{achievement_id}/image", openapi_extra=_UPLOAD, response_model=AchievementVersion)
async def upload_image(
    achievement_id: UUID,
    request: Request,
    who: Manager,
    database: AppDatabase,
    response: Response,
    if_match: IfMatch = None,
) -> Any:
    """Give the draft a picture of at most 256 KiB: PNG, JPEG or WebP is kept as PNG, without anything but its pixels.

    SVG is kept as SVG, written anew with nothing in it but shapes, colours and texts.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in images.TYPES:
        taken = ", ".join(images.TYPES)
        return problem(415, "image_type_not_taken", f"Images are taken as: {taken}.", {"types": list(images.TYPES)})
    image = await images.normalised(await request.body(), media_type)
    async with database.transaction(who.tenant_id) as tx:
        row = await achievements.replace_image(tx, who.tenant_id, achievement_id, image, if_match)
    return _version(row, response)


@router.post("/{achievement_id}/publish")
async def publish_achievement(
    achievement_id: UUID,
    who: Manager,
    database: AppDatabase,
    settings: Settings,
    response: Response,
    if_match: IfMatch = None,
) -> PublishedAchievement:
    """Publish the draft: it never changes again, and badges are issued from it. Repeated, it answers the same."""
    async with database.transaction(who.tenant_id) as tx:
        row = await achievements.publish(
            tx, who, achievement_id, if_match, settings.public_url, settings.status_list_size
        )
    return PublishedAchievement(**_version(row, response).model_dump(), missing=missing(row["content"]))


def _version(row: Row, response: Response) -> AchievementVersion:
    response.headers["ETag"] = etag(row["revision"])
    return AchievementVersion(id=row["id"], version=row["latest"], state=_state(row))


def _view(row: Row) -> Achievement:
    return Achievement(
        id=row["id"],
        version=row["latest"],
        state=_state(row),
        published_version=row["published"],
        created_at=row["created_at"],
        has_image=row["image"] is not None,
        missing=missing(row["content"]),
        content=row["content"],
    )


def _state(row: Row) -> State:
    return "published" if row["latest"] == row["published"] else "draft"
