"""Badges of Open Badges 2.0 and 2.1: assertions that stand at their issuer's own address, or that it has signed.

    found = check_assertion(assertion, now=now, fetched={})    # Needs, until all is there that it rests on

Source: Open Badges 2.0 (IMS Global, 2018), "Data Classes" and "Badge Verification". Nothing is canonicalized: its
context stands in no package here, so members are read by their names, as other readers do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from shared.credentials import jwt
from shared.credentials.canonical import digest
from shared.credentials.check import Fetched, Needs
from shared.credentials.checks import failed, passed, undecided, warned, within_dates
from shared.credentials.errors import CredentialError
from shared.credentials.instants import read_instant
from shared.credentials.jsonld import refuse_excess
from shared.credentials.keys import algorithm_of, verify_signature
from shared.credentials.open_badges_2_issuer import Missing, Named, Web, badge_class, issuer_of, key_of
from shared.credentials.open_badges_2_status import hosted_copy, revocation
from shared.credentials.report import Check, CheckedDocument, CredentialFacts, Outcome
from shared.credentials.shape import MAX_TEXT, items

CONTEXT = "https://w3id.org/openbadges/v2"
_ORDER = ("structure", "contexts", "issuer", "proof", "status", "validity")
_UNDECIDED = frozenset({"too_complex", "unsupported_format"})


def is_assertion(document: Any) -> bool:
    """Tell whether a document is an assertion, of Open Badges 2.0 or older, and no verifiable credential.

    What an assertion names is taken for one too where it says that it is of Open Badges 2.0: it is refused as such.
    """
    if not isinstance(document, dict) or "credentialSubject" in document:
        return False
    if CONTEXT in items(document.get("@context")) and not _INSTEAD.keys().isdisjoint(_types(document)):
        return True
    return "Assertion" in _types(document) or {"badge", "recipient"} <= document.keys()


def check_assertion(
    badge: Any, *, now: datetime, fetched: Fetched, as_of: datetime | None = None
) -> CheckedDocument | Needs:
    """Check an assertion, as its JSON document or as the text of the token that its issuer signed.

    A hosted one is believed where it stands at its own id, within what its issuer's profile says to be its own; a
    signed one by a key that the profile lists and that names the profile as its owner. `fetched` has JSON values by
    address, None for what was not to be had, GONE for what is no more. The checks: structure, contexts, issuer, proof,
    status, validity. With `as_of` dates are compared with that time; how a badge stood then nobody tells, so that
    its status is unknown where it has one. Never raises for what the badge holds.
    """
    try:
        checked = _checked(badge, as_of or now, Web(fetched))
    except Missing as missing:
        return Needs(urls=(missing.url,), redirects=missing.redirects)
    if as_of is None:
        return checked
    checks = tuple(_STATUS_THEN if _tells_of_now(each) else each for each in checked.checks)
    return checked.model_copy(update={"checks": checks})


def _tells_of_now(check: Check) -> bool:
    return check.name == "status" and check.outcome in ("pass", "fail")


_STATUS_THEN = undecided(
    "status",
    "status_unavailable",
    "Open Badges 2.0 tells how a badge stands now; how it stood at that time is not known.",
)


def _checked(badge: Any, now: datetime, web: Web) -> CheckedDocument:
    try:
        token = jwt.read(badge.strip()) if isinstance(badge, str) else None
        document = token.document if token else badge
        _refuse_other_shapes(document)
        own_digest = sha256(badge.strip().encode()).hexdigest() if token else digest(document).hex()
    except CredentialError as error:
        outcome: Outcome = "unknown" if error.code in _UNDECIDED else "fail"
        refused = Check(name="structure", outcome=outcome, detail=error.detail, code=error.code)
        return CheckedDocument(checks=_in_order(refused), facts=CredentialFacts())
    facts = CredentialFacts(
        id=document["id"],
        digest=own_digest,
        proof_created=read_instant(document["issuedOn"]),
        valid_from=read_instant(document["issuedOn"]),
        valid_until=read_instant(document.get("expires")),
    )
    seen = _Seen(document, facts, now, web)
    checks = seen.signed(token) if _verification(document["verification"]) == "signed" else seen.hosted()
    structure = passed("structure", "The document is an assertion of Open Badges 2.0.")
    return CheckedDocument(
        checks=_in_order(structure, _contexts(document), *checks, *_extensions(document)), facts=seen.facts
    )


@dataclass
class _Seen:
    """An assertion that is being looked into; `facts` grow with what is fetched."""

    document: Mapping[str, Any]
    facts: CredentialFacts
    now: datetime
    web: Web

    def hosted(self) -> list[Check]:
        """What is given, signed or not, is a mere pointer: what stands at its id is the badge."""
        found, given = hosted_copy(self.document, self.web), self.document
        if isinstance(found, Check):
            return [found]
        try:
            _refuse_other_shapes(found)
        except CredentialError:
            return [failed("proof", "mismatch", "At the badge's own address stands something else.")]
        self.document = found
        try:
            named = self._named()
            named.refuse_others(self.document["id"])
        except CredentialError as error:
            return [_said("issuer", error)]
        issuer = passed("issuer", "It stands where its issuer's profile says that its badges stand.")
        proof = passed("proof", "Its issuer's own address gives it as it is here; no signature is needed.")
        status = passed("status", "It stands at its address still, and not as revoked.")
        return [
            issuer,
            proof,
            status,
            self._dates(),
            *_differences(given, found),
        ]

    def signed(self, token: jwt.Token | None) -> list[Check]:
        """The signature of a key that is the issuer's; then its list of what it has revoked."""
        if token is None:
            return [undecided("proof", "proof_missing", "The badge is a signed one, and comes without signature.")]
        if token.claims:
            return [undecided("proof", "unsupported_format", "The token has claims that no assertion has.")]
        try:
            named = self._named()
            key_id, key = key_of(self.document["verification"], named.profile, self.web)
        except CredentialError as error:
            return [_said("issuer", error)]
        self.facts = self.facts.model_copy(update={"verification_methods": (key_id,)})
        issuer = passed("issuer", "The signing key is one that its issuer's profile lists.")
        if token.header["alg"] != algorithm_of(key):
            return [
                issuer,
                failed("proof", "invalid_signature", "It is signed in a way that is not its key's."),
            ]
        if not verify_signature(key, token.signature, token.signing_input):
            return [issuer, failed("proof", "tampered", "The badge is not as it was signed, or not with this key.")]
        proof = passed("proof", "The signature fits the badge and the key.")
        status = revocation(self.document["id"], named.profile, self.web)
        return [issuer, proof, status, self._dates(), *_borrowed(self.document, named)]

    def _named(self) -> Named:
        """Return class and profile, and take their facts in; raises CredentialError and Missing."""
        kind = badge_class(self.document["badge"], self.web)
        self.facts = self.facts.model_copy(
            update={
                "name": _text(kind.get("name")),
                "achievement_id": _text(kind.get("id")),
                "achievement_name": _text(kind.get("name")),
            }
        )
        profile = issuer_of(kind, self.web)
        self.facts = self.facts.model_copy(
            update={"issuer_id": profile["id"], "issuer_name": _text(profile.get("name"))}
        )
        return Named(kind, profile)

    def _dates(self) -> Check:
        return within_dates(self.facts.valid_from, self.facts.valid_until, self.now)


