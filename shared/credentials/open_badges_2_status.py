"""Whether a badge of Open Badges 2.0 still holds: what stands at a hosted one's address, what a signed one's list says.

Source: Open Badges 2.0, "Assertion" (`revoked`), "RevocationList", "Badge Verification".
"""

from collections.abc import Mapping
from typing import Any

from shared.credentials.checks import failed, passed, undecided
from shared.credentials.instants import read_instant
from shared.credentials.open_badges_2_issuer import GONE, REDIRECTS, Object, Web
from shared.credentials.report import Check
from shared.credentials.shape import id_of


def hosted_copy(given: Object, web: Web) -> Object | Check:
    """Return the assertion that stands at the id of the one that was given, or the check that ends looking into it.

    What decides whose badge it is, for what and until when must be the same in both. Raises Missing.
    """
    found = web.at(given["id"], REDIRECTS)
    if found is GONE:
        return _revoked("Its issuer says that there is no such badge any more.")
    if not isinstance(found, dict):
        detail = "What stands at the badge's own address could not be had."
        return undecided("proof", "assertion_unavailable", detail)
    if found.get("id", given["id"]) != given["id"]:
        detail = "At the badge's own address stands another badge."
        return failed("proof", "mismatch", detail)
    if found.get("revoked") not in (None, False):
        return _revoked("Its issuer has revoked this badge.")
    if _meant(found) != _meant(given):
        detail = "The badge is not as it stands at its own address."
        return failed("proof", "tampered", detail)
    return found


def revocation(assertion_id: str, profile: Object, web: Web) -> Check:
    """Return what the issuer's list of revoked badges says of a signed one; raises Missing."""
    url = profile.get("revocationList")
    if url is None:
        detail = "Its issuer names no list of what it has revoked."
        return Check(name="status", outcome="skipped", detail=detail, code="no_status")
    found = web.at(id_of(url))
    if not isinstance(found, dict):
        return _unknown("status_unavailable", "The issuer's list of what it has revoked could not be had.")
    listed = found.get("revokedAssertions")
    if found.get("id", id_of(url)) != id_of(url) or id_of(found.get("issuer")) != profile["id"]:
        return _unknown("status_unverifiable", "The list is not the issuer's.")
    if not isinstance(listed, list) or not all(isinstance(_name(each), str) for each in listed):
        return _unknown("status_invalid", "The list has no list of badges, or names something else in it.")
    if any(assertion_id in (_name(each), f"urn:uuid:{_name(each)}") for each in listed):
        return _revoked("The issuer's list has this badge as revoked.")
    return passed("status", "The issuer's list does not have this badge as revoked.")


def _meant(assertion: Mapping[str, Any]) -> list[Any]:
    """What an assertion decides by: the rest is added to by whoever bakes it into a picture."""
    dates = [read_instant(assertion.get(name)) for name in ("issuedOn", "expires")]
    return [assertion.get("recipient"), id_of(assertion.get("badge")), *dates]


def _name(listed: Any) -> Any:
    return listed.get("id", listed.get("uid")) if isinstance(listed, dict) else listed


def _revoked(detail: str) -> Check:
    return failed("status", "revoked", detail)


def _unknown(code: str, detail: str) -> Check:
    return undecided("status", code, detail)
