"""The same badges by other people's libraries: PyLD, rfc8785 and cryptography put together, and openbadgeslib."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from openbadgeslib.ob3.ldp import add_data_integrity_proof, verify_data_integrity_proof
from pyld import jsonld as pyld

from bench.anchors import Row
from shared.credentials.contexts import pinned
from shared.credentials.instants import write_instant
from shared.credentials.multibase import decode_base58, encode_base58

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
Document = Mapping[str, Any]
Next = Callable[[], dict[str, Any]]


def rows(key: Ed25519PrivateKey, method: str, to_sign: Next, to_verify: Mapping[str, Next]) -> Iterator[Row]:
    """Yield what others make of badges to sign, and of those that were signed by each suite."""
    for name, suite, hash_data in (
        ("PyLD and cryptography", "eddsa-rdfc-2022", _pyld_hash_data),
        ("rfc8785 and cryptography", "eddsa-jcs-2022", _jcs_hash_data),
    ):
        yield Row(f"{suite}: {name}, sign", "sign", _signing(suite, hash_data, key, method, to_sign))
        yield Row(f"{suite}: {name}, verify", "verify", _verifying(hash_data, key, to_verify[suite]))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    next_signed = to_verify["eddsa-rdfc-2022"]
    yield Row(
        "eddsa-rdfc-2022: openbadgeslib, sign",
        "sign",
        lambda: orjson.dumps(add_data_integrity_proof(to_sign(), private, method, created=NOW)),
    )
    yield Row(
        "eddsa-rdfc-2022: openbadgeslib, verify",
        "verify",
        lambda: verify_data_integrity_proof(next_signed(), public),
    )


HashData = Callable[[Document, Document], bytes]


def _signing(suite: str, hash_data: HashData, key: Ed25519PrivateKey, method: str, to_sign: Next) -> Callable[[], Any]:
    def sign() -> bytes:
        badge = to_sign()
        options = {"type": "DataIntegrityProof", "cryptosuite": suite, "created": write_instant(NOW)}
        options |= {"verificationMethod": method, "proofPurpose": "assertionMethod", "@context": badge["@context"]}
        value = encode_base58(key.sign(hash_data(badge, options)))
        return orjson.dumps(deepcopy(badge) | {"proof": options | {"proofValue": value}})

    return sign


def _verifying(hash_data: HashData, key: Ed25519PrivateKey, to_verify: Next) -> Callable[[], Any]:
    def verify() -> None:
        signed = to_verify()
        document = {name: member for name, member in signed.items() if name != "proof"}
        options = {name: member for name, member in signed["proof"].items() if name != "proofValue"}
        key.public_key().verify(decode_base58(signed["proof"]["proofValue"]), hash_data(document, options))

    return verify


def _jcs_hash_data(document: Document, options: Document) -> bytes:
    return b"".join(sha256(rfc8785.dumps(dict(part))).digest() for part in (options, document))


def _pyld_hash_data(document: Document, options: Document) -> bytes:
    def load(url: str, _options: Any) -> dict[str, Any]:
        return {"contextUrl": None, "documentUrl": url, "document": pinned()[url]}

    settings = {"algorithm": "URDNA2015", "format": "application/n-quads", "documentLoader": load}
    parts = ({**options, "@context": document["@context"]}, document)
    return b"".join(sha256(pyld.normalize(part, settings).encode()).digest() for part in parts)
