"""What the registry answers from its tables, each in the open transaction of a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from asyncpg import Record

from services.registry.domain import rules
from services.registry.domain.badge import Badge, Institution
from services.registry.store import badges, published, record
from shared import db
from shared.credentials.badge import achievement_document
from shared.credentials.instants import read_instant
from shared.credentials.shape import items
from shared.credentials.state import State, state_of
from shared.db import Tx
from shared.errors import NotFound
from shared.ids import partition_of

ISSUER = "/laurel/issuer"
# Nobody's: asked for in place of what is no id, so that this costs the same statement.
NO_ID = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Owned:
    """What a record holds beyond its public form."""

    history: list[Record]
    document: dict[str, Any] | None
    verifications: int


@dataclass(frozen=True, slots=True)
class Document:
    """A signed document as it was signed, and whether everybody may see it."""

    text: str
    public: bool


async def public_form(tx: Tx, credential_id: UUID) -> Record:
    """Return the public form of a record; raises NotFound."""
    form = await record.public_credential(tx, credential_id)
    if form is None:
        raise unknown_badge()
    return form


async def owned_form(tx: Tx, form: Record) -> Owned | None:
    """Return what the owner sees beyond the public `form`; None where the transaction's tenant is not the owner.

    All is asked for before anything is decided, so that another's badge costs the same statements as one's own.
    """
    history = await record.owned_history(tx, form["id"], form["version"])
    document = await badges.owned_document(tx, form["id"])
    verifications = await record.count_verifications(tx, form["id"])
    if not history:
        return None
    return Owned(history, orjson.loads(document) if document else None, verifications)


async def document(tx: Tx, credential_id: UUID, owner_token: str | None) -> Document:
    """Return the signed document: to the transaction's tenant, to who holds the owner link's token, or to everybody.

    Raises NotFound, in the same words and after the same statements whether there is no such badge or no right to it.
    """
    own = await badges.owned_document(tx, credential_id)
    view = await badges.view(tx, credential_id, rules.owner_token_hash(owner_token or ""))
    found = own or (view and view["document"])
    if not found or not view:
        raise NotFound(
            "document_not_found",
            "There is no such document, or no right to it was shown: the owner's link or key.",
        )
    return Document(found, public=view["shown"])


async def picture(tx: Tx, credential_id: UUID) -> bytes:
    """Return the PNG of what a badge was issued for; raises NotFound, which is for who may have the badge alone."""
    png = await published.badge_image(tx, credential_id)
    if png is None:
        raise NotFound("picture_not_found", "It has no picture to be put into. It can be had as JSON.")
    return png


async def badge(tx: Tx, credential_id: UUID, owner_token: str | None, public_url: str, *, demo: bool) -> Badge:
    """Return what a badge's page may tell to who asks with `owner_token`, or with none.

    Raises NotFound, in the same words and after the same statement whether there is no such badge or the token is not
    its owner's.
    """
    token_hash = rules.owner_token_hash(owner_token or "")
    found = await badges.page(tx, credential_id, token_hash, ISSUER)
    if found["id"] is None or (owner_token is not None and not found["owned"]):
        raise unknown_badge()
    return _badge(found, public_url, demo=demo)


async def token(tx: Tx, credential_id: UUID, owner_token: str | None) -> Document:
    """Return a badge as the token that it also is, to whom `document` shows it; raises NotFound, as that does.

    Who may have the badge is told where it has no token (`no_token`).
    """
    shown = await document(tx, credential_id, owner_token)
    found = await badges.token(tx, credential_id, rules.owner_token_hash(owner_token or ""))
    if found is None:
        raise NotFound("no_token", "No token was asked for when it was issued. It can be had as JSON.")
    return Document(found, public=shown.public)


def unknown_badge() -> NotFound:
    """Build the error that says that a badge is not here."""
    return NotFound("credential_not_found", "There is no credential with this id.")


async def status_list(tx: Tx, list_id: UUID, as_of: datetime | None) -> Record:
    """Return a signed status list, now or as of a time, to the minute.

    Raises NotFound, with the reason, and Malformed for a time to come.
    """
    if as_of is not None:
        rules.check_as_of(as_of, await db.now(tx))
        if found := await published.list_as_of(tx, list_id, as_of):
            return found
    current = await published.current_list(tx, list_id)
    if current is None:
        raise NotFound("status_list_not_found", "There is no status list with this id.", type=rules.RETRIEVAL_ERROR)
    if as_of is not None:
        raise NotFound(
            "status_list_not_yet_signed", "This status list had not been signed by then.", type=rules.RETRIEVAL_ERROR
        )
    return current


async def achievement(tx: Tx, achievement_id: UUID, number: int, *, demo: bool) -> dict[str, Any]:
    """Return a published version of an achievement as an Open Badges 3.0 document; raises NotFound."""
    found = await published.achievement(tx, achievement_id, number)
    if found is None:
        raise NotFound("achievement_not_found", "There is no such published version of an achievement.")
    # The European elements without an Open Badges term would be undefined terms here; they stand in the record.
    badge_form = {name: value for name, value in found["achievement"].items() if name != "micro_credential"}
    return achievement_document(badge_form, creator=found["did"], demo=demo)


async def own_achievement(tx: Tx, achievement_id: UUID) -> None:
    """Raise NotFound unless the transaction's tenant has such an achievement."""
    if not await record.has_achievement(tx, achievement_id):
        raise NotFound("achievement_not_found", "There is no achievement with this id.")


