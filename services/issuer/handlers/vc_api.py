"""What VC-API asks for beyond issuing: whose address it is, and a credential's bits set by the institution's names."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.issuer.domain.row import Row
from services.issuer.domain.status import Command, raised
from services.issuer.handlers import changing, institutions
from services.issuer.store import credentials as store
from shared.db import Tx
from shared.errors import Conflict, Malformed, NotFound
from shared.messaging.events import Purpose, Reason, StatusPosition
from shared.web.auth import Principal

# VC-API has no member for a reason.
NO_REASON = Reason(code="other")
_COMMANDS: dict[tuple[Purpose, bool], Command] = {
    ("revocation", True): "revoke",
    ("suspension", True): "suspend",
    ("suspension", False): "reinstate",
}


@dataclass(frozen=True)
class Bit:
    """Which bit of a credential, and how it is to be; list and index are given by whoever means a certain place."""

    credential_id: str
    purpose: Purpose
    raised: bool
    list_url: str | None = None
    index: str | None = None


async def refuse_other_address(tx: Tx, institution_id: UUID, slug: str | None) -> None:
    """Raise NotFound where an address has another institution's slug than that of who asks."""
    if slug != (await institutions.existing(tx, institution_id))["slug"]:
        raise NotFound("institution_not_found", "There is no institution of this name.")


async def set_bit(tx: Tx, principal: Principal, bit: Bit, public_url: str) -> Row:
    """Set or clear a credential's bit and return the credential; what is so already is not done again.

    Raises NotFound, Malformed (`status_entry_unknown`), Conflict: `status_does_not_allow` for a revocation that is to
    be taken back, `not_suspendable` where a credential has no such bit.
    """
    credential_id = await _id_of(tx, principal.tenant_id, bit.credential_id, public_url)
    row = await store.lock(tx, principal.tenant_id, credential_id) if credential_id else None
    if row is None:
        raise NotFound("credential_not_found", "There is no credential with this id.")
    places = (await store.positions(tx, [row["id"]]))[row["id"]]
    if bit.purpose not in {place.purpose for place in places}:
        raise Conflict("not_suspendable", "This credential has no entry for suspension in a status list.")
    if not _is_among(places, bit, public_url):
        raise Malformed("status_entry_unknown", "The credential's place in a status list is another one.")
    if raised(row["status"])[bit.purpose] == bit.raised:
        return row
    command = _COMMANDS.get((bit.purpose, bit.raised))
    if command is None:
        raise Conflict("status_does_not_allow", "A revocation is final.", status=row["status"])
    return await changing.change(tx, principal, row["id"], command, NO_REASON, None)


async def _id_of(tx: Tx, institution_id: UUID, named: str, public_url: str) -> UUID | None:
    """Return our id for a credential that is named as the institution does, by our id, or by a badge's address."""
    own = await store.by_client_ids(tx, institution_id, [named])
    try:
        return own[named] if named in own else UUID(named.removeprefix(f"{public_url}/credentials/"))
    except ValueError:
        return None


def _is_among(places: Sequence[StatusPosition], bit: Bit, public_url: str) -> bool:
    return any(
        bit.list_url in (None, f"{public_url}/status-lists/{place.list_id}") and bit.index in (None, str(place.index))
        for place in places
        if place.purpose == bit.purpose
    )
