"""Data Integrity proofs: made, and checked one by one, in sets and in chains."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from shared.credentials.compiled import Shapes
from shared.credentials.contexts import PINNED_ALONE, Terms
from shared.credentials.errors import CredentialError, InvalidKey
from shared.credentials.instants import CLOCK_DIFFERENCE, read_instant, write_instant
from shared.credentials.keys import (
    PrivateKey,
    PublicKey,
    UnboundKey,
    algorithm_of,
    is_signature,
    sign_message,
    verify_signature,
)
from shared.credentials.quoting import quoted
from shared.credentials.shape import MAX_TEXT, items
from shared.credentials.suites import EDDSA_RDFC, SUITES, Suite, suite_of

MAX_PROOFS = 4
# What a proof may be made for: to assert a credential, or to show that one holds a key.
ASSERTION, AUTHENTICATION = "assertionMethod", "authentication"
NOTHING: Mapping[str, str] = MappingProxyType({})
# What keeps a signature from being checked, and says nothing against it.
UNDECIDED = frozenset(
    {
        "unsupported_context",
        "unsupported_key",
        "too_complex",
        "key_unresolvable",
        "key_ended_since",
        "key_not_bound",
        "did_refused",
        "did_mismatch",
    }
)
Document = Mapping[str, Any]
KeyResolver = Callable[[str, datetime | None], PublicKey]
"""From a verification method's id and the proof's `created` to the key; raises InvalidKey with the reason's code.

Of a key that nothing binds to whom its name claims, UnboundKey: what is signed with it is never taken as theirs.
"""


Outcome = Literal["pass", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class ProofFinding:
    """What became of one proof: `unknown` is a proof that nothing here can check, never a good one."""

    outcome: Outcome
    code: str
    detail: str
    verification_method: str | None = None
    created: datetime | None = None
    expires: datetime | None = None
    begins: datetime | None = None

    def has_ended(self, now: datetime) -> bool:
        """Tell whether the signature was made to end, and has."""
        return self.expires is not None and self.expires <= now

    def has_not_begun(self, now: datetime) -> bool:
        """Tell whether the signature is not to be accepted yet."""
        return self.begins is not None and self.begins > now + CLOCK_DIFFERENCE


def sign(
    document: Document,
    key: PrivateKey,
    verification_method: str,
    created: datetime,
    suite: Suite = EDDSA_RDFC,
    *,
    shapes: Shapes | None = None,
    terms: Terms = PINNED_ALONE,
) -> dict[str, Any]:
    """Return a copy of the document with its proof instead of any that it had (Data Integrity 1.0 section 4.2).

    The copy shares its members with the document. With `shapes` it takes less time. Raises InvalidKey for a key that
    the suite does not take, and as the canonical forms do: DataLoss, UnsupportedContext, TooComplex, MalformedJson.
    """
    unsecured = _unsecured(document)
    proof = prove(unsecured, key, verification_method, created, suite, shapes=shapes, terms=terms)
    return {**unsecured, "proof": proof}


def prove(
    unsecured: Document,
    key: PrivateKey,
    verification_method: str,
    created: datetime,
    suite: Suite = EDDSA_RDFC,
    *,
    shapes: Shapes | None = None,
    terms: Terms = PINNED_ALONE,
    further: Mapping[str, str] = NOTHING,
    previous: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return a proof of a document that carries none, one of a set or the only one. Raises as `sign` does.

    `further` members of the proof are signed with it: another purpose, a challenge, an id. In a chain so are the
    `previous` proofs, whose ids `previousProof` names.
    """
    if algorithm_of(key) not in suite.algorithms:
        raise InvalidKey(f"{suite.name} does not take keys of this kind.", "unsupported_key")
    options: dict[str, Any] = {
        **suite.options(),
        "created": write_instant(created),
        "verificationMethod": verification_method,
        "proofPurpose": ASSERTION,
        **further,
    }
    if suite.canonical == "jcs":
        options["@context"] = unsecured["@context"]
    secured = {**unsecured, "proof": list(previous)} if previous else unsecured
    message = suite.message(secured, options, key, shapes, terms)
    return {**options, suite.value: suite.write(sign_message(key, suite.signing_input(message)))}


def verify(
    document: Document,
    resolve_key: KeyResolver,
    shapes: Shapes | None = None,
    terms: Terms = PINNED_ALONE,
    purpose: str = ASSERTION,
) -> list[ProofFinding]:
    """Check every proof of a document by itself (Data Integrity 1.0 sections 4.4, 4.5); without a proof, one failure.

    `resolve_key` says which keys may sign; that the key is the issuer's is for the caller to compare. A member
    of the proof beyond those needed is part of what is signed. Never raises for what the document holds.
    """
    proofs = items(document.get("proof", []))
    what = "presentation" if purpose == AUTHENTICATION else "credential"
    if not proofs:
        return [ProofFinding("fail", "proof_missing", f"The {what} carries no signature.")]
    if len(proofs) > MAX_PROOFS:
        return [ProofFinding("unknown", "too_complex", f"The {what} carries more than {MAX_PROOFS} proofs.")]
    if any(proof in proofs[:index] for index, proof in enumerate(proofs)):
        return [ProofFinding("fail", "proof_malformed", f"The {what} carries the same proof twice.")]
    return [
        _of_another_purpose(proof, purpose) or _verify_one(document, proof, proofs, resolve_key, shapes, terms)
        for proof in proofs
    ]


