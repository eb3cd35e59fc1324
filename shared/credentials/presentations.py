"""What a presentation shows by itself: who presents, by whose key and for which occasion, and the credentials in it.

The credentials are handed on as they stand: each is checked by itself (shared.credentials.check).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from shared.credentials import jwt, proofs
from shared.credentials.check import Needs, proof_check, proved_by_meaning
from shared.credentials.checks import failed, passed, refused, skipped
from shared.credentials.compiled import Shapes
from shared.credentials.contexts import CREDENTIALS_V2, PINNED_ALONE, Terms, context_urls, named_contexts
from shared.credentials.data_model import refuse_other_than_presentation
from shared.credentials.dids import controller_of
from shared.credentials.errors import CredentialError, UnsupportedContext
from shared.credentials.jsonld import refuse_excess, to_quads
from shared.credentials.known_keys import KnownKeys
from shared.credentials.quoting import quoted
from shared.credentials.report import Check
from shared.credentials.shape import PRESENTATION_TYPES, id_of, items, refuse_second_mention, types_of

MAX_CREDENTIALS = 16  # in one presentation; each costs a check
# RFC 2397, of what VC-JOSE-COSE registers, and the name that tokens have in general.
_DATA_URL = re.compile(r"data:application/(?:vc\+jwt|vp\+jwt|jwt),([\w.~-]+)", re.ASCII)
_CHECKS = ("structure", "contexts", "holder", "proof")
Envelope = Literal["EnvelopedVerifiableCredential", "EnvelopedVerifiablePresentation"]


@dataclass(frozen=True, slots=True)
class Occasion:
    """What the proof of a presentation should name, as far as whoever asked for it says; None is not compared."""

    challenge: str | None = None
    domain: str | None = None


class Shown(BaseModel):
    """What a presentation shows; `holder` is whose key signed it, as far as the checks bear that out.

    `credentials` are JSON documents, and the texts of tokens.
    """

    model_config = ConfigDict(frozen=True)

    checks: tuple[Check, ...]
    holder: str | None = None
    credentials: tuple[Any, ...] = ()

    @property
    def signed(self) -> bool:
        """Whether somebody's signature is on it and holds, for the occasion that was asked about."""
        return all(check.outcome == "pass" for check in self.checks)


def is_presentation(given: Any) -> bool:
    """Tell whether something is a presentation by its types; or a token, by its payload."""
    if not isinstance(given, str):
        return bool(PRESENTATION_TYPES & types_of(given))
    try:
        return bool(PRESENTATION_TYPES & types_of(jwt.read_presentation(given.strip()).document))
    except CredentialError:
        return False


def token_in(envelope: Any, kind: Envelope) -> str:
    """Return the text of the token in an envelope (VCDM 2.0 sections 4.13.1 and 4.13.2); raises CredentialError."""
    wrong = not isinstance(envelope, dict) or envelope.keys() != {"@context", "id", "type"}
    if wrong or items(envelope["type"]) != [kind] or CREDENTIALS_V2 not in items(envelope["@context"])[:1]:
        raise CredentialError(f"The document is not an {kind} with context, type and id alone.", "malformed")
    match = _DATA_URL.fullmatch(envelope["id"]) if isinstance(envelope["id"], str) else None
    if match is None:
        raise CredentialError("The envelope's id is not a data: URL with a token.", "malformed")
    return match[1]


@dataclass(frozen=True, slots=True)
class Asking:
    """How a presentation is looked at: when, for which occasion, under which contexts, with what was fetched."""

    now: datetime
    occasion: Occasion = Occasion()
    terms: Terms = PINNED_ALONE
    fetched: Mapping[str, Any] | None = None
    shapes: Shapes | None = None


def check_presentation(given: Any, asking: Asking) -> Shown | Needs:
    """Check a presentation, in JSON with its proofs, as a token or in an envelope, but not the credentials in it.

    Its proofs are made for authentication (Data Integrity 1.0 section 2.1), by keys of its holder where it names one,
    of one and the same otherwise. `fetched` is as `check_document` has it. Never raises for what it holds.
    """
    try:
        document, token = _opened(given)
        credentials = _credentials_in(document, token)
    except CredentialError as error:
        return Shown(checks=(refused("structure", error), *map(skipped, _CHECKS[1:])))
    structure = passed("structure", "The document is a presentation.")
    try:
        _refuse_meaningless(document, token, asking.terms)
    except CredentialError as error:
        checks = (structure, refused("contexts", error), *map(skipped, _CHECKS[2:]))
        return Shown(checks=checks, credentials=credentials)
    contexts = passed("contexts", "Every context is known by its content.")
    proved = _proved(document, token, asking)
    if isinstance(proved, Needs):
        return proved
    further, holder = proved
    return Shown(checks=(structure, contexts, *further), holder=holder, credentials=credentials)


def _opened(given: Any) -> tuple[dict[str, Any], jwt.Token | None]:
    """The presentation and the token that it came as; raises CredentialError for what is none."""
    refuse_excess(given)
    if isinstance(given, dict) and "EnvelopedVerifiablePresentation" in types_of(given):
        given = token_in(given, "EnvelopedVerifiablePresentation")
    token = jwt.read_presentation(given.strip()) if isinstance(given, str) else None
    document = token.document if token else given
    refuse_excess(document)
    refuse_other_than_presentation(document)
    if token is None and proved_by_meaning(document):
        refuse_second_mention(document)
    return document, token


