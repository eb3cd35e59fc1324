"""What a credential shows by itself, as JSON or as a token: its shape, contexts, issuer's key, signature and dates."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, overload

from pydantic import BaseModel, ConfigDict

from shared.credentials import conformance, endorsements, foreign_status, jwt, proofs, schemas, shape
from shared.credentials.canonical import digest
from shared.credentials.checks import failed, passed, refused, skipped, undecided, warned, within_dates
from shared.credentials.compiled import Shapes
from shared.credentials.contexts import PINNED_ALONE, Terms, are_a_badges, context_urls, named_contexts
from shared.credentials.data_model import refuse_other_than_credential, refuse_other_than_endorsement
from shared.credentials.dids import controller_of
from shared.credentials.errors import CredentialError, TooComplex, UnsupportedContext
from shared.credentials.jsonld import refuse_excess, to_quads
from shared.credentials.known_keys import KnownKey, KnownKeys
from shared.credentials.quoting import quoted
from shared.credentials.related import refuse_other_resources
from shared.credentials.report import Check, CheckedDocument, Kind, Outcome
from shared.credentials.suites import Suite, suite_of

_WORST_FIRST: tuple[Outcome, ...] = ("fail", "unknown", "pass")


class Needs(BaseModel):
    """What must be fetched before a credential can be checked: call again with it, or with None for what failed.

    `redirects`: how often the addresses' hosts may send us on.
    """

    model_config = ConfigDict(frozen=True)

    urls: tuple[str, ...]
    redirects: int = 0


Fetched = Mapping[str, Any]
"""JSON values by their address; None where there was none to be had."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is let through beyond what is taken as the issuer's word on these pages: for who decides himself (VC-API).

    `terms` that credentials other than badges may use; `others_may_sign`: proofs by others beside one of the issuer's;
    `list_issuers`: whose status lists are believed beside the issuer's own.
    """

    terms: Terms = PINNED_ALONE
    others_may_sign: bool = False
    list_issuers: frozenset[str] = frozenset()


STRICT = Policy()


@overload
def check_document(
    document: Any,
    *,
    now: datetime,
    known_keys: tuple[KnownKey, ...] = (),
    shapes: Shapes | None = None,
    policy: Policy = ...,
) -> CheckedDocument: ...
@overload
def check_document(
    document: Any,
    *,
    now: datetime,
    known_keys: tuple[KnownKey, ...] = (),
    fetched: Fetched,
    as_of: datetime | None = None,
    shapes: Shapes | None = None,
    policy: Policy = ...,
) -> CheckedDocument | Needs: ...
def check_document(
    document: Any,
    *,
    now: datetime,
    known_keys: tuple[KnownKey, ...] = (),
    fetched: Fetched | None = None,
    as_of: datetime | None = None,
    shapes: Shapes | None = None,
    policy: Policy = STRICT,
) -> CheckedDocument | Needs:
    """Check a foreign or own credential in VCDM 2.0 or 1.1, an Open Badge or another, as far as it alone shows.

    `known_keys` are those of issuers that need no look-up (our institutions'); a did:key is its own key. Any other
    issuer's keys stand in a document of its own: with `fetched` the answer may be that it is needed first, without it
    they are unknown. With it, too, a stranger's status is looked up in the lists that the credential names. With
    `shapes` it takes less time. With `as_of` (not after `now`) dates, keys and lists are compared with that time, and
    what no past is kept of is unknown. The checks, in order: structure, contexts, issuer, proof, status, validity,
    demo, conformance; what a failed one leaves without ground is skipped. Never raises for what the document holds.
    The result goes through JSON unchanged: this runs in a process of its own.
    """
    return _checked(document, None, _look(now, as_of, known_keys, fetched, policy, shapes))


@overload
def check_token(
    text: str,
    *,
    now: datetime,
    known_keys: tuple[KnownKey, ...] = (),
    policy: Policy = ...,
    shapes: Shapes | None = None,
) -> CheckedDocument: ...
@overload
def check_token(
    text: str,
    *,
    now: datetime,
    known_keys: tuple[KnownKey, ...] = (),
    fetched: Fetched,
    as_of: datetime | None = None,
    policy: Policy = ...,
    shapes: Shapes | None = None,
) -> CheckedDocument | Needs: ...
def check_token(
    text: str,
    *,
    now: datetime,
    known_keys: tuple[KnownKey, ...] = (),
    fetched: Fetched | None = None,
    as_of: datetime | None = None,
    policy: Policy = STRICT,
    shapes: Shapes | None = None,
) -> CheckedDocument | Needs:
    """Check a credential that came as a compact JWS, as `check_document` does; `digest` is that of the token itself."""
    return _checked_token(text, _look(now, as_of, known_keys, fetched, policy, shapes))


def _checked_token(text: str, look: "_Look") -> CheckedDocument | Needs:
    text = text.strip()
    try:
        token = jwt.read(text)
    except CredentialError as error:
        name = "proof" if error.code in ("invalid_signature", "claims_mismatch") else "structure"
        unread = ("structure", "contexts", "issuer", "proof", "validity")
        checks = tuple(refused(each, error) if each == name else skipped(each) for each in unread)
        return CheckedDocument(checks=checks, facts=shape.facts_of(None))
    checked = _checked(token.document, token, look)
    if isinstance(checked, Needs):
        return checked
    own_digest = sha256(text.encode()).hexdigest()
    return checked.model_copy(update={"facts": checked.facts.model_copy(update={"digest": own_digest})})


def document_in(badge: Any) -> Any:
    """Return a credential's JSON document: the one that a token carries, unchecked, or None; any other value itself."""
    if not isinstance(badge, str):
        return badge
    try:
        return jwt.read(badge.strip()).document
    except CredentialError:
        return None


@dataclass(frozen=True, slots=True)
class _Look:
    """With what a credential is looked at; `inside`: it stands inside another one, and is none of this registry's.

    `now` is the time with which dates are compared; `in_past`: it is one that was asked for.
    """

    now: datetime
    keys: KnownKeys
    fetched: Fetched | None
    policy: Policy = STRICT
    shapes: Shapes | None = None
    inside: bool = False
    in_past: bool = False


def _look(
    now: datetime,
    as_of: datetime | None,
    known_keys: tuple[KnownKey, ...],
    fetched: Fetched | None,
    policy: Policy,
    shapes: Shapes | None,
) -> _Look:
    keys = KnownKeys(known_keys, now, as_of=as_of)
    return _Look(as_of or now, keys, fetched, policy, shapes, in_past=as_of is not None)


def _checked(document: Any, token: jwt.Token | None, look: _Look) -> CheckedDocument | Needs:
    facts = shape.facts_of(document)
    structure, own_digest, by_meaning = _structure(document, token)
    if structure.outcome != "pass":
        unseen = map(skipped, ("contexts", "issuer", "proof", "validity"))
        return CheckedDocument(checks=(structure, *unseen), facts=facts)
    terms = look.policy.terms if facts.kind == "credential" else PINNED_ALONE
    contexts = _contexts(document, terms, look.shapes, by_meaning=by_meaning)
    if contexts.outcome != "pass":
        unseen = map(skipped, ("issuer", "proof", "validity"))
        return CheckedDocument(checks=(structure, contexts, *unseen), facts=facts)
    if needed := _of_signers(document, facts.issuer_id, token, look):
        return Needs(urls=needed)
    if token is None:
        findings = proofs.verify(document, look.keys.resolve, look.shapes, terms)
    else:
        findings = [jwt.verify(token, facts.issuer_id, look.keys.resolve)]
    methods = tuple(look.keys.method_of(each.verification_method) for each in findings if each.verification_method)
    facts = facts.model_copy(
        update={"digest": own_digest, "proof_created": _created(findings), "verification_methods": methods}
    )
    issuer, proof = _issuer(facts.issuer_id, methods, findings, look.policy), proof_check(findings, look.now)
    looked_up: list[Check] | Needs = []
    if look.fetched is not None and issuer.outcome == proof.outcome == "pass":
        looked_up = _looked_up(document, facts.issuer_id or "", look, look.fetched)
    if isinstance(looked_up, Needs):
        return looked_up
    dates = [within_dates(facts.valid_from, facts.valid_until, look.now), *_demo(facts.demo)]
    of_its_kind = _OF_ITS_KIND[facts.kind](document, token)
    return CheckedDocument(checks=(structure, contexts, issuer, proof, *looked_up, *dates, *of_its_kind), facts=facts)


def _of_signers(
    document: Mapping[str, Any], issuer_id: str | None, token: jwt.Token | None, look: _Look
) -> tuple[str, ...]:
    """Return what must be fetched to know the issuer's key, then those of others who may have signed beside it."""
    needed = look.keys.look_up_signer(issuer_id, token.kid if token else None, look.fetched)
    if needed is not None:
        return (needed,)
    if look.fetched is None or not look.policy.others_may_sign:
        return ()
    proved = [each for each in shape.items(document.get("proof", [])) if isinstance(each, dict)][: proofs.MAX_PROOFS]
    methods = [method for each in proved if isinstance(method := each.get("verificationMethod"), str)]
    others = (look.keys.look_up(controller_of(method), look.fetched) for method in methods)
    return tuple(dict.fromkeys(each for each in others if each is not None))


def _looked_up(document: Mapping[str, Any], issuer_id: str, look: _Look, fetched: Fetched) -> list[Check] | Needs:
    """Return what a credential that its issuer signed rests on elsewhere: status (ours we have), schemas, endorsers."""
    kept_here = issuer_id in look.keys.ours and not look.inside
    reader = foreign_status.Reader(
        issuer_id, look.keys, fetched, look.now, look.policy.list_issuers, in_past=look.in_past
    )
    lists = () if kept_here else foreign_status.needed(document, reader)
    endorsed = _endorsements(document, look)
    endorsers = endorsed.urls if isinstance(endorsed, Needs) else ()
    if needed := dict.fromkeys((*lists, *schemas.needed(document, fetched), *endorsers)):
        return Needs(urls=tuple(needed))
    status = [] if kept_here else foreign_status.checks(document, reader)
    return [*status, *schemas.checks(document, fetched), *([] if isinstance(endorsed, Needs) else endorsed)]


def _endorsements(badge: Mapping[str, Any], look: _Look) -> list[Check] | Needs:
    """Return the check of what others say of a badge inside it; none where nobody does, or it is inside another one."""
    found = [] if look.inside or shape.kind_of(badge) != "badge" else endorsements.found_in(badge)
    if len(found) > endorsements.MAX_ENDORSEMENTS:
        return [endorsements.too_many()]
    strict = Policy(list_issuers=look.policy.list_issuers)
    seen = [_inside(each.given, replace(look, policy=strict, inside=True)) for each in found]
    if needed := [url for each in seen if isinstance(each, Needs) for url in each.urls]:
        return Needs(urls=tuple(needed))
    checked = [each for each in seen if isinstance(each, CheckedDocument)]
    return endorsements.checks(list(zip(found, checked, strict=True)))


def _inside(given: Any, look: _Look) -> CheckedDocument | Needs:
    return _checked_token(given, look) if isinstance(given, str) else _checked(given, None, look)


def _structure(document: Any, token: jwt.Token | None) -> tuple[Check, str | None, bool]:
    """The check; of a document that passes it the digest, and whether it is proved by its meaning alone."""
    try:
        refuse_excess(document)
        refuse_others, kind = _KINDS[shape.kind_of(document)]
        refuse_others(document)
        by_meaning = token is None and proved_by_meaning(document)
        if by_meaning:
            shape.refuse_second_mention(document)
        own_digest = digest(document).hex()
    except CredentialError as error:
        return refused("structure", error), None, False
    return passed("structure", f"The document is {kind}."), own_digest, by_meaning


def _contexts(document: Mapping[str, Any], terms: Terms, shapes: Shapes | None, *, by_meaning: bool) -> Check:
    """Only known contexts, none of the document's own but where `terms` lets it; an Open Badge's in their order.

    Where no proof looks at what the members mean, as in a token, it is looked at here: one that means nothing is lost
    on whoever reads the badge as JSON-LD.
    """
    try:
        urls = list(context_urls(document) if not terms.inline else named_contexts(document))
    except UnsupportedContext as error:
        # Of a badge's terms none is anybody's own; of another credential's they may be, and are not looked into.
        not_taken = undecided if shape.kind_of(document) == "credential" else failed
        return not_taken("contexts", "inline_context", error.detail)
    unknown = next((url for url in urls if not terms.knows(url)), None)
    if unknown is not None:
        detail = f"The credential uses the context {quoted(unknown)}, which is not known here."
        return undecided("contexts", "unsupported_context", detail)
    if shape.kind_of(document) != "credential" and not are_a_badges(document["@context"]):
        detail = "The contexts are not those of an Open Badge, in their order."
        return failed("contexts", "context_order", detail)
    if not by_meaning:
        try:
            _refuse_meaningless({each: document[each] for each in document if each != "proof"}, terms, shapes)
        except CredentialError as error:
            return refused("contexts", error)
    return passed("contexts", "Every context is known by its content.")


def _refuse_meaningless(unsecured: Mapping[str, Any], terms: Terms, shapes: Shapes | None) -> None:
    """Raise as `to_quads` does; a shape that came before has shown that all of it means something."""
    if shapes is not None and terms == PINNED_ALONE:
        with suppress(TooComplex):  # to be named: its statements may be fine
            shapes.rdfc(unsecured)
            return
    to_quads(unsecured, terms.contexts, inline=terms.inline)


def proved_by_meaning(document: Mapping[str, Any]) -> bool:
    """Tell whether every proof is over the document's statements, so that none of its members could go unseen."""
    suites = [suite_of(each) for each in shape.items(document.get("proof", [])) if isinstance(each, dict)]
    return not any(isinstance(suite, Suite) and suite.canonical == "jcs" for suite in suites)


def _issuer(
    issuer_id: str | None, methods: tuple[str, ...], findings: list[proofs.ProofFinding], policy: Policy
) -> Check:
    if not methods:
        return Check(name="issuer", outcome="skipped", detail="No proof names a key to compare with the issuer.")
    by_issuer = [controller_of(method) == issuer_id for method in methods]
    if not (any(by_issuer) if policy.others_may_sign else all(by_issuer)):
        detail = "A proof was made with a key that does not belong to the issuer."
        return failed("issuer", "issuer_mismatch", detail)
    if any(each.code == "key_not_bound" for each in findings):
        return Check(name="issuer", outcome="skipped", detail="The key is the issuer's by its own name alone.")
    return passed("issuer", "The signing key belongs to the issuer named in the credential.")


def _created(findings: list[proofs.ProofFinding]) -> datetime | None:
    """Return when the last of some proofs was made; None where one does not say so."""
    said = [each.created for each in findings]
    return max((at for at in said if at is not None), default=None) if all(said) else None


def proof_check(findings: list[proofs.ProofFinding], now: datetime) -> Check:
    """Return the check of a set of proofs, as good as its worst: an unchecked one may have been added by anybody."""
    worst = min(findings, key=lambda finding: _WORST_FIRST.index(finding.outcome))
    if worst.outcome != "pass":
        return Check(name="proof", outcome=worst.outcome, detail=worst.detail, code=worst.code)
    if any(finding.has_ended(now) for finding in findings):
        return failed("proof", "expired", "The signature was made to expire, and has.")
    if any(finding.has_not_begun(now) for finding in findings):
        detail = "The token is not to be accepted yet."
        return failed("proof", "not_yet_valid", detail)
    return passed("proof", worst.detail)


def _demo(demo: bool) -> Iterator[Check]:
    if demo:
        yield warned("demo", "demo", "This is a demonstration badge.")


def _conformance(badge: Mapping[str, Any], token: jwt.Token | None) -> Iterator[Check]:
    """Whether a strict reader would take it. Many real badges fail here, so it decides nothing of what they are."""
    found = conformance.problems(badge) + (conformance.token_problems(token) if token else [])
    if not found:
        yield passed("conformance", "The badge is as the specification of Open Badges wants it.")
        return
    more = f" There are {len(found) - 1} more such things." if len(found) > 1 else ""
    detail = f"Strict readers of Open Badges would refuse it: {found[0]}{more}"
    yield warned("conformance", "not_conformant", detail)


def _endorsed(endorsement: Mapping[str, Any], _token: jwt.Token | None) -> Iterator[Check]:
    yield passed("endorsed", f"It endorses {quoted(endorsement['credentialSubject']['id'])}.")


def _nothing_more(_credential: Mapping[str, Any], _token: jwt.Token | None) -> Iterator[Check]:
    return iter(())


def _refuse_other_badges(badge: Any) -> None:
    shape.refuse_other_shapes(badge)
    refuse_other_resources(badge.get("relatedResource"))


# How each kind of credential is told from what is none, and what it is called.
_KINDS: dict[Kind, tuple[Callable[[Any], None], str]] = {
    "badge": (_refuse_other_badges, "an Open Badges 3.0 credential"),
    "endorsement": (refuse_other_than_endorsement, "an endorsement of Open Badges 3.0"),
    "credential": (refuse_other_than_credential, "a verifiable credential"),
}
_OF_ITS_KIND = {"badge": _conformance, "endorsement": _endorsed, "credential": _nothing_more}
