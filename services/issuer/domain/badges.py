"""A badge from an order: what goes into it, and what is checked before."""

from collections.abc import Hashable
from datetime import datetime
from typing import Any

from services.issuer.domain.formats import names_its_subject
from services.issuer.domain.plan import AnyOrder, Draft, Given, Order, Plan
from shared.credentials.badge import Issuer, Recipient, open_badge
from shared.credentials.status import status_entry
from shared.errors import Invalid


def refuse_impossible(plan: Plan, order: Order) -> None:
    """Raise Invalid where the order can't make a badge of this achievement."""
    if order.recipient_id is None and order.email is None:
        raise Invalid("recipient_missing", "A badge needs its recipient's email or id.")
    if order.valid_until and order.valid_until <= (order.valid_from or plan.now):
        raise Invalid("validity_is_empty", "valid_until does not lie after the beginning of validity.")
    _refuse_time_to_renew(order, order.valid_from or plan.now)
    known = {each["id"] for each in plan.achievement.get("resultDescription", ())}
    if not {each["resultDescription"] for each in order.results if "resultDescription" in each} <= known:
        raise Invalid("result_description_unknown", "A result refers to a description that this achievement lacks.")


def likeness(order: AnyOrder) -> Hashable:
    """Return what makes badges of one plan alike to whoever reads them strictly; None: it is like no other.

    Names, addresses and dates were checked when they were read: which ones they are decides nothing any more.
    """
    if isinstance(order, Given) or order.recipient_id is not None or order.evidence or order.results:
        return None
    return tuple(each is None for each in (order.email, order.name, order.valid_from, order.valid_until))


def _refuse_time_to_renew(order: Order, begins: datetime) -> None:
    if order.renewable_until and order.valid_until is None:
        raise Invalid("renewable_without_end", "A badge that does not run out is not renewed: it needs a valid_until.")
    if order.renewable_until and order.renewable_until <= begins:
        raise Invalid("renewable_until_too_early", "renewable_until does not lie after the beginning of validity.")


def unsigned(plan: Plan, draft: Draft, order: Order, public_url: str, *, demo: bool) -> dict[str, Any]:
    """Return the badge without a proof; raises CredentialError where it can't be built."""
    return open_badge(
        credential_id=f"{public_url}/credentials/{draft.id}",
        issuer=Issuer(plan.did, plan.name, plan.url),
        achievement=plan.achievement,
        recipient=Recipient(_recipient_id(plan, draft, order), order.email, order.name, draft.identity_salt),
        valid_from=order.valid_from or plan.now,
        valid_until=order.valid_until,
        evidence=order.evidence,
        results=order.results,
        status=[
            status_entry(f"{public_url}/status-lists/{place.list_id}", place.index, place.purpose)
            for place in draft.positions
        ],
        demo=demo,
    )


def _recipient_id(plan: Plan, draft: Draft, order: Order) -> str | None:
    """Return whose badge it is; a token of Open Badges names its subject, by a name of its own if there is none."""
    made_up = f"urn:uuid:{draft.subject_id}" if names_its_subject(plan.formats) else None
    return order.recipient_id or made_up