async def image(tx: Tx, achievement_id: UUID, number: int) -> bytes:
    """Return the PNG of a published version of an achievement; raises NotFound."""
    png = await published.image(tx, achievement_id, number)
    if png is None:
        raise NotFound("image_not_found", "There is no image of such an achievement.")
    return png


def _badge(row: Record, public_url: str, *, demo: bool) -> Badge:
    institution = None
    if row["did"]:
        told = row["institution_name"], row["did"], row["institution_url"], row["standing"]
        institution = Institution(*told, tuple(row["former_dids"]))
    return Badge(
        id=row["id"],
        institution_id=row["institution_id"],
        address=f"{public_url}/credentials/{row['id']}",
        status=row["stated_status"] if (row["stated_version"] or 0) > row["version"] else row["status"],
        version=row["version"],
        issued_at=row["issued_at"],
        history=row["history"],
        institution=institution,
        achievement_path=_achievement_path(row),
        achievement=row["achievement"],
        has_image=bool(row["has_image"]),
        has_png=row["has_png"],
        has_token=row["has_token"],
        kept=row["owned"] is not None,
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        document=orjson.loads(row["document"]) if row["document"] else None,
        owned=bool(row["owned"]),
        shown=bool(row["shown"]),
        reasons=row["reasons"] or {},
        as_of=_as_of(row["heard"] or {}, row["id"], row["institution_id"]),
        held=row["held"],
        now=row["now"],
        demo=demo or bool(row["sandbox"]),
        last_actor=row["last_actor"],
        types=types_of(row["types"]),
        replaced_by=row["replaced_by"],
        renewed_by=row["renewed_by"],
    )


def state(form: Record) -> State:
    """Return how the credential of a public form stands."""
    return state_of(
        form["status"],
        replaced=form["replaced_by"] is not None,
        renewed=form["renewed_by"] is not None,
        ends=read_instant(form["ends"]),
        now=form["now"],
    )


def _achievement_path(row: Record) -> str | None:
    return f"/achievements/{row['achievement_id']}/{row['achievement_version']}" if row["achievement_id"] else None


def types_of(stated: Any) -> tuple[str, ...]:
    """Return the types that a credential states, which may be one or many; none of a badge."""
    return tuple(each for each in items(stated) if isinstance(each, str))


def _as_of(heard: Mapping[str, str], *keys: UUID) -> datetime | None:
    """Return up to when all that the issuer has said of `keys` is here; None where some of it never came."""
    times = [heard.get(str(partition_of(str(key)))) for key in keys]
    return min((datetime.fromisoformat(time) for time in times if time), default=None) if all(times) else None
