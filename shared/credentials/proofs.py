"""Data Integrity proofs: made and checked with the cryptosuite eddsa-rdfc-2022."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from shared.credentials import canonical
from shared.credentials.compiled import Shapes
from shared.credentials.errors import CredentialError
from shared.credentials.instants import read_instant, write_instant
from shared.credentials.keys import PrivateKey, PublicKey, is_signature, verify_signature
from shared.credentials.multibase import decode_base58, encode_base58
from shared.credentials.quoting import quoted
from shared.credentials.shape import MAX_TEXT

CRYPTOSUITE = "eddsa-rdfc-2022"
MAX_PROOFS = 4
Document = Mapping[str, Any]
KeyResolver = Callable[[str, datetime | None], PublicKey]
"""From a verification method's id and the proof's `created` to the key; raises InvalidKey with the reason's code."""


@dataclass(frozen=True, slots=True)
class ProofFinding:
    """What became of one proof: `unknown` is a proof that nothing here can check, never a good one."""

    outcome: Literal["pass", "fail", "unknown"]
    code: str
    detail: str
    verification_method: str | None = None
    created: datetime | None = None
    expires: datetime | None = None


def sign(
    document: Document, key: PrivateKey, verification_method: str, created: datetime, shapes: Shapes | None = None
) -> dict[str, Any]:
    """Return a copy of the document with its eddsa-rdfc-2022 proof (VC-DI-EdDSA 1.0 section 3.2).

    The proof is over the document without any proof. The copy shares its members with the document. With `shapes`
    it takes less time. Raises DataLoss, UnsupportedContext or TooComplex.
    """
    options = {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "created": write_instant(created),
        "verificationMethod": verification_method,
        "proofPurpose": "assertionMethod",
    }
    unsecured = _unsecured(document)
    signature = key.sign(_hash_data(unsecured, options, shapes))
    return {**unsecured, "proof": {**options, "proofValue": encode_base58(signature)}}


def verify(document: Document, resolve_key: KeyResolver, shapes: Shapes | None = None) -> list[ProofFinding]:
    """Check every proof of a document by itself (Data Integrity 1.0 section 4.4); without a proof, one failure.

    `resolve_key` says which keys may sign; that the key is the issuer's is for the caller to compare. A member
    of the proof beyond those needed is part of what is signed. Never raises for what the document holds.
    """
    proofs = document.get("proof", [])
    proofs = proofs if isinstance(proofs, list) else [proofs]
    if not proofs:
        return [ProofFinding("fail", "proof_missing", "The credential carries no signature.")]
    if len(proofs) > MAX_PROOFS:
        return [ProofFinding("unknown", "too_complex", f"The credential carries more than {MAX_PROOFS} proofs.")]
    if any(proof in proofs[:index] for index, proof in enumerate(proofs)):
        return [ProofFinding("fail", "proof_malformed", "The credential carries the same proof twice.")]
    return [_verify_one(document, proof, resolve_key, shapes) for proof in proofs]


def _verify_one(document: Document, proof: Any, resolve_key: KeyResolver, shapes: Shapes | None) -> ProofFinding:
    refusal = _refusal(document, proof)
    if refusal is not None:
        return refusal
    method: str = proof["verificationMethod"]
    created, expires = read_instant(proof.get("created")), read_instant(proof.get("expires"))
    try:
        signature = decode_base58(proof["proofValue"])
        key = resolve_key(method, created)
        options = {name: proof[name] for name in proof if name not in ("proofValue", "@context")}
        message = _hash_data(document, options, shapes)
    except CredentialError as error:
        code = "invalid_signature" if error.code == "invalid_key" else error.code
        return ProofFinding(_outcome_of(error), code, error.detail, method, created, expires)
    if not is_signature(signature):
        detail = "The signature is not in the one form of Ed25519."
        return ProofFinding("fail", "invalid_signature", detail, method, created, expires)
    if not verify_signature(key, signature, message):
        detail = "The credential is not as it was signed, or was not signed with this key."
        return ProofFinding("fail", "tampered", detail, method, created, expires)
    detail = "The signature fits the credential and the key."
    return ProofFinding("pass", "signed", detail, method, created, expires)


def _refusal(document: Document, proof: Any) -> ProofFinding | None:
    """What stands against a proof before any key is looked at, or None."""
    if not isinstance(proof, dict) or not isinstance(proof.get("type"), str):
        return ProofFinding("fail", "proof_malformed", "The proof is not an object with a type.")
    suite = proof.get("cryptosuite") if proof["type"] == "DataIntegrityProof" else proof["type"]
    if not isinstance(suite, str):
        return ProofFinding("fail", "proof_malformed", "The proof names no cryptosuite.")
    if suite != CRYPTOSUITE:
        return ProofFinding("unknown", "unsupported_proof", f"Proofs of the kind {quoted(suite)} are not supported.")
    if "previousProof" in proof:
        return ProofFinding("unknown", "unsupported_proof", "Proofs that build on another proof are not supported.")
    if proof.get("proofPurpose") != "assertionMethod":
        return ProofFinding("fail", "wrong_proof_purpose", "The proof was not made to assert a credential.")
    if not _well_formed(document, proof):
        return ProofFinding("fail", "proof_malformed", "A member of the proof does not have its one allowed form.")
    return None


def _well_formed(document: Document, proof: Mapping[str, Any]) -> bool:
    texts = all(isinstance(proof.get(name), str) for name in ("verificationMethod", "proofValue"))
    dates = all(read_instant(proof[name]) is not None for name in ("created", "expires") if name in proof)
    # This suite takes the context from the document: another one in the proof would be signed by nobody.
    return (
        texts
        and dates
        and len(proof["verificationMethod"]) <= MAX_TEXT
        and proof.get("@context", document.get("@context")) == document.get("@context")
    )


def _outcome_of(error: CredentialError) -> Literal["fail", "unknown"]:
    undecided = ("unsupported_context", "unsupported_key", "too_complex", "key_unresolvable")
    return "unknown" if error.code in undecided else "fail"


def _unsecured(document: Document) -> dict[str, Any]:
    unsecured = dict(document)
    unsecured.pop("proof", None)
    return unsecured


def _hash_data(document: Document, options: Mapping[str, Any], shapes: Shapes | None = None) -> bytes:
    """The 64 bytes that are signed: SHA-256 of the options, then of the document (section 3.2.4)."""
    config = {**options, "@context": document.get("@context", [])}
    rdfc = canonical.rdfc if shapes is None else shapes.rdfc
    return b"".join(sha256(rdfc(part).encode()).digest() for part in (config, _unsecured(document)))
