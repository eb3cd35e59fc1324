"""What the notifier does with records and requests; each use case receives the open transaction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.notifier.domain import (
    BY_MAIL,
    CONFIRMABLE,
    MAX_ENDPOINTS,
    ROTATION,
    address_digest,
    checked_address,
    notice,
)
from services.notifier.store import copies, endpoints, links, notices, pacing, suppressions
from services.notifier.store import deliveries as ledger
from services.notifier.store.deliveries import Filter, Range
from services.notifier.webhooks import new_secret
from shared import telemetry
from shared.api_keys.states import row_of
from shared.db import Tx
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.ids import new_id
from shared.messaging import positions, projections
from shared.messaging.cloudevents import Delivery, messages_of
from shared.messaging.events import ApiKeyContent, CredentialIssued, CredentialStatusChanged, InstitutionState
from shared.sealing import Sealer
from shared.web.auth import Principal
from shared.web.idempotency import Attempt, claim
from shared.web.pagination import Place

EVENTS_GROUP = "laurel.notifier.events"
STATE_GROUP = "laurel.notifier.state"

MAX_ADDRESS = 320


# --- records ---------------------------------------------------------------------------------------------------------


async def tell(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """Take what happened and what was recorded; where both are here, make the deliveries.

    Of a credential that is no badge nobody's address is known: systems are told of it, nobody is written to.
    """
    await notices.add_recipients(tx, list(messages_of(CredentialIssued, deliveries)))
    await notices.note_reasons(tx, _notes(messages_of(CredentialStatusChanged, deliveries)))
    halves = [(half, each.traceparent) for each in deliveries if (half := notice(each))]
    await notices.meet(tx, [half for half, _ in halves])
    await notices.announce(tx, {half.event_id: traceparent for half, traceparent in halves})


async def keep(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """Keep copies of institutions and API keys."""
    await projections.upsert(tx, "institutions", list(map(_institution, messages_of(InstitutionState, deliveries))))
    await projections.upsert(tx, "api_keys", list(map(row_of, messages_of(ApiKeyContent, deliveries))))


async def forget_copies(tx: Tx) -> None:
    """Empty the copies and have them read anew; the ledger of deliveries stays, so nobody is told anything again."""
    await positions.rewind(tx, STATE_GROUP)
    await copies.empty(tx)


def _notes(changes: Iterator[CredentialStatusChanged]) -> dict[UUID, str | None]:
    reasoned = (each for each in changes if each.change != "reinstated")
    return {each.credential_id: each.reason.note if each.reason else None for each in reasoned}


def _institution(state: InstitutionState) -> dict[str, Any]:
    return {"id": state.institution_id, **state.model_dump(include={"version", "name", "url"})}


# --- requests --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """What a tenant asks for: where to, of which types of events (None: all), and who hears of a failure."""

    url: str
    events: Sequence[str] | None
    contact: str | None


async def register(
    tx: Tx, principal: Principal, wanted: NewEndpoint, attempt: Attempt | None, sealer: Sealer
) -> tuple[Any, str]:
    """Store an endpoint; return it, and its secret, which nobody is shown again.

    Raises Invalid (`address_refused`), and Conflict: `secret_already_shown` where this was done before,
    `endpoints_exhausted` where the tenant has as many as it may have.
    """
    if wanted.contact is not None and checked_address(wanted.contact) is None:
        raise Invalid("address_refused", "The contact must be one plain mail address.")
    by_mail = wanted.url.startswith(BY_MAIL)
    endpoint_id = new_id()
    made = await claim(tx, attempt, endpoint_id)
    if made is not None:
        raise Conflict("secret_already_shown", "The endpoint was made, and its secret shown, before.", id=str(made))
    if await endpoints.lock_and_count(tx, principal.tenant_id) >= MAX_ENDPOINTS:
        raise Conflict("endpoints_exhausted", f"You have {MAX_ENDPOINTS} endpoints: remove one first.")
    secret, sealed = new_secret(sealer, endpoint_id)
    row = await endpoints.add(
        tx,
        principal,
        endpoint_id=endpoint_id,
        url=wanted.url,
        events=wanted.events,
        contact=wanted.contact,
        secret=sealed,
        confirmed=not by_mail,
    )
    if by_mail:
        await _add(tx, principal.tenant_id, endpoint_id, "endpoint.confirm", "mail")
    return row, secret


async def confirm(tx: Tx, endpoint_id: UUID) -> None:
    """Let a mail address be told, which whoever reads there has asked for; raises NotFound."""
    _found(await endpoints.confirm(tx, endpoint_id, CONFIRMABLE))


async def test(tx: Tx, principal: Principal, endpoint_id: UUID) -> Any:
    """Have a test sent to an endpoint; return its delivery. Raises NotFound, and Conflict where it can't be sent."""
    row = _found(await endpoints.get(tx, endpoint_id))
    if row["disabled_at"]:
        raise Conflict("endpoint_disabled", "It is disabled: enable it first.")
    if row["confirmed_at"] is None:
        raise Conflict("endpoint_unconfirmed", "Nobody has confirmed that they want to be told at this address.")
    if await endpoints.has_waiting_test(tx, endpoint_id):
        raise Conflict("test_under_way", "A test is on its way to it already.", retry_after=30)
    channel = "mail" if row["url"].startswith(BY_MAIL) else "webhook"
    return await ledger.get(tx, await _add(tx, principal.tenant_id, endpoint_id, "endpoint.test", channel))


