"""What a JSON credential shows by itself: its shape, contexts, issuer's key, proofs and dates."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from shared.credentials import proofs, shape
from shared.credentials.canonical import digest
from shared.credentials.compiled import Shapes
from shared.credentials.contexts import (
    CREDENTIALS_V2,
    KNOWN,
    OPEN_BADGES_EXTENSIONS,
    OPEN_BADGES_VERSIONS,
    context_urls,
)
from shared.credentials.dids import controller_of
from shared.credentials.errors import CredentialError, InvalidKey, UnsupportedContext
from shared.credentials.jsonld import refuse_excess
from shared.credentials.keys import PublicKey, decode_multikey, key_of_did
from shared.credentials.quoting import quoted
from shared.credentials.report import Check, CheckedDocument, Outcome

# Clocks of machines may differ by as much: a badge is shown elsewhere as soon as it is issued. It is added to our own
# times alone: a stranger's may lie at the end of the calendar.
CLOCK_DIFFERENCE = timedelta(seconds=30)
_WORST_FIRST: tuple[Outcome, ...] = ("fail", "unknown", "pass")


class KnownKey(BaseModel):
    """A key that its controller may sign credentials with, up to `retired_at`."""

    model_config = ConfigDict(frozen=True)

    verification_method: str
    public_key_multibase: str
    retired_at: datetime | None = None


def check_document(
    document: Any, *, now: datetime, known_keys: tuple[KnownKey, ...] = (), shapes: Shapes | None = None
) -> CheckedDocument:
    """Check a foreign or own Open Badges 3.0 credential in VCDM 2.0, as far as it alone shows.

    `known_keys` are those of issuers that need no look-up (our institutions'); a did:key is its own key, and any
    other issuer's is unknown. With `shapes` it takes less time.
    The checks, in order: structure, contexts, issuer, proof, validity, demo; what a failed one leaves without ground is
    skipped. Never raises for what the document holds. The result goes
    through JSON unchanged: this runs in a process of its own.
    """
    facts = shape.facts_of(document)
    structure, own_digest = _structure(document)
    if structure.outcome != "pass":
        return CheckedDocument(checks=(structure, *_skipped("contexts", "issuer", "proof", "validity")), facts=facts)
    contexts = _contexts(document)
    if contexts.outcome != "pass":
        return CheckedDocument(checks=(structure, contexts, *_skipped("issuer", "proof", "validity")), facts=facts)
    keys = {key.verification_method: key for key in known_keys}
    findings = proofs.verify(document, lambda method, created: _resolve(method, created, keys), shapes)
    first = findings[0]
    facts = facts.model_copy(
        update={
            "digest": own_digest,
            "proof_created": first.created,
            "verification_methods": tuple(f.verification_method for f in findings if f.verification_method),
        }
    )
    issuer = _issuer(facts.issuer_id, facts.verification_methods)
    checks = [
        structure,
        contexts,
        issuer,
        _proof(findings, now),
        _validity(facts.valid_from, facts.valid_until, now),
    ]
    return CheckedDocument(checks=(*checks, *_demo(facts.demo)), facts=facts)


def _structure(document: Any) -> tuple[Check, str | None]:
    """The check, and the digest of a document that passes it."""
    try:
        refuse_excess(document)
        shape.refuse_other_formats(document)
        shape.refuse_other_shapes(document)
        own_digest = digest(document).hex()
    except CredentialError as error:
        outcome: Outcome = "unknown" if error.code in ("too_complex", "unsupported_format") else "fail"
        return Check(name="structure", outcome=outcome, detail=error.detail, code=error.code), None
    return _passed("structure", "The document is an Open Badges 3.0 credential."), own_digest


def _contexts(document: Mapping[str, Any]) -> Check:
    """Only known contexts, the data model's first and Open Badges' second, none of the document's own."""
    try:
        urls = list(context_urls(document))
    except UnsupportedContext as error:
        return Check(name="contexts", outcome="fail", detail=error.detail, code="inline_context")
    unknown = next((url for url in urls if url not in KNOWN), None)
    if unknown is not None:
        detail = f"The credential uses the context {quoted(unknown)}, which is not known here."
        return Check(name="contexts", outcome="unknown", detail=detail, code="unsupported_context")
    own = document["@context"]
    if not (own[0] == CREDENTIALS_V2 and own[1] in OPEN_BADGES_VERSIONS and set(own[2:]) <= {OPEN_BADGES_EXTENSIONS}):
        detail = "The contexts are not those of an Open Badge, in their order."
        return Check(name="contexts", outcome="fail", detail=detail, code="context_order")
    return _passed("contexts", "Every context is known by its content.")


def _resolve(method: str, created: datetime | None, keys: Mapping[str, KnownKey]) -> PublicKey:
    controller = controller_of(method)
    if controller.startswith("did:key:"):
        key = key_of_did(controller)
        # A key has one multibase form, so its own fragment repeats what the DID has.
        if method != f"{controller}#{controller.removeprefix('did:key:')}":
            raise InvalidKey("The verification method is not the one of its did:key.", "unknown_key")
        return key
    known = keys.get(method)
    if known is not None:
        if known.retired_at is not None and (created is None or created > known.retired_at):
            raise InvalidKey("The key was no longer in use when the credential was signed.", "key_retired")
        return decode_multikey(known.public_key_multibase)
    if any(controller_of(other) == controller for other in keys):
        raise InvalidKey("The issuer has no such key for signing credentials.", "unknown_key")
    raise InvalidKey("The issuer's keys can't be looked up here.", "key_unresolvable")


def _issuer(issuer_id: str | None, methods: tuple[str, ...]) -> Check:
    if not methods:
        return Check(name="issuer", outcome="skipped", detail="No proof names a key to compare with the issuer.")
    if any(controller_of(method) != issuer_id for method in methods):
        detail = "A proof was made with a key that does not belong to the issuer."
        return Check(name="issuer", outcome="fail", detail=detail, code="issuer_mismatch")
    return _passed("issuer", "The signing key belongs to the issuer named in the credential.")


def _proof(findings: list[proofs.ProofFinding], now: datetime) -> Check:
    """A set of proofs is as good as its worst: an unchecked one may have been added by anybody."""
    worst = min(findings, key=lambda finding: _WORST_FIRST.index(finding.outcome))
    if worst.outcome != "pass":
        return Check(name="proof", outcome=worst.outcome, detail=worst.detail, code=worst.code)
    if any(finding.expires is not None and finding.expires <= now for finding in findings):
        return Check(name="proof", outcome="fail", detail="The signature was made to expire, and has.", code="expired")
    return _passed("proof", worst.detail)


def _validity(valid_from: datetime | None, valid_until: datetime | None, now: datetime) -> Check:
    if valid_until is not None and valid_until <= now:
        return Check(name="validity", outcome="fail", detail="The credential has expired.", code="expired")
    if valid_from is not None and now + CLOCK_DIFFERENCE < valid_from:
        detail = "The credential is not valid yet."
        return Check(name="validity", outcome="fail", detail=detail, code="not_yet_valid")
    return _passed("validity", "The credential is within its dates.")


def _demo(demo: bool) -> Iterator[Check]:
    if demo:
        yield Check(name="demo", outcome="warn", detail="This is a demonstration badge.", code="demo")


def _skipped(*names: str) -> tuple[Check, ...]:
    detail = "Not looked at: an earlier check left no ground for it."
    return tuple(Check(name=name, outcome="skipped", detail=detail) for name in names)


def _passed(name: str, detail: str) -> Check:
    return Check(name=name, outcome="pass", detail=detail)
