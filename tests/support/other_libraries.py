"""Proofs by other people's libraries put together: canonical forms by PyLD or rfc8785, signatures by cryptography."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from hashlib import sha256
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pyld import jsonld as pyld

from shared.credentials.contexts import pinned
from shared.credentials.multibase import decode_base58, encode_base58

Document = Mapping[str, Any]
HashData = Callable[[Document, Document], bytes]


def pyld_form(document: Document) -> str:
    """Return a document's canonical N-Quads; contexts are the pinned ones, nothing is fetched."""

    def load(url: str, _options: Any) -> dict[str, Any]:
        return {"contextUrl": None, "documentUrl": url, "document": pinned()[url]}

    options = {"algorithm": "URDNA2015", "documentLoader": load, "base": "", "rdfDirection": "i18n-datatype"}
    return str(pyld.normalize(document, options | {"format": "application/n-quads"}))


def pyld_hash_data(document: Document, options: Document) -> bytes:
    """Return what `eddsa-rdfc-2022` signs (Data Integrity EdDSA 1.0 section 3.2.4)."""
    parts = ({**options, "@context": document["@context"]}, document)
    return b"".join(sha256(pyld_form(part).encode()).digest() for part in parts)


def jcs_hash_data(document: Document, options: Document) -> bytes:
    """Return what `eddsa-jcs-2022` signs (section 3.3.4)."""
    return b"".join(sha256(rfc8785.dumps(dict(part))).digest() for part in (options, document))


SUITES: Mapping[str, HashData] = {"eddsa-rdfc-2022": pyld_hash_data, "eddsa-jcs-2022": jcs_hash_data}


def signed_by_others(document: Document, key: Ed25519PrivateKey, method: str, suite: str, created: str) -> Document:
    """Return a document with a proof, both as new objects."""
    options = {"type": "DataIntegrityProof", "cryptosuite": suite, "created": created}
    options |= {"verificationMethod": method, "proofPurpose": "assertionMethod", "@context": document["@context"]}
    value = encode_base58(key.sign(SUITES[suite](document, options)))
    return {**deepcopy(dict(document)), "proof": options | {"proofValue": value}}


def verify_by_others(signed: Document, key: Ed25519PublicKey) -> None:
    """Raise cryptography's InvalidSignature where the one proof of a document does not hold."""
    document = {name: member for name, member in signed.items() if name != "proof"}
    options = {name: member for name, member in signed["proof"].items() if name != "proofValue"}
    key.verify(decode_base58(signed["proof"]["proofValue"]), SUITES[options["cryptosuite"]](document, options))
