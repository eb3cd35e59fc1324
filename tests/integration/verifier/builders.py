"""What reaches the verifier, with every member filled in; a test names only what it is about."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.credentials.badge import Issuer, Recipient
from shared.credentials.canonical import digest
from shared.credentials.keys import did_key, encode_multikey, method_id
from shared.credentials.proofs import sign
from shared.messaging.events import (
    CredentialState,
    HistoryEntry,
    InstitutionState,
    SigningKeyState,
    StatusPosition,
)
from tests.support.badges import a_badge

PUBLIC_URL = "https://badges.example"
# Strings that nothing here may keep.
EMAIL, NAME = "planted-7f3a@learner.example", "Planted Name-7f3a"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def now() -> datetime:
    """The time of this machine, which is that of its databases."""
    return datetime.now(UTC)


@dataclass
class Institution:
    """An institution of this registry, with a did:key unless it is given another DID."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    did: str = ""
    name: str = "Oak College"
    id: UUID = field(default_factory=uuid4)
    key_id: UUID = field(default_factory=uuid4)
    founded: datetime = field(default_factory=lambda: now() - timedelta(days=400))

    def __post_init__(self) -> None:
        self.did = self.did or did_key(self.key.public_key())

    @property
    def method(self) -> str:
        """The verification method of its key."""
        return method_id(self.did, self.key.public_key())

    def state(self, **changes: Any) -> InstitutionState:
        """How it stands."""
        members = {"institution_id": self.id, "version": 1, "slug": "oak", "name": self.name, "did": self.did}
        return InstitutionState(**{**members, **changes})

    def key_state(self, **changes: Any) -> SigningKeyState:
        """How its key stands."""
        members = {
            "key_id": self.key_id,
            "version": 1,
            "institution_id": self.id,
            "did": self.did,
            "verification_method": self.method,
            "public_key_multibase": encode_multikey(self.key.public_key()),
            "created_at": self.founded,
        }
        return SigningKeyState(**{**members, **changes})

    def badge(self, created: datetime | None = None, **arguments: Any) -> dict[str, Any]:
        """A signed badge, an hour old unless said otherwise."""
        created = created or now() - timedelta(hours=1)
        members = {
            "credential_id": f"{PUBLIC_URL}/credentials/{uuid4()}",
            "issuer": Issuer(self.did, self.name),
            "recipient": Recipient(email=EMAIL, name=NAME, salt="c2FsdA"),
            "valid_from": created,
        }
        return sign(a_badge(self.key, **{**members, **arguments}), self.key, self.method, created)

    def credential(self, document: dict[str, Any], status: str = "issued", **changes: Any) -> CredentialState:
        """How a badge stands."""
        version = 1 if status == "issued" else 2
        members = {
            "credential_id": UUID(document["id"].rpartition("/")[2]),
            "version": version,
            "institution_id": self.id,
            "status": status,
            "positions": (StatusPosition(list_id=uuid4(), index=7, purpose="revocation"),),
            "document_digest": digest(document).hex(),
            "history": (HistoryEntry(version=1, type="issued", time=now(), event_id=uuid4(), traceparent=TRACEPARENT),),
        }
        return CredentialState(**{**members, **changes})


def a_stranger(name: str = "Oak College") -> Institution:
    """Somebody with a key and a name, of whom no registry has heard."""
    return Institution(name=name)


def strangers_badge(stranger: Institution, **arguments: Any) -> dict[str, Any]:
    """A badge of somebody else's making, without a status."""
    members = {"credential_id": f"urn:uuid:{uuid4()}", "status": (), **arguments}
    return stranger.badge(**members)


def a_poison_badge() -> dict[str, Any]:
    """A signed badge to which a tree of parts was added that look all the same: naming them costs endless time."""
    tree: dict[str, Any] = {"type": "Profile", "name": "same"}
    for _ in range(4):
        tree = {"type": "Profile", "name": "same", "parentOrg": [deepcopy(tree) for _ in range(3)]}
    badge = strangers_badge(a_stranger())
    badge["credentialSubject"]["achievement"]["creator"]["parentOrg"] = [tree, deepcopy(tree)]
    return badge
