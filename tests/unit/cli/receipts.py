"""Receipts for tests: as a verifier makes them, of a badge that was suspended, in a log of the test's own."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.credentials import base64url
from shared.credentials.canonical import digest
from shared.credentials.keys import encode_multikey
from shared.credentials.receipts import signed_form
from shared.transparency.commitments import Facts, commitment, credential_facts, verification_facts
from shared.transparency.merkle import inclusion_proof, leaf_hash, nodes_for_inclusion
from shared.transparency.tiles import hashes_in, tiles_for
from tests.support.log_folders import LogFolder

BADGE = {"@context": [], "id": "https://badges.example/credentials/1", "name": "Welding"}
CREDENTIAL, ANSWER = UUID("11111111-0000-4000-8000-000000000000"), UUID("22222222-0000-4000-8000-000000000000")
EVENTS = {
    "issued": UUID("33333333-0000-4000-8000-000000000000"),
    "status": UUID("44444444-0000-4000-8000-000000000000"),
    "verification": ANSWER,
}
PLACES = {"issued": 20, "status": 21, "verification": 22}
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def version(about: str, **changes: Any) -> Facts:
    """The facts of the badge's issue, or of its suspension."""
    issued = about == "issued"
    given = {
        "event_id": EVENTS[about], "type": "issued" if issued else "suspended", "credential_id": CREDENTIAL,
        "version": 1 if issued else 2, "accepted_at": AT, "actor_role": "institution", "actor_key": None,
        "reason_code": None, "document_digest": digest(BADGE).hex(), "status": "issued" if issued else "suspended",
    }  # fmt: skip
    return credential_facts(**{**given, **changes})


def answer(**changes: Any) -> Facts:
    """The facts of the verification."""
    given = {
        "event_id": ANSWER, "verification_id": ANSWER, "credential_id": CREDENTIAL, "verdict": "invalid",
        "reason": "suspended", "standing": "registered", "verified_at": AT,
    }  # fmt: skip
    return verification_facts(**{**given, **changes})


def report(**changes: Any) -> dict[str, Any]:
    """The report as it is recalled; a few of its members."""
    given = {
        "id": str(ANSWER), "verdict": "invalid", "reason": "suspended", "summary": "This was answered.",
        "checks": [
            {"name": "registry", "outcome": "pass", "detail": "", "code": None},
            {"name": "status", "outcome": "fail", "detail": "", "code": "suspended"},
        ],
        "credential": {"digest": digest(BADGE).hex(), "id": None},
        "issuer": {"id": "did:web:oak.example", "standing": "registered"},
        "verified_at": "2026-11-20T12:00:00Z", "as_of": None,
    }  # fmt: skip
    return {**given, **changes}


class Maker:
    """A verifier's key, and a log in which the leaves of a receipt stand among others."""

    def __init__(self, log: LogFolder) -> None:
        self.log = log
        self.key = Ed25519PrivateKey.generate()

    @property
    def multikey(self) -> str:
        return encode_multikey(self.key.public_key())

    def published(self, **changes: Any) -> str:
        """What stands at its well-known address."""
        key = {"id": str(ANSWER), "public_key_multibase": self.multikey, "created_at": "x", "retired_at": None}
        return json.dumps({"receipt_keys": [{**key, **changes}]})

    def receipt(self, *unopened: str, facts: dict[str, Facts] | None = None, **changes: Any) -> dict[str, Any]:
        """A receipt whose leaves are published first; `unopened` events are shown without facts and salt."""
        facts = facts or {"issued": version("issued"), "status": version("status"), "verification": answer()}
        for about, each in facts.items():
            self.log.entries[PLACES[about]] = commitment(_salt(about), each)
        self.log.publish()
        whole = {
            "type": "laurel.receipt.v1", "made_at": "2026-11-20T12:00:05+00:00", "report": report(),
            "document_digest": digest(BADGE).hex(),
            "events": [self._event(about, each, opened=about not in unopened) for about, each in facts.items()],
            "checkpoint": self.log.checkpoint().decode(),
            "key": {"id": str(ANSWER), "public_key_multibase": self.multikey},
        }  # fmt: skip
        return self.signed({**whole, **changes})

    def signed(self, receipt: dict[str, Any]) -> dict[str, Any]:
        """The same, signed."""
        return {**receipt, "signature": base64url.encode(self.key.sign(signed_form(receipt)))}

    def _event(self, about: str, facts: Facts, *, opened: bool) -> dict[str, Any]:
        index, size = PLACES[about], self.log.size
        tiles = tiles_for(nodes_for_inclusion(index, size), size)
        hash_of = hashes_in({tile: (self.log.path / tile.path).read_bytes() for tile in tiles})
        return {
            "about": about,
            "event_id": str(EVENTS[about]),
            "log_index": index,
            "leaf_hash": b64encode(leaf_hash(self.log.entries[index])).decode(),
            "inclusion": [b64encode(each).decode() for each in inclusion_proof(index, size, hash_of)],
            "facts": facts if opened else None,
            "salt": base64url.encode(_salt(about)) if opened else None,
        }


def _salt(about: str) -> bytes:
    return sha256(about.encode()).digest()
