"""The checks that rest on this registry's own word: the issuer's key, its record of the badge, its status."""

from datetime import timedelta

from services.verifier.domain.known import (
    Institution,
    Known,
    Recorded,
    Rules,
    as_of,
    is_held,
    is_stale,
    signing_keys,
)
from services.verifier.domain.then import issued_later, status_then, suspended_then
from shared.credentials.checks import failed, passed, skipped, undecided
from shared.credentials.instants import CLOCK_DIFFERENCE
from shared.credentials.report import Check, CheckedDocument, CredentialFacts

# A badge is signed at most so long before it is in the issuer's outbox.
SIGNED_BEFORE_STORED = timedelta(seconds=5)


def here(checked: CheckedDocument, known: Known, rules: Rules) -> list[Check]:
    """Return what this registry has to say: of its own institutions' badges, of strangers under its ids, of others."""
    facts = checked.facts
    looked_up = any(check.name == "status" for check in checked.checks)
    if not checked.signed_by_issuer:
        return [skipped("signing_time"), skipped("registry"), *([] if looked_up else [skipped("status")])]
    time = _signing_time(facts, known)
    if known.issuer is not None:
        return [time, _key(facts, known, rules), *_record_and_status(facts, known.issuer, known, rules)]
    if (facts.id or "").startswith(rules.credentials_url):
        return [time, _claim(facts, known, rules), *([] if looked_up else [skipped("status")])]
    return [time] if looked_up else [time, _elsewhere(facts)]


def while_keys_may_be_on_their_way(check: Check, facts: CredentialFacts, known: Known, rules: Rules) -> Check:
    """Return `check`, undecided where it failed for a key that the institution may have made just now."""
    if check.code != "unknown_key" or known.issuer is None:
        return check
    later = _not_here(check.name, "unknown_key", check.detail, facts, known, rules)
    return check if later.outcome == "fail" else later


def in_its_place(recorded: Recorded | None, rules: Rules) -> str:
    """Return the sentence that says which badge has a revoked one's place; nothing where none has."""
    if recorded is None or recorded.replaced_by is None:
        return ""
    return f" It was replaced: {rules.credentials_url}{recorded.replaced_by} has its place."


def _signing_time(facts: CredentialFacts, known: Known) -> Check:
    if facts.proof_created is not None and facts.proof_created > known.now + CLOCK_DIFFERENCE:
        return failed("signing_time", "created_in_future", "The signature is dated in the future.")
    if known.asks_of_past and facts.proof_created is None:
        detail = "The signature has no date, so whether the badge was there at that time is not known."
        return undecided("signing_time", "signing_time_unknown", detail)
    if known.asks_of_past and facts.proof_created is not None and facts.proof_created > known.at:
        return failed("signing_time", "not_yet_issued", "The badge was signed after that time.")
    return passed("signing_time", "The signature is not dated in the future.")


def _key(facts: CredentialFacts, known: Known, rules: Rules) -> Check:
    keys, created = signing_keys(facts, known), facts.proof_created
    if None in keys:
        return _missing_key(facts, known, rules)
    used = [key for key in keys if key]
    if any(key.retired_at and (created is None or created > key.retired_at) for key in used):
        return failed("key", "key_retired", "The key was no longer in use when the badge was signed.")
    if created is None or any(created < key.created_at - CLOCK_DIFFERENCE for key in used):
        return failed("key", "key_not_yet_in_use", "The key was not in use yet when the badge is said to be signed.")
    return passed("key", "The key was in use when the badge was signed.")


def _missing_key(facts: CredentialFacts, known: Known, rules: Rules) -> Check:
    """A did:key is its own key, so its signature is good; whether the key was retired stands in a record not here."""
    detail = "Whether the issuer's key was in use is not known right now."
    check = _not_here("key", "issuer_unresolvable", detail, facts, known, rules)
    return undecided("key", "issuer_unresolvable", detail) if check.outcome == "fail" else check


def _record_and_status(facts: CredentialFacts, issuer: Institution, known: Known, rules: Rules) -> list[Check]:
    recorded = known.recorded
    if recorded is None:
        detail = "The registry has no record of this badge."
        return [_not_here("registry", "not_in_registry", detail, facts, known, rules), skipped("status")]
    if recorded.institution_id != issuer.id:
        return [_not_the_issuers(), skipped("status")]
    if facts.digest is None or facts.digest not in (recorded.document_digest, recorded.token_digest):
        detail = "The document is not the one that was issued under this id."
        return [failed("registry", "tampered", detail), skipped("status")]
    registry = issued_later(recorded, known) or passed("registry", "The registry has this very document.")
    return [registry, _status(recorded, facts, known, rules)]


def _status(recorded: Recorded, facts: CredentialFacts, known: Known, rules: Rules) -> Check:
    """A revocation is final: it holds however old the word on it is."""
    if known.asks_of_past:
        then = status_then(recorded, known)
        if then is not None:
            return then
    elif recorded.status == "revoked":
        return failed("status", "revoked", f"The issuer has revoked this badge.{in_its_place(recorded, rules)}")
    if is_held(facts, known) or is_stale(as_of(facts, known), known, rules):
        return undecided("status", "status_unavailable", _NOT_KNOWN[known.asks_of_past])
    if suspended_then(recorded, known) if known.asks_of_past else recorded.status == "suspended":
        return failed("status", "suspended", _SUSPENDED[known.asks_of_past])
    if not recorded.says_all(facts, rules):
        detail = "It is not revoked here, and names a status that is kept elsewhere, where it was not looked up."
        return undecided("status", "status_unavailable", detail)
    return passed("status", _HELD[known.asks_of_past])


_NOT_KNOWN = ("How this badge stands now is not known.", "How this badge stood at that time is not known yet.")
_SUSPENDED = ("The issuer has suspended this badge.", "The issuer had suspended this badge at that time.")
_HELD = (
    "The issuer has neither revoked nor suspended this badge.",
    "At that time the issuer had neither revoked nor suspended this badge.",
)


def _claim(facts: CredentialFacts, known: Known, rules: Rules) -> Check:
    """A stranger's signature under an id that only institutions of this registry give."""
    if known.owner is not None:
        return _not_the_issuers()
    detail = "Its id is one of this registry, its issuer is not."
    return _not_here("registry", "issuer_mismatch", detail, facts, known, rules)


def _not_the_issuers() -> Check:
    return failed("registry", "issuer_mismatch", "The registry has this id as another institution's.")


def _not_here(name: str, code: str, detail: str, facts: CredentialFacts, known: Known, rules: Rules) -> Check:
    """Fail a badge because something is not known here, once it certainly would be."""
    time, created = as_of(facts, known), facts.proof_created
    if time is None or is_held(facts, known):
        return undecided(name, "status_unavailable", "What the registry has on this badge is not known right now.")
    if created is not None and time - SIGNED_BEFORE_STORED < created:
        return undecided(name, "not_yet_recorded", "The badge is so new that it may not have been recorded yet.")
    if is_stale(time, known, rules):
        return undecided(name, "status_unavailable", "What the registry has on this badge is not known right now.")
    return failed(name, code, detail)


def _elsewhere(facts: CredentialFacts) -> Check:
    if facts.status:
        detail = "The badge has a status that its issuer keeps elsewhere, where it is not looked up yet."
        return undecided("status", "status_unavailable", detail)
    return Check(
        name="status",
        outcome="skipped",
        detail="The badge names no place where its issuer could revoke it.",
        code="no_status",
    )
