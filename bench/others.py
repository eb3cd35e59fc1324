"""The same badges by other people's libraries: PyLD, rfc8785 and cryptography put together, and openbadgeslib."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from openbadgeslib.ob3.ldp import add_data_integrity_proof, verify_data_integrity_proof

from bench.anchors import Row
from shared.credentials.instants import write_instant
from tests.support.other_libraries import signed_by_others, verify_by_others

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
Next = Callable[[], dict[str, Any]]


def rows(key: Ed25519PrivateKey, method: str, to_sign: Next, to_verify: Mapping[str, Next]) -> Iterator[Row]:
    """Yield what others make of badges to sign, and of those that were signed by each suite."""
    for name, suite in (("PyLD", "eddsa-rdfc-2022"), ("rfc8785", "eddsa-jcs-2022")):
        title = f"{suite}: {name} and cryptography"
        yield Row(f"{title}, sign", "sign", _signing(suite, key, method, to_sign))
        yield Row(f"{title}, verify", "verify", _verifying(key, to_verify[suite]))
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


def _signing(suite: str, key: Ed25519PrivateKey, method: str, to_sign: Next) -> Callable[[], Any]:
    return lambda: orjson.dumps(signed_by_others(to_sign(), key, method, suite, write_instant(NOW)))


def _verifying(key: Ed25519PrivateKey, to_verify: Next) -> Callable[[], Any]:
    public = key.public_key()
    return lambda: verify_by_others(to_verify(), public)
