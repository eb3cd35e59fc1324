"""Institutions and their signing keys."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from services.issuer.api.access import (
    Manager,
    Operator,
    Reader,
    Settings,
    TheSigner,
)
from services.issuer.api.wire import Slug, WebUrl
from services.issuer.domain.row import Row
from services.issuer.handlers import institutions
from services.issuer.handlers.institutions import Founding
from services.issuer.handlers.moving import move_to_did_web
from services.issuer.handlers.withdrawing import withdraw_signing_key
from shared.credentials.keys import Algorithm
from shared.web import idempotency
from shared.web.databases import AppDatabase, WorkerDatabase
from shared.web.fields import Body, Instant, Name
from shared.web.idempotency import IdempotencyKey
from shared.web.pagination import Page
from shared.web.strict import StrictRoute

router = APIRouter(prefix="/v1/institutions", tags=["institutions"], route_class=StrictRoute)


class NewInstitution(Body):
    """A new institution."""

    name: Name = Field(examples=["North Academy"])
    slug: Slug = Field(examples=["north-academy"])
    url: WebUrl | None = None
    did_method: Literal["web", "key"] | None = Field(
        None,
        description="Absent: `web` where this deployment has a public https address, `key` elsewhere. A sandbox may "
        "have `web` on this machine alone: with every format, and known to this registry only.",
    )
    sandbox: bool = Field(
        False,
        description="Made for trying out: no figure of freshness counts it, `laurel sandbox remove` ends it.",
    )


class MadeInstitution(BaseModel):
    """The institution, and its first API key, which is shown this once."""

    id: UUID
    slug: str
    did: str = Field(examples=["did:web:badges.example:institutions:north-academy"])
    sandbox: bool
    api_key: str = Field(examples=["lrl_8d1c...f3_Qm9..."])


class Institution(BaseModel):
    """An institution as it stands."""

    id: UUID
    slug: str
    name: str = Field(examples=["North Academy"])
    did: str = Field(examples=["did:web:badges.example:institutions:north-academy"])
    former_dids: list[str]
    standing: Literal["registered", "withdrawn"]
    sandbox: bool


class NewDid(Body):
    """Which kind of DID an institution is to have."""

    did_method: Literal["web"] = Field(examples=["web"])


class MovedInstitution(BaseModel):
    """The institution, with the DIDs that it had before."""

    id: UUID
    slug: str
    did: str = Field(examples=["did:web:badges.example:institutions:north-academy"])
    former_dids: list[str] = Field(examples=[["did:key:z6Mk..."]])


class NewSigningKey(Body):
    """Which kind of key is to be made."""

    algorithm: Algorithm = Field(
        "EdDSA", description="As JOSE names it: EdDSA (Ed25519), ES256 (P-256), ES384 (P-384), RS256 (RSA)."
    )


class SigningKey(BaseModel):
    """A public key with which an institution signs, or has signed."""

    id: UUID
    algorithm: Algorithm
    verification_method: str
    public_key_multibase: str
    created_at: datetime
    retired_at: datetime | None
    withdrawn: bool = Field(False, description="Somebody else may have had it since `retired_at`.")


class Withdrawal(Body):
    """Since when a key may have been somebody else's too."""

    since: Instant


class WithdrawnKey(BaseModel):
    """The key as it is now, and the one of its kind that is in use (null: none)."""

    withdrawn: SigningKey
    in_use: SigningKey | None


class SigningKeys(Page):
    """Signing keys, oldest first."""

    items: list[SigningKey]


@router.post("", status_code=201)
async def make_institution(
    body: NewInstitution,
    operator: Operator,
    header: IdempotencyKey,
    database: WorkerDatabase,
    signer: TheSigner,
    settings: Settings,
) -> MadeInstitution:
    """Register an institution: it gets its DID, its first API key and its signing keys.

    Those are an Ed25519 key, and for a did:web institution one on P-256 as well.
    """
    attempt = idempotency.attempt(operator.tenant_id, header)
    founding = Founding(**body.model_dump())
    async with idempotency.remembering(database, attempt), database.transaction() as tx:
        institution, key = await institutions.found(tx, operator, founding, attempt, signer, settings.public_url)
    return MadeInstitution(**{name: institution[name] for name in ("id", "slug", "did", "sandbox")}, api_key=key.text)