def _credentials_in(document: Mapping[str, Any], token: jwt.Token | None) -> tuple[Any, ...]:
    found = items(document.get("verifiableCredential", []))
    if len(found) > MAX_CREDENTIALS:
        raise CredentialError(f"The presentation holds more than {MAX_CREDENTIALS} credentials.", "too_complex")
    texts = token is not None and token.profile == "vp-claim"  # in VCDM 1.1 section 6.3.1 a token stands as it is
    return tuple(_credential(each, texts=texts) for each in found)


def _credential(value: Any, *, texts: bool) -> Any:
    if isinstance(value, str) and texts:
        return value
    if not isinstance(value, dict):
        raise CredentialError("verifiableCredential is not an object, or an array of objects.", "malformed")
    return opened_credential(value)


def opened_credential(value: Any) -> Any:
    """Return the token's text out of an enveloped credential, and any other value itself; raises CredentialError."""
    enveloped = "EnvelopedVerifiableCredential" in types_of(value)
    return token_in(value, "EnvelopedVerifiableCredential") if enveloped else value


def _refuse_meaningless(document: Mapping[str, Any], token: jwt.Token | None, terms: Terms) -> None:
    urls = list(named_contexts(document) if terms.inline else context_urls(document))
    unknown = next((url for url in urls if not terms.knows(url)), None)
    if unknown is not None:
        raise UnsupportedContext(f"The presentation uses the context {quoted(unknown)}, which is not known here.")
    if token is not None or not proved_by_meaning(document):
        unsecured = {name: member for name, member in _stated(document).items() if name != "proof"}
        if token is not None and token.profile == "vp-claim":
            unsecured.pop("verifiableCredential", None)  # tokens as texts, which are no ids
        to_quads(unsecured, terms.contexts, inline=terms.inline)


def _stated(document: Mapping[str, Any]) -> dict[str, Any]:
    """The presentation as statements: no credentials are the same as none mentioned."""
    return {name: member for name, member in document.items() if (name, member) != ("verifiableCredential", [])}


def _proved(
    document: Mapping[str, Any], token: jwt.Token | None, asking: Asking
) -> tuple[list[Check], str | None] | Needs:
    """The checks of holder, proofs and occasion, and whose key it was."""
    said = id_of(document.get("holder"))
    keys = KnownKeys((), asking.now, proofs.AUTHENTICATION)
    presenter, kid = said or _presenter(document, token), token.kid if token else None
    needed = keys.look_up_signer(presenter, kid, asking.fetched)
    if needed is not None:
        return Needs(urls=(needed,))
    if token is None:
        found = proofs.verify(_stated(document), keys.resolve, asking.shapes, asking.terms, proofs.AUTHENTICATION)
    else:
        found = [jwt.verify(token, said, keys.resolve)]
    signers = {controller_of(keys.method_of(each.verification_method)) for each in found if each.verification_method}
    checks = [_holder(said, signers), proof_check(found, asking.now), *_occasion(document, token, asking.occasion)]
    return checks, next(iter(signers)) if len(signers) == 1 else None


def _presenter(document: Mapping[str, Any], token: jwt.Token | None) -> str | None:
    """Whose key the first proof names, where no holder is named."""
    signed = token.header if token else next(iter(items(document.get("proof", []))), None)
    method = signed.get("kid" if token else "verificationMethod") if isinstance(signed, Mapping) else None
    return controller_of(method) if isinstance(method, str) and "#" in method else None


def _holder(said: Any, signers: set[str]) -> Check:
    if not signers:
        return Check(name="holder", outcome="skipped", detail="No proof names a key to compare with the holder.")
    if len(signers) > 1 or (said is not None and said not in signers):
        detail = "The presentation was signed with a key that does not belong to its holder."
        return failed("holder", "holder_mismatch", detail)
    detail = (
        "The signing key belongs to whoever presents." if said is None else "The signing key belongs to the holder."
    )
    return passed("holder", detail)


def _occasion(document: Mapping[str, Any], token: jwt.Token | None, occasion: Occasion) -> list[Check]:
    """A proof names its challenge and domain (Data Integrity 1.0 section 2.1), a token its nonce and aud."""
    if token is not None:
        named = [{"challenge": token.claims.get("nonce"), "domain": token.claims.get("aud")}]
    else:
        named = [each for each in items(document.get("proof", [])) if isinstance(each, dict)]
    return compared(named, occasion)


def compared(named: Sequence[Mapping[str, Any]], occasion: Occasion) -> list[Check]:
    """Return a check for what each of the proofs must name, as far as the occasion says anything."""
    asked = {"challenge": occasion.challenge, "domain": occasion.domain}
    return [_compared(what, wanted, named) for what, wanted in asked.items() if wanted is not None]


def _compared(what: str, wanted: str, named: Sequence[Mapping[str, Any]]) -> Check:
    if named and all(wanted in items(each.get(what)) for each in named):
        return passed(what, f"The proof names the {what} that was asked for.")
    detail = f"The proof was not made for the {what} that was asked for."
    return failed(what, f"{what}_mismatch", detail)