def resolved(resolve_key: KeyResolver, method: str, created: datetime | None) -> tuple[PublicKey, UnboundKey | None]:
    """Return the key to check a signature with, and why one that fits is nobody's; raises InvalidKey without a key."""
    try:
        return resolve_key(method, created), None
    except UnboundKey as error:
        if error.key is None:
            raise
        return error.key, error


def _verify_one(
    document: Document,
    proof: Any,
    proofs: list[Any],
    resolve_key: KeyResolver,
    shapes: Shapes | None,
    terms: Terms,
) -> ProofFinding:
    if not isinstance(proof, dict) or (suite := suite_of(proof)) is None:
        return ProofFinding("fail", "proof_malformed", "The proof does not say of which kind it is.")
    if isinstance(suite, str):
        return ProofFinding("unknown", "unsupported_proof", f"Proofs of the kind {quoted(suite)} are not supported.")
    refusal = _refusal(document, proof, suite)
    if refusal is not None:
        return refusal
    method: str = proof["verificationMethod"]
    created, expires = read_instant(proof.get("created")), read_instant(proof.get("expires"))
    try:
        (key, unbound), secured = resolved(resolve_key, method, created), _secured(document, proof, proofs)
        outcome, code, detail = _signed(secured, proof, suite, key, shapes, terms)
        if unbound is not None and outcome == "pass":
            outcome, code, detail = "unknown", unbound.code, unbound.detail
    except CredentialError as error:
        code = "invalid_signature" if error.code in ("invalid_key", "malformed") else error.code
        outcome, detail = _outcome_of(error), error.detail
    return ProofFinding(outcome, code, detail, method, created, expires)


def _signed(
    secured: Document, proof: Document, suite: Suite, key: PublicKey, shapes: Shapes | None, terms: Terms
) -> tuple[Outcome, str, str]:
    """Say whether the proof is the key's over the document; raises CredentialError."""
    if algorithm_of(key) not in suite.algorithms:
        return "fail", "invalid_signature", f"{suite.name} is not a way in which a key of this kind signs."
    signature = suite.read(proof[suite.value])
    if not is_signature(key, signature):
        return "fail", "invalid_signature", "The signature is not in the one form of such a key's."
    left_out = (suite.value, *(("@context",) if suite.canonical == "rdfc" else ()))
    options = {name: proof[name] for name in proof if name not in left_out}
    message = suite.message(secured, options, key, shapes, terms)
    if not verify_signature(key, signature, suite.signing_input(message)):
        return "fail", "tampered", "The credential is not as it was signed, or was not signed with this key."
    return "pass", "signed", "The signature fits the credential and the key."


def _secured(document: Document, proof: Document, proofs: list[Any]) -> dict[str, Any]:
    """Return what a proof is over: the document without proofs, but with those that it names as previous to it.

    Raises CredentialError where one that it names is not there.
    """
    unsecured, wanted = _unsecured(document), items(proof.get("previousProof", []))
    if not wanted:
        return unsecured
    found = [each for each in proofs if isinstance(each, dict) and "id" in each and each["id"] in wanted]
    if len(found) != len(wanted) or any(each is proof for each in found):
        raise CredentialError("A proof builds on another one that is not there.", "proof_malformed")
    return {**unsecured, "proof": found}


def _of_another_purpose(proof: Any, purpose: str) -> ProofFinding | None:
    if not isinstance(proof, dict) or suite_of(proof) not in SUITES.values() or proof.get("proofPurpose") == purpose:
        return None
    return ProofFinding("fail", "wrong_proof_purpose", f"The proof was not made for the purpose {purpose}.")


def _refusal(document: Document, proof: Document, suite: Suite) -> ProofFinding | None:
    """What stands against a proof before any key is looked at, or None."""
    if not _well_formed(proof, suite):
        return ProofFinding("fail", "proof_malformed", "A member of the proof does not have its one allowed form.")
    own, its = document.get("@context"), proof.get("@context", document.get("@context"))
    if own == its:
        return None
    # The specification lets contexts follow those that were signed (VC-DI-EdDSA 1.0 section 3.3.2): nobody signed them.
    if isinstance(own, list) and isinstance(its, list) and own[: len(its)] == its and suite.canonical == "jcs":
        return ProofFinding("fail", "data_loss", "The credential names contexts that its signature does not cover.")
    return ProofFinding("fail", "proof_malformed", "The proof names other contexts than the credential.")


def _well_formed(proof: Document, suite: Suite) -> bool:
    texts = all(isinstance(proof.get(name), str) for name in ("verificationMethod", suite.value))
    dates = all(read_instant(proof[name]) is not None for name in ("created", "expires") if name in proof)
    # Another suite's value beside its own would be signed by nobody; the other name of an end (security/v1) says the
    # same to whoever canonicalizes, and nobody would read it.
    named_otherwise = "expiration" in proof
    values = sum(name in proof for name in ("proofValue", "jws")) == 1
    return texts and dates and values and not named_otherwise and len(proof["verificationMethod"]) <= MAX_TEXT


def _outcome_of(error: CredentialError) -> Outcome:
    return "unknown" if error.code in UNDECIDED else "fail"


def _unsecured(document: Document) -> dict[str, Any]:
    unsecured = dict(document)
    unsecured.pop("proof", None)
    return unsecured
