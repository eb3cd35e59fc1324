"""The cryptosuites of Data Integrity: how each makes the bytes that are signed, and which keys may sign them."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256, sha384
from typing import Any, Literal

from shared.credentials import base64url
from shared.credentials.canonical import jcs, rdfc
from shared.credentials.compiled import Shapes
from shared.credentials.contexts import PINNED_ALONE, Terms
from shared.credentials.errors import CredentialError
from shared.credentials.keys import Algorithm, PrivateKey, PublicKey, algorithm_of
from shared.credentials.multibase import decode_base58, encode_base58

Document = Mapping[str, Any]

DATA_INTEGRITY = "DataIntegrityProof"
# A detached JWS (RFC 7797) whose header is this one alone: the only place where `b64: false` is right.
_DETACHED_HEADER = base64url.encode(b'{"alg":"EdDSA","b64":false,"crit":["b64"]}')
_MAX_JWS = 1_024


@dataclass(frozen=True, slots=True)
class Suite:
    """One way to prove. `proof_type` is the proof's type; a Data Integrity proof has `name` as its cryptosuite."""

    name: str
    algorithms: frozenset[Algorithm]
    canonical: Literal["rdfc", "jcs"] = "rdfc"
    proof_type: str = DATA_INTEGRITY
    value: Literal["proofValue", "jws"] = "proofValue"

    def options(self) -> dict[str, str]:
        """Return the members of a proof that say which suite it is of."""
        data_integrity = self.proof_type == DATA_INTEGRITY
        return {"type": self.proof_type, **({"cryptosuite": self.name} if data_integrity else {})}

    def message(
        self,
        document: Document,
        options: Document,
        key: PublicKey | PrivateKey,
        shapes: Shapes | None = None,
        terms: Terms = PINNED_ALONE,
    ) -> bytes:
        """Return what is signed: the options' hash, then the document's, with SHA-384 for a key on P-384.

        VC-DI-EdDSA 1.0 and VC-DI-ECDSA 1.0, sections 3.2.4 and 3.3.4. Raises as the canonical forms do.
        """
        if self.canonical == "jcs":
            new = sha384 if algorithm_of(key) == "ES384" else sha256
            return b"".join(new(jcs(part)).digest() for part in (options, document))
        config = {**options, "@context": document.get("@context", [])}
        if algorithm_of(key) == "ES384":
            forms = [rdfc(part, terms.contexts, "sha384", inline=terms.inline) for part in (config, document)]
            return b"".join(sha384(form.encode()).digest() for form in forms)
        if shapes is not None and terms == PINNED_ALONE:
            return shapes.options_digest(config) + sha256(shapes.rdfc(document).encode()).digest()
        form = rdfc if shapes is None else shapes.rdfc
        forms = [form(part, terms.contexts, inline=terms.inline) for part in (config, document)]
        return b"".join(sha256(each.encode()).digest() for each in forms)

    def signing_input(self, message: bytes) -> bytes:
        """Return the bytes under the signature itself."""
        return message if self.value == "proofValue" else f"{_DETACHED_HEADER}.".encode() + message

    def write(self, signature: bytes) -> str:
        """Return a signature as the proof carries it."""
        if self.value == "proofValue":
            return encode_base58(signature)
        return f"{_DETACHED_HEADER}..{base64url.encode(signature)}"

    def read(self, value: str) -> bytes:
        """Return the signature that a proof carries; raises CredentialError for any other form."""
        if self.value == "proofValue":
            return decode_base58(value)
        header, _, signature = value.partition("..")
        if header != _DETACHED_HEADER:
            raise CredentialError("The detached signature's header is not the one allowed.", "invalid_signature")
        return base64url.decode(signature, _MAX_JWS)


_EDDSA: frozenset[Algorithm] = frozenset({"EdDSA"})
_ECDSA: frozenset[Algorithm] = frozenset({"ES256", "ES384"})
EDDSA_RDFC = Suite("eddsa-rdfc-2022", _EDDSA)
EDDSA_JCS = Suite("eddsa-jcs-2022", _EDDSA, "jcs")
ECDSA_RDFC = Suite("ecdsa-rdfc-2019", _ECDSA)
ECDSA_JCS = Suite("ecdsa-jcs-2019", _ECDSA, "jcs")
ED25519_2020 = Suite("Ed25519Signature2020", _EDDSA, proof_type="Ed25519Signature2020")
ED25519_2018 = Suite("Ed25519Signature2018", _EDDSA, proof_type="Ed25519Signature2018", value="jws")
SUITES = {suite.name: suite for suite in (EDDSA_RDFC, EDDSA_JCS, ECDSA_RDFC, ECDSA_JCS, ED25519_2020, ED25519_2018)}


def suite_of(proof: Document) -> Suite | str | None:
    """Return the suite of a proof, the name of one that is not known here, or None where it names none."""
    kind = proof.get("type")
    name = proof.get("cryptosuite") if kind == DATA_INTEGRITY else kind
    if not isinstance(name, str):
        return None
    suite = SUITES.get(name)
    return suite if suite and suite.proof_type == kind else name