def _differences(given: Mapping[str, Any], found: Mapping[str, Any]) -> list[Check]:
    detail = "In what decides nothing it is not as it stands at its own address. What stands there is what was checked."
    return [] if given == found else [warned("copy", "differs", detail)]


def _borrowed(document: Mapping[str, Any], named: Named) -> list[Check]:
    """A class inside a badge is its issuer's own words, whatever address it gives itself."""
    borrowed = isinstance(document["badge"], dict) and not named.has_class_of_its_own
    detail = "It holds what it stands for itself, under an address that is not its issuer's."
    return [warned("creator", "not_the_creator", detail)] if borrowed else []


def _contexts(document: Mapping[str, Any]) -> Check:
    if items(document["@context"]) == [CONTEXT]:
        return passed("contexts", "It names the context of Open Badges 2.0; its members are read by their names.")
    detail = "It brings contexts of its own, which are not looked into: others may understand its members otherwise."
    return warned("contexts", "unsupported_context", detail)


def _refuse_other_shapes(document: Any) -> None:
    """Raise CredentialError: `unsupported_format` for an older assertion, `malformed` for a member out of its form."""
    refuse_excess(document)
    if CONTEXT not in items(document.get("@context")):
        detail = "The badge is not one of Open Badges 2.0 or later; older ones are not read here."
        raise CredentialError(detail, "unsupported_format")
    instead = next((_INSTEAD[each] for each in _types(document) if each in _INSTEAD), None)
    if instead and "Assertion" not in _types(document):
        raise CredentialError(f"This is {instead}, and no badge of anybody. Give the assertion.", "malformed")
    for name, (fits, wanted) in _RULES.items():
        if not fits(document.get(name)):
            detail = f"{name} is not as an assertion of Open Badges 2.0 has it: {wanted}."
            raise CredentialError(detail, "malformed")


