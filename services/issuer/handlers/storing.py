"""The last step of issuing: claims, rows and records of signed badges, in one transaction."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.issuer.domain import messages
from services.issuer.domain.plan import AnyOrder, Plan, Signed, SigningKeys
from services.issuer.domain.row import Row
from services.issuer.handlers import succeeding
from services.issuer.store import credentials as store
from shared import telemetry
from shared.db import Tx
from shared.errors import Conflict, LaurelError
from shared.messaging import outbox
from shared.messaging.outbox import state_entry
from shared.web import idempotency
from shared.web.auth import Principal
from shared.web.idempotency import Attempt

# What stands for a key where none was asked for (LAUREL_VC_API_OPEN_INSTITUTION).
OPEN_KEY = "open"
# The row of a request that is no batch (shared.web.idempotency).
ALONE = -1


@dataclass(frozen=True)
class Requester:
    """Who asks for badges, and by which attempt each row is claimed; `ALONE` is the request itself."""

    principal: Principal
    attempts: Mapping[int, Attempt] = field(default_factory=dict)

    @property
    def api_key_id(self) -> UUID | None:
        """The API key that must still hold; None for the one test institution that is open without any."""
        return None if self.principal.key_id == OPEN_KEY else UUID(self.principal.key_id)

    async def claim(self, tx: Tx, ids: Mapping[int, UUID]) -> dict[int, UUID | LaurelError]:
        """Claim each row for the credential about to be stored; return those that are another's, and whose."""
        return await idempotency.claim_all(tx, self.attempts, ids)

    async def settle(self, tx: Tx, outcomes: Mapping[int, UUID | LaurelError]) -> None:
        """Write down what became of the rows, in the transaction that stores their credentials."""


async def store_signed(
    tx: Tx, requester: Requester, plan: Plan, signed: Sequence[Signed]
) -> dict[int, UUID | LaurelError]:
    """Store signed badges with what is told of them, and drop those whose rows somebody else has claimed.

    Returns each row's badge, ours or the one that was made before, or why it has none. Raises as
    `Requester.claim` does, and why a row that was claimed can't take its predecessor's place any more.
    """
    ids = {each.draft.row: each.draft.id for each in signed}
    made = await requester.claim(tx, ids)
    refused = await succeeding.refusals(tx, plan, _orders(signed, without=made))
    for row in refused.keys() & requester.attempts.keys():
        raise refused[row]  # its claim goes with it
    made |= refused
    ours = [each for each in signed if each.draft.row not in made]
    if ours:
        await _store(tx, requester.principal, plan, ours)
        await succeeding.succeed(tx, requester.principal, ours)
    return {**ids, **made}


def _orders(signed: Sequence[Signed], without: Container[int]) -> dict[int, AnyOrder]:
    return {each.draft.row: each.draft.order for each in signed if each.draft.row not in without}


async def names_taken(tx: Tx, plan: Plan, orders: Mapping[int, AnyOrder]) -> dict[int, UUID | LaurelError]:
    """Return, for each row whose credential's name the institution has given before, why there can't be another."""
    named = {row: order.client_id for row, order in orders.items() if order.client_id is not None}
    taken = await store.by_client_ids(tx, plan.institution_id, set(named.values())) if named else {}
    return {row: _name_taken(id=str(taken[name])) for row, name in named.items() if name in taken}


def _name_taken(**members: str) -> Conflict:
    detail = "The institution has issued a credential of this id before; the registry has it by its own id."
    return Conflict("credential_id_taken", detail, **members)


async def _store(tx: Tx, principal: Principal, plan: Plan, signed: Sequence[Signed]) -> None:
    keys = plan.signing_keys
    credentials = [_credential(plan, keys, each) for each in signed]
    contents = [_content(plan, each) for each in signed]
    entries = [_entry(principal, plan, each) for each in signed]
    places = [
        {**place.model_dump(), "credential_id": each.draft.id, "institution_id": plan.institution_id}
        for each in signed
        for place in each.draft.positions
    ]
    try:
        await store.insert(tx, keys, credentials, contents, places)
    except store.ClientIdTaken as error:
        raise _name_taken() from error
    await store.insert_history(tx, entries)
    told: list[outbox.Entry] = []
    for each, credential, content, entry in zip(signed, credentials, contents, entries, strict=True):
        event = messages.issued(credential, entry, content, each.draft.positions)
        state = messages.credential_state(credential, [entry], each.draft.positions)
        told += [outbox.Entry(event, entry["event_id"], plan.now), state_entry(state, plan.now)]
    await outbox.add_many(tx, told)


def _credential(plan: Plan, keys: SigningKeys, signed: Signed) -> Row:
    order = signed.draft.order
    predecessor = {each.command: each.id for each in [order.predecessor] if each}
    return {
        "id": signed.draft.id,
        "kind": "badge" if plan.achievement_id else "generic",
        "institution_id": plan.institution_id,
        "achievement_id": plan.achievement_id,
        "achievement_number": plan.achievement_number,
        "signing_key_id": keys.first,
        "other_proof_key_ids": keys.others,
        "document_digest": signed.document_digest,
        "token_digest": signed.token_digest,
        "issued_at": plan.now,
        "valid_from": order.valid_from or (plan.now if plan.achievement_id else None),
        "valid_until": order.valid_until,
        "renewable_until": order.renewable_until,
        "replaces": predecessor.get("replace"),
        "renews": predecessor.get("renew"),
        "replaced_by": None,
    }


def _content(plan: Plan, signed: Signed) -> Row:
    return {
        "credential_id": signed.draft.id,
        "institution_id": plan.institution_id,
        "client_id": signed.draft.order.client_id,
        "document": signed.document,
        "token": signed.token,
        "email": signed.draft.order.email,
        "owner_token": signed.draft.owner_token,
    }


def _entry(principal: Principal, plan: Plan, signed: Signed) -> Row:
    return {
        "credential_id": signed.draft.id,
        "version": 1,
        "institution_id": plan.institution_id,
        "type": "issued",
        "status": "issued",
        "time": plan.now,
        "event_id": signed.draft.event_id,
        "salt": signed.draft.salt,
        "actor_role": principal.kind,
        "actor_key_id": principal.key_id,
        "reason_code": None,
        "reason_note": None,
        "traceparent": telemetry.outgoing().get("traceparent"),
    }