@router.get("/own")
async def own_institution(who: Reader, database: AppDatabase) -> Institution:
    """The institution whose key asks."""
    async with database.transaction(who.tenant_id) as tx:
        row = await institutions.existing(tx, who.tenant_id)
    return Institution(**{name: row[name] for name in Institution.model_fields})


@router.post("/{institution_id}/did")
async def move_institution(
    institution_id: UUID,
    body: NewDid,
    who: Manager,
    header: IdempotencyKey,
    database: AppDatabase,
    signer: TheSigner,
    settings: Settings,
) -> MovedInstitution:
    """Give a did:key institution a did:web, with a new key of each kind and lists of its own. There is no way back.

    What was issued until now stays as good as it is and can be revoked: its lists go on being signed with the old key,
    which signs nothing else from now on.
    """
    attempt = idempotency.attempt(who.tenant_id, header)
    async with idempotency.remembering(database, attempt), database.transaction(who.tenant_id) as tx:
        row = await move_to_did_web(
            tx, who, institution_id, attempt, signer, settings.public_url, settings.status_list_size
        )
    return MovedInstitution(**{name: row[name] for name in MovedInstitution.model_fields})


@router.get("/{institution_id}/signing-keys")
async def list_signing_keys(institution_id: UUID, who: Reader, database: AppDatabase) -> SigningKeys:
    """All keys with which the institution signs or has signed."""
    async with database.transaction(who.tenant_id) as tx:
        return SigningKeys(items=[_view(row) for row in await institutions.signing_keys(tx, institution_id)])


@router.post("/{institution_id}/signing-keys", status_code=201)
async def renew_signing_key(
    institution_id: UUID,
    who: Manager,
    header: IdempotencyKey,
    database: AppDatabase,
    signer: TheSigner,
    settings: Settings,
    body: NewSigningKey | None = None,
) -> SigningKey:
    """Make a signing key, the first of its kind or in place of the one in use. What the old one has signed stays good.

    An institution has one key of a kind in use. A did:key institution has its one key, for good.
    """
    algorithm = (body or NewSigningKey()).algorithm
    attempt = idempotency.attempt(who.tenant_id, header)
    async with idempotency.remembering(database, attempt), database.transaction(who.tenant_id) as tx:
        row = await institutions.renew_signing_key(
            tx, who, institution_id, algorithm, attempt, signer, did_per_key=settings.vc_api_open_institution
        )
    return _view(row)


@router.post("/{institution_id}/signing-keys/{key_id}/withdraw")
async def withdraw_key(
    institution_id: UUID, key_id: UUID, body: Withdrawal, who: Manager, database: AppDatabase, signer: TheSigner
) -> WithdrawnKey:
    """Withdraw a key that somebody else may have had `since` a time; a new one takes its place.

    What it signed before stays valid here, what it signed later is refused (`key_retired`). `did.json` has it with
    `revoked` from then on: a verifier that knows no record of ours can't tell a signature of before from one that is
    dated back. Repeated, it changes nothing; an earlier time moves the border. `laurel drill key-compromise` does this
    and what comes after it.
    """
    async with database.transaction(who.tenant_id) as tx:
        key, used = await withdraw_signing_key(tx, who, institution_id, key_id, body.since, signer)
    return WithdrawnKey(withdrawn=_view(key), in_use=_view(used) if used else None)


def _view(row: Row) -> SigningKey:
    # A key that was just made has not been withdrawn.
    return SigningKey(**{name: row[name] for name in SigningKey.model_fields if name in row.keys()})  # noqa: SIM118  # of a record, `in` asks its values