def _is_recipient(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("identity"), str) and isinstance(value.get("hashed"), bool)


def _is_date(value: Any) -> bool:
    return read_instant(value) is not None


_INSTEAD = {
    "BadgeClass": "a badge's class",
    "Issuer": "the profile of an issuer",
    "Profile": "the profile of an issuer",
}
_DATE = "a date and time with its time zone, such as 2027-01-31T12:00:00Z"
# By each member: whether a value fits, and what is wanted.
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "type": (lambda value: "Assertion" in items(value), "Assertion"),
    "id": (lambda value: _text(value) is not None and ":" in value, "its address, or another URI"),
    "recipient": (_is_recipient, "an object with identity, a text, and hashed, true or false"),
    "badge": (lambda value: isinstance(value, dict) or _text(value) is not None, "the badge's class, or its address"),
    "verification": (
        lambda value: _verification(value) is not None,
        "an object whose type is HostedBadge or SignedBadge",
    ),
    "issuedOn": (_is_date, _DATE),
    "expires": (lambda value: value is None or _is_date(value), _DATE),
}


def _verification(member: Any) -> str | None:
    """Return `hosted` or `signed`; None where a member says neither, or both."""
    kinds = {"HostedBadge": "hosted", "hosted": "hosted", "SignedBadge": "signed", "signed": "signed"}
    found = {kinds[each] for each in _types(member) if each in kinds} if isinstance(member, dict) else set()
    return found.pop() if len(found) == 1 else None


def _types(document: Mapping[str, Any]) -> list[str]:
    return [each for each in items(document.get("type")) if isinstance(each, str)]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and len(value) <= MAX_TEXT else None


def _extensions(document: Mapping[str, Any]) -> list[Check]:
    extends = any(
        name.startswith("extensions:") or (isinstance(member, dict) and "Extension" in _types(member))
        for name, member in document.items()
    )
    detail = "What extensions of the standard say was not looked at."
    return [Check(name="extensions", outcome="skipped", detail=detail, code="not_supported")] if extends else []


def _in_order(*checks: Check) -> tuple[Check, ...]:
    """Return checks in their order, those that were not made as skipped, and what stands beside them last."""
    made = {check.name: check for check in checks}
    detail = "Not looked at: an earlier check left no ground for it."
    ordered = [made.pop(name, Check(name=name, outcome="skipped", detail=detail)) for name in _ORDER]
    return (*ordered, *made.values())


def _said(name: str, error: CredentialError) -> Check:
    if error.code in _UNRESOLVED:
        return undecided(name, error.code, error.detail)
    return failed(name, error.code, error.detail)


_UNRESOLVED = frozenset({"issuer_unresolvable", "key_unresolvable", "unsupported_key"})
