"""Proofs that an event stands in the transparency log, for programs: as JSON, and as files that other programs read.

A proof says that a commitment is in the log, and nothing of what it commits to. Whom the event concerns is given the
opening beside: the facts, and the salt without which nobody could tell them from any others.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import orjson
from asyncpg import Record
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from services.registry import reading
from services.registry.api import Caller, visible_to
from services.registry.domain import rules
from services.registry.domain.leaves import Opening, opening_of
from services.registry.log.tree import inclusion_proof
from services.registry.pages import Owner
from services.registry.public import OPEN, answers
from services.registry.store import log as store
from shared.db import Tx
from shared.errors import NotFound
from shared.transparency.merkle import leaf_hash
from shared.transparency.proof_files import MEDIA_TYPE, write_proof_file
from shared.web.databases import AppDatabase, WorkerDatabase
from shared.web.problems import RESPONSES

router = APIRouter(tags=["transparency log"], responses=RESPONSES)

_ANSWERS_FILE = answers("text/plain", {"type": "string"})
_Version = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Absent: the first, its issuing.")]


class Proof(BaseModel):
    """Where an event stands in the log, and what shows it (RFC 6962 section 2.1.1)."""

    event_id: UUID
    origin: str = Field(description="The log's name.", examples=["log.badges.example"])
    log: int = Field(description="Its number here: its files stand at /log/<number>.", examples=[1])
    log_index: int = Field(description="Which leaf it is, from 0.", examples=[41])
    entry: str = Field(description="The leaf's entry in base64: a commitment of 32 bytes (docs/record.md).")
    leaf_hash: str = Field(description="SHA-256 of a zero byte and the entry, in base64.")
    tree_size: int = Field(description="How many leaves the checkpoint has.", examples=[57])
    hashes: list[str] = Field(description="The inclusion proof, from the leaf upwards, in base64.")
    checkpoint: str = Field(description="The signed note whose root the proof leads to.")
    backfilled: bool = Field(description="Whether it happened before there was a log.")
    opening: dict[str, Any] | None = Field(
        description="For whom it concerns: `facts` and `salt`, of which the entry is the commitment; null otherwise."
    )


@dataclass(frozen=True, slots=True)
class _Proven:
    tree: Record
    leaf: Record
    checkpoint: Record
    hashes: list[bytes]
    opening: Opening | None

    @property
    def opened(self) -> Mapping[str, Any] | None:
        return {"facts": self.opening.facts, "salt": self.opening.salt} if self.opening else None

    @property
    def private(self) -> dict[str, str]:
        """How long others may keep it: what was opened is nobody else's."""
        return {"Cache-Control": "private, no-store"} if self.opening else {**OPEN, "Cache-Control": "no-cache"}


@router.get("/v1/log/proofs/{event_id}.tlog-proof", response_class=Response, responses=_ANSWERS_FILE)
async def proof_file(
    event_id: UUID, caller: Caller, app: AppDatabase, worker: WorkerDatabase, owner: Owner = None
) -> Response:
    """The proof as a file (C2SP tlog-proof), with the opening in its line of extra data for whom it concerns."""
    async with visible_to(caller, app, worker) as tx:
        return _file(await _proven(tx, event_id, owner), f"event-{event_id}")


@router.get("/v1/log/proofs/{event_id}")
async def proof(
    event_id: UUID, caller: Caller, app: AppDatabase, worker: WorkerDatabase, response: Response, owner: Owner = None
) -> Proof:
    """The proof that an event is in the log, under the newest published checkpoint.

    An event that is not there yet is `not_yet_logged`: mostly for less than a second; `/readyz` says when for longer.
    """
    async with visible_to(caller, app, worker) as tx:
        found = await _proven(tx, event_id, owner)
    response.headers.update(found.private)
    entry: bytes = found.leaf["entry"]
    return Proof(
        event_id=event_id,
        origin=found.tree["origin"],
        log=found.tree["number"],
        log_index=found.leaf["log_index"],
        entry=_base64(entry),
        leaf_hash=_base64(leaf_hash(entry)),
        tree_size=found.checkpoint["size"],
        hashes=list(map(_base64, found.hashes)),
        checkpoint=found.checkpoint["note"],
        backfilled=found.leaf["backfilled"],
        opening=dict(found.opened) if found.opened else None,
    )


@router.get("/credentials/{credential_id}.tlog-proof", response_class=Response, responses=_ANSWERS_FILE)
async def badge_proof_file(
    credential_id: UUID,
    caller: Caller,
    app: AppDatabase,
    worker: WorkerDatabase,
    version: _Version = 1,
    owner: Owner = None,
) -> Response:
    """The proof that a badge's issuing, or another version of it, is in the log, as a file (C2SP tlog-proof)."""
    async with visible_to(caller, app, worker) as tx:
        event_id = await store.event_of_version(tx, credential_id, version)
        if event_id is None:
            raise reading.unknown_badge()
        return _file(await _proven(tx, event_id, owner), f"badge-{credential_id}-{version}")


async def _proven(tx: Tx, event_id: UUID, owner_token: str | None) -> _Proven:
    """Return the proof of an event under the newest published checkpoint of its log; raises NotFound."""
    leaf = await store.logged(tx, event_id)
    if leaf is None:
        raise NotFound("event_not_found", "There is no event with this id that goes into the log.")
    tree = await store.tree(tx, leaf["tree"]) if leaf["tree"] else None
    checkpoint = await store.published(tx, leaf["tree"]) if tree else None
    if tree is None or checkpoint is None or leaf["log_index"] >= checkpoint["size"]:
        raise NotFound("not_yet_logged", "It waits for its place in the log, or for a checkpoint. Try again shortly.")
    hashes = await inclusion_proof(tx, tree["number"], leaf["log_index"], checkpoint["size"])
    return _Proven(tree, leaf, checkpoint, hashes, await _opening(tx, event_id, owner_token))


async def _opening(tx: Tx, event_id: UUID, owner_token: str | None) -> Opening | None:
    row = await store.opening(tx, event_id, rules.owner_token_hash(owner_token or ""))
    if row and row["salt"]:
        return opening_of(dict(row))
    changed = await store.change(tx, event_id)
    return Opening(changed["facts"], changed["salt"]) if changed and changed["salt"] else None


def _file(found: _Proven, name: str) -> Response:
    extra = orjson.dumps(found.opened) if found.opened else None
    content = write_proof_file(found.leaf["log_index"], found.hashes, found.checkpoint["note"].encode(), extra)
    headers = {**found.private, "Content-Disposition": f'attachment; filename="{name}.tlog-proof"'}
    return Response(content, media_type=MEDIA_TYPE, headers=headers)


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode()
