"""What mails to endpoints say: to an address that is one, and to the contact of one that failed; thin, as webhooks."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from services.notifier.domain import BY_MAIL, OWNERS_NOTICES, credential_link
from services.notifier.letters import MAX_NAME, Fact, Places, shown
from services.notifier.store.parcels import EndpointMail
from services.notifier.store.queue import Claim
from services.notifier.words import spoken, words

# Mails that have templates of their own; all others tell of an event.
ABOUT_ENDPOINTS = (*OWNERS_NOTICES, "endpoint.confirm")
_DETAILS = ("change", "verdict", "days", "watch_id")


def of_an_endpoint(parcel: EndpointMail, claim: Claim, places: Places, confirm: str) -> dict[str, Any]:
    """Return what the templates of these mails ask for; `confirm` is where the address is confirmed."""
    language = spoken(parcel.language)
    if claim.type == "endpoint.confirm":
        return {"link": confirm, "owner": shown(parcel.owner, MAX_NAME, language) if parcel.owner else None}
    if claim.type in ABOUT_ENDPOINTS:
        by_mail = parcel.url.startswith(BY_MAIL)
        return {
            "id": claim.target,
            "place": _place(parcel.url, whole=claim.via is None),
            "why": "bounced" if by_mail and parcel.reason == "gone" else parcel.reason,
            "to_contact": claim.via is None,
        }
    headline, sentence = words(language)["events"][claim.type]
    notice = parcel.notice
    return {
        "id": claim.target,
        "headline": headline,
        "sentence": sentence,
        "badge": shown(parcel.badge, MAX_NAME, language) if parcel.badge else None,
        "details": list(_details(notice.facts, words(language)["details"])) if notice else [],
        "link": credential_link(places.public_url, notice.credential_id) if notice else None,
    }


def _place(url: str, *, whole: bool) -> str:
    """Return where an endpoint is; of a webhook the host alone to all but its contact, for the rest may be a secret."""
    if whole or url.startswith(BY_MAIL):
        return url.removeprefix(BY_MAIL)
    return f"https://{urlsplit(url).netloc.rpartition('@')[2]}/..."


def _details(facts: Mapping[str, Any], labels: Mapping[str, str]) -> Iterator[Fact]:
    return (Fact(labels[name], str(facts[name])) for name in _DETAILS if name in facts)
