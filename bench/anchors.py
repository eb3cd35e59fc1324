"""What the same machine makes of the bare operation, in the same run."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MESSAGE = bytes(64)  # what eddsa-rdfc-2022 signs: two SHA-256 digests


@dataclass(frozen=True)
class Row:
    """What is measured, and the bare operation (of `RAW`) that it is held against."""

    what: str
    beside: str
    operation: Callable[[], object]


def per_cpu_second(operation: Callable[[], object], cpu_seconds: float = 1.0) -> float:
    """Repeat `operation` on this thread for about `cpu_seconds`; return how often it was done per CPU-second."""
    count, began = 0, time.process_time()
    while (spent := time.process_time() - began) < cpu_seconds:
        for _ in range(10):
            operation()
        count += 10
    return count / spent


def raw_signing(cpu_seconds: float = 1.0) -> float:
    """Ed25519 signatures per CPU-second."""
    key = Ed25519PrivateKey.generate()
    return per_cpu_second(lambda: key.sign(MESSAGE), cpu_seconds)


def raw_verifying(cpu_seconds: float = 1.0) -> float:
    """Ed25519 verifications per CPU-second."""
    key = Ed25519PrivateKey.generate()
    public, signature = key.public_key(), key.sign(MESSAGE)
    return per_cpu_second(lambda: public.verify(signature, MESSAGE), cpu_seconds)


def raw_signing_p256(cpu_seconds: float = 1.0) -> float:
    """ECDSA signatures on P-256 per CPU-second."""
    key, algorithm = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(hashes.SHA256())
    return per_cpu_second(lambda: key.sign(MESSAGE, algorithm), cpu_seconds)


def raw_verifying_p256(cpu_seconds: float = 1.0) -> float:
    """ECDSA verifications on P-256 per CPU-second."""
    key, algorithm = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(hashes.SHA256())
    public, signature = key.public_key(), key.sign(MESSAGE, algorithm)
    return per_cpu_second(lambda: public.verify(signature, MESSAGE, algorithm), cpu_seconds)


RAW = {
    "sign": raw_signing,
    "verify": raw_verifying,
    "sign P-256": raw_signing_p256,
    "verify P-256": raw_verifying_p256,
}
