"""`python -m bench.credentials`: signing and verifying one badge, beside bare Ed25519 and what others make of it.

One process, one thread, operations per CPU-second. What is signed is copied, gets its proof and becomes JSON bytes; a
verification begins with the parsed document and ends with the finding and, where that is said, the status bit.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import cycle
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from openbadgeslib.ob3.ldp import add_data_integrity_proof, verify_data_integrity_proof
from pyld import jsonld as pyld
from rich.console import Console
from rich.table import Table

from bench.anchors import per_cpu_second, raw_signing, raw_verifying
from shared.credentials import canonical, proofs
from shared.credentials.badge import Issuer, Recipient, open_badge
from shared.credentials.check import check_document
from shared.credentials.compiled import Shapes
from shared.credentials.contexts import pinned
from shared.credentials.dids import controller_of
from shared.credentials.instants import write_instant
from shared.credentials.keys import did_key, key_of_did, method_id
from shared.credentials.multibase import decode_base58, encode_base58
from shared.credentials.status import MIN_BITS, get_bit, status_entry

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
ROUNDS = 11  # beside each other in time, for the machine is not as fast at all times: the middle one counts
CPU_SECONDS = 0.1
BADGES = 50  # as many as a batch of the issuer
PROOF = "eddsa-rdfc-2022"
BITS = bytes(MIN_BITS // 8)
LIST = "https://badges.example/status-lists/7d0e1f6a-1111-4222-8333-444455556666"
DESCRIPTION = "urn:uuid:1b5b1e4e-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Row:
    """What was measured: by the side of signing or of verifying with nothing around it."""

    what: str
    beside: str
    operation: Callable[[], object]


def main() -> None:
    """Measure and print the tables."""
    console = Console(width=120)
    console.print(f"One core of {os.cpu_count()}, Python {platform.python_version()}, {_processor()}")
    key = Ed25519PrivateKey.generate()
    for title, full in (("A badge as it is issued", False), ("A badge with every optional part", True)):
        unsigned = [_badge(key, number, full=full) for number in range(BADGES)]
        form = canonical.rdfc(unsigned[0])
        blank = len({word for word in form.split() if word.startswith("_:")})
        console.print(_table(f"{title}: {form.count(chr(10))} statements, {blank} blank nodes", rows(key, unsigned)))
        console.print(_first_documents(unsigned))


def rows(key: Ed25519PrivateKey, unsigned: list[dict[str, Any]]) -> Iterator[Row]:
    """Yield what is measured, on these badges in turn; a suite of another kind adds its rows here."""
    method = method_id(did_key(key.public_key()), key.public_key())
    shapes = Shapes()
    sent = [orjson.dumps(proofs.sign(badge, key, method, NOW, shapes=shapes)) for badge in unsigned]
    signed = [orjson.loads(document) for document in sent]
    to_sign, to_verify = cycle(unsigned).__next__, cycle(signed).__next__
    yield Row(f"{PROOF}: sign", "sign", lambda: _sign(to_sign(), key, method, shapes))
    yield Row(f"{PROOF}: verify", "verify", lambda: _verify(to_verify(), shapes))
    yield Row(f"{PROOF}: verify, and the status bit", "verify", lambda: _verify_with_status(to_verify(), shapes))
    yield Row("the whole check of a document", "verify", lambda: _check(to_verify(), shapes))
    yield Row(f"{PROOF}, no shapes: sign", "sign", lambda: _sign(to_sign(), key, method, None))
    yield Row(f"{PROOF}, no shapes: verify", "verify", lambda: _verify(to_verify(), None))
    yield Row("PyLD and cryptography: sign", "sign", lambda: _pyld_sign(to_sign(), key, method))
    yield Row("PyLD and cryptography: verify", "verify", lambda: _pyld_verify(to_verify(), key))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield Row(
        "openbadgeslib: sign",
        "sign",
        lambda: orjson.dumps(add_data_integrity_proof(to_sign(), private, method, created=NOW)),
    )
    yield Row("openbadgeslib: verify", "verify", lambda: verify_data_integrity_proof(to_verify(), public))


def _sign(badge: dict[str, Any], key: Ed25519PrivateKey, method: str, shapes: Shapes | None) -> bytes:
    return orjson.dumps(proofs.sign(badge, key, method, NOW, shapes=shapes))


def _verify(signed: dict[str, Any], shapes: Shapes | None) -> None:
    findings = proofs.verify(signed, lambda method, _created: key_of_did(controller_of(method)), shapes)
    assert findings[0].outcome == "pass"


def _verify_with_status(signed: dict[str, Any], shapes: Shapes) -> None:
    _verify(signed, shapes)
    assert not get_bit(BITS, int(signed["credentialStatus"]["statusListIndex"]))


def _check(signed: dict[str, Any], shapes: Shapes) -> None:
    assert check_document(signed, now=NOW, shapes=shapes).signed_by_issuer


def _pyld_hash_data(document: Mapping[str, Any], options: Mapping[str, Any]) -> bytes:
    def load(url: str, _options: Any) -> dict[str, Any]:
        return {"contextUrl": None, "documentUrl": url, "document": pinned()[url]}

    settings = {"algorithm": "URDNA2015", "format": "application/n-quads", "documentLoader": load}
    parts = ({**options, "@context": document["@context"]}, document)
    return b"".join(sha256(pyld.normalize(part, settings).encode()).digest() for part in parts)


def _pyld_sign(badge: dict[str, Any], key: Ed25519PrivateKey, method: str) -> bytes:
    options = {"type": "DataIntegrityProof", "cryptosuite": PROOF, "created": write_instant(NOW)}
    options |= {"verificationMethod": method, "proofPurpose": "assertionMethod"}
    value = encode_base58(key.sign(_pyld_hash_data(badge, options)))
    return orjson.dumps(deepcopy(badge) | {"proof": options | {"proofValue": value}})


def _pyld_verify(signed: dict[str, Any], key: Ed25519PrivateKey) -> None:
    document = {name: member for name, member in signed.items() if name != "proof"}
    options = {name: member for name, member in signed["proof"].items() if name != "proofValue"}
    message = _pyld_hash_data(document, options)
    key.public_key().verify(decode_base58(signed["proof"]["proofValue"]), message)


def _table(title: str, measured: Iterator[Row]) -> Table:
    every = list(measured)
    rates: dict[str, list[float]] = {row.what: [] for row in every}
    raw: dict[str, list[float]] = {"sign": [], "verify": []}
    for _ in range(ROUNDS):
        raw["sign"].append(raw_signing(CPU_SECONDS))
        raw["verify"].append(raw_verifying(CPU_SECONDS))
        for row in every:
            rates[row.what].append(per_cpu_second(row.operation, CPU_SECONDS))
    table = Table("what", "per CPU-second", "of raw", title=title)
    for side, figures in raw.items():
        table.add_row(f"raw Ed25519: {side}", f"{statistics.median(figures):,.0f}", "1.00")
    for row in every:
        shares = [rate / anchor for rate, anchor in zip(rates[row.what], raw[row.beside], strict=True)]
        table.add_row(row.what, f"{statistics.median(rates[row.what]):,.0f}", f"{statistics.median(shares):.3f}")
    return table


def _first_documents(badges: list[dict[str, Any]]) -> str:
    """What a document costs by how often its shape has come: milliseconds of the canonical form alone."""
    spent: dict[int, list[float]] = {1: [], 2: [], 3: []}
    for _ in range(ROUNDS):
        shapes = Shapes()
        for coming, times in spent.items():
            began = time.process_time()
            shapes.rdfc(badges[coming])
            times.append((time.process_time() - began) * 1000)
    first, second, third = (statistics.median(times) for times in spent.values())
    return f"Canonical form of a shape's first document {first:.1f} ms, second {second:.1f} ms, third {third:.2f} ms\n"


def _badge(key: Ed25519PrivateKey, number: int, *, full: bool) -> dict[str, Any]:
    did = did_key(key.public_key())
    achievement = {
        "id": "https://badges.example/achievements/5f0c/1",
        "name": "Fire safety",
        "description": "Knows how to leave a burning house, and has shown it in an exercise of a whole day.",
        "criteria": {"narrative": "Takes part in the exercise, leaves the house and tells others the way."},
        "image": {"id": "https://badges.example/achievements/5f0c/1/image"},
        "tag": ["fire", "safety"],
    }
    if full:
        achievement |= {
            "inLanguage": "en",
            "creditsAvailable": 2.5,
            "alignment": [
                {"targetName": "Safety", "targetUrl": "https://frameworks.example/1", "targetType": "CFItem"}
            ],
            "resultDescription": [
                {"id": DESCRIPTION, "name": "Grade", "resultType": "LetterGrade", "allowedValue": ["A", "B", "C"]}
            ],
        }
    return open_badge(
        credential_id=f"https://badges.example/credentials/0d6c2b8e-1111-4222-8333-{number:012}",
        issuer=Issuer(id=did, name="Example University", url="https://uni.example"),
        achievement=achievement,
        recipient=Recipient(
            email=f"ada{number}@learner.example", name="Ada Lovelace" if full else None, salt=f"c2FsdA{number}"
        ),
        valid_from=NOW,
        valid_until=datetime(2028, 1, 1, tzinfo=UTC) if full else None,
        evidence=[{"id": "https://learner.example/fire", "name": f"Film {number}"}, {"narrative": "Saw it."}]
        if full
        else [],
        results=[{"resultDescription": DESCRIPTION, "value": "A"}] if full else [],
        status=[status_entry(LIST, number, "revocation")],
    )


def _processor() -> str:
    with Path("/proc/cpuinfo").open() as lines:
        return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    main()