async def rotate(tx: Tx, endpoint_id: UUID, sealer: Sealer) -> tuple[Any, str]:
    """Give an endpoint a new secret; the one before it signs as well for a day. Raises NotFound."""
    secret, sealed = new_secret(sealer, endpoint_id)
    return _found(await endpoints.rotate(tx, endpoint_id, sealed, ROTATION)), secret


async def endpoint(tx: Tx, endpoint_id: UUID) -> Any:
    """Return an endpoint; raises NotFound."""
    return _found(await endpoints.get(tx, endpoint_id))


async def enable(tx: Tx, endpoint_id: UUID) -> Any:
    """Let an endpoint be delivered to again, and return it; its owner hears of that. Raises NotFound.

    A mail address is written to again though it bounced: it would be shown as enabled, and told nothing.
    """
    row = _found(await endpoints.enable(tx, endpoint_id))
    if row["url"].startswith(BY_MAIL):
        await suppressions.forgive(tx, row["tenant_id"], address_digest(row["url"].removeprefix(BY_MAIL)))
    if row["was_disabled"]:
        await ledger.add_for_owner(tx, endpoint_id, "endpoint.enabled", telemetry.outgoing().get("traceparent"))
    return row


async def remove(tx: Tx, endpoint_id: UUID) -> None:
    """Remove an endpoint; raises NotFound."""
    _found(await endpoints.remove(tx, endpoint_id))


async def delivery(tx: Tx, delivery_id: UUID) -> Any:
    """Return a delivery with its attempts; raises NotFound."""
    return _found_delivery(await ledger.get(tx, delivery_id))


async def deliveries(tx: Tx, wanted: Filter, after: Place | None, limit: int) -> Sequence[Any]:
    """Return up to `limit` deliveries, newest first; raises NotFound for another tenant's event or credential."""
    if wanted.event_id is not None and not await ledger.knows_event(tx, wanted.event_id):
        raise NotFound("event_not_found", "There is no event with this id.")
    if wanted.credential_id is not None and not await ledger.knows_credential(tx, wanted.credential_id):
        raise NotFound("credential_not_found", "There is no credential with this id.")
    return await ledger.page(tx, wanted, after, limit)


async def replay(tx: Tx, principal: Principal, delivery_id: UUID) -> Any:
    """Have a delivery sent (again) now, with its whole schedule before it; its id stays.

    Raises NotFound, Conflict while it is being sent, Forbidden where it is stale and no operator asks.
    """
    row = _found_delivery(await ledger.lock(tx, delivery_id))
    if row["leased"]:
        raise Conflict("delivery_under_way", "It is being sent at this moment.", retry_after=30)
    if row["state"] == "stale" and principal.kind != "operator":
        raise Forbidden("operator_needed", "It is older than 48 hours: only an operator can have it sent.")
    await ledger.start_again(tx, delivery_id)
    return await ledger.get(tx, delivery_id)


async def replay_range(tx: Tx, principal: Principal, wanted: Range, after: Place | None, limit: int) -> Sequence[Any]:
    """Have up to `limit` deliveries of a range sent again, oldest first; return each one's time and id.

    Raises NotFound for another tenant's endpoint, Forbidden where they are stale and no operator asks.
    """
    if wanted.state == "stale" and principal.kind != "operator":
        raise Forbidden("operator_needed", "They are older than 48 hours: only an operator can have them sent.")
    if wanted.endpoint_id is not None:
        _found(await endpoints.get(tx, wanted.endpoint_id))
    return await ledger.replay(tx, wanted, after, limit)


async def allow(tx: Tx, suppression_id: UUID) -> None:
    """Let an address be written to again that bounced. Raises NotFound, and Conflict where its reader unsubscribed."""
    reason = await suppressions.remove(tx, suppression_id)
    if reason is None:
        raise NotFound("suppression_not_found", "There is no suppression with this id.")
    if reason == "unsubscribed":
        raise Conflict("reader_unsubscribed", "Whoever reads there wants no more: only they can take that back.")


def plain_address(text: str) -> str:
    """Return the one plain mail address that `text` is; raises Invalid (`address_refused`)."""
    # No longer than an address can be (RFC 5321 section 4.5.3.1).
    address = checked_address(text.strip()) if len(text) <= MAX_ADDRESS else None
    if address is None:
        raise Invalid("address_refused", "Write one plain mail address, such as ada@example.org.")
    return address


async def ask_for_links(tx: Tx, address: str) -> None:
    """Have the links of the badges of an address mailed to it, should there be any: nothing here depends on that."""
    await links.ask(tx, new_id(), address, telemetry.outgoing().get("traceparent"))


async def forget_what_has_served(tx: Tx) -> None:
    """Forget requests for links that could not be answered, what was kept of those that were, and slots long past."""
    await links.forget_old(tx)
    await pacing.forget_old(tx)


async def _add(tx: Tx, tenant_id: UUID, endpoint_id: UUID, mail: str, channel: str) -> UUID:
    trace = telemetry.outgoing().get("traceparent")
    return await ledger.add_for_endpoint(tx, tenant_id, endpoint_id, mail, channel, trace)


def _found(row: Any) -> Any:
    if not row:
        raise NotFound("endpoint_not_found", "There is no endpoint with this id.")
    return row


def _found_delivery(row: Any) -> Any:
    if not row:
        raise NotFound("delivery_not_found", "There is no delivery with this id.")
    return row
