"""The badge that takes another's place, or continues it: what was asked for the older one, with what differs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from services.issuer.domain.formats import AnyFormat, Formats
from services.issuer.domain.plan import Order, Predecessor
from services.issuer.domain.row import Row
from shared.credentials import jwt
from shared.credentials.instants import read_instant
from shared.credentials.shape import items
from shared.errors import Conflict, Invalid


def refuse_generic(credential: Row) -> None:
    """Raise Conflict (`not_a_badge`) for what its institution wrote itself: only it can write another."""
    if credential["kind"] != "badge":
        detail = "The institution wrote this credential itself: it issues another, and revokes this one."
        raise Conflict("not_a_badge", detail)


def replacement(old: Row, predecessor: Predecessor, changes: Mapping[str, Any]) -> Order:
    """Return the order for a badge in place of `old`: as that one's document has it, but for `changes`.

    `changes` has members of an order. A time to renew in goes with the end that it belonged to.
    """
    base = _order_of(old)
    if changes.get("valid_until", base.valid_until) is None:
        base = replace(base, renewable_until=None)
    return replace(base, **changes, predecessor=predecessor)


def renewal(old: Row, predecessor: Predecessor, changes: Mapping[str, Any], now: datetime) -> Order:
    """Return the order for a badge that continues `old`: the same but for its dates.

    It begins now, and lasts as long as the old one did from the end of that one on, or from now where that is over;
    unless `changes` say otherwise. Raises Invalid (`renewal_ends_earlier`).
    """
    base = _order_of(old)
    order = replace(base, valid_from=now, **_later(base, now), predecessor=predecessor)
    order = replace(order, **{name: value for name, value in changes.items() if value is not None})
    if base.valid_until and order.valid_until and order.valid_until <= base.valid_until:
        raise Invalid("renewal_ends_earlier", "The new badge would not be valid for longer than the old one is.")
    return order


def formats_of(old: Row) -> Formats:
    """Return the formats in which a badge was signed.

    A cryptosuite, or a profile but for RS256, is one `Format` here: another key for the same one is not told apart.
    """
    suites = [cast(AnyFormat, each["cryptosuite"]) for each in items(old["document"]["proof"])]
    if old["token"] is None:
        return suites
    token = jwt.read(old["token"])
    rsa = token.header["alg"] == "RS256"
    return [*suites, "vc+jwt" if token.profile == "vc+jwt" else "ob3-jwt-rs256" if rsa else "ob3-jwt"]


def _order_of(old: Row) -> Order:
    document = old["document"]
    subject = document["credentialSubject"]
    named = (each for each in items(subject.get("identifier", [])) if each["identityType"] == "name")
    return Order(
        recipient_id=subject.get("id"),
        email=old["email"],
        name=next((each["identityHash"] for each in named), None),
        valid_from=read_instant(document["validFrom"]),
        valid_until=read_instant(document.get("validUntil")),
        evidence=items(document.get("evidence", [])),
        results=items(subject.get("result", [])),
        renewable_until=old["renewable_until"],
    )


def _later(base: Order, now: datetime) -> dict[str, Any]:
    if base.valid_until is None or base.valid_from is None:
        return {}
    try:
        end = max(base.valid_until, now) + (base.valid_until - base.valid_from)
        moved = end - base.valid_until
        return {"valid_until": end, "renewable_until": base.renewable_until and base.renewable_until + moved}
    except OverflowError:  # its length again would lie beyond the calendar: whoever wants it longer must say until when
        return {}
