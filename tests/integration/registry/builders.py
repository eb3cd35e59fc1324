"""What reaches the registry, with every member filled in; a test names only what it is about."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from shared.credentials.identity import name_identity
from shared.credentials.status import MIN_BITS, set_bit, status_list_credential
from shared.ids import new_id, new_secret
from shared.messaging.events import (
    AchievementState,
    Actor,
    CredentialIssued,
    CredentialState,
    CredentialStatusChanged,
    InstitutionState,
    Message,
    Reason,
    StatusListState,
    StatusPosition,
    VerificationCompleted,
)

# Strings that no answer to the public may hold.
NAME, EMAIL, NOTE = "Planted Name-7f3a", "planted-7f3a@learner.example", "Planted note 7f3a"
GRADE, EVIDENCE = "planted-grade-7f3a", "planted-film-7f3a"
DIGEST = sha256(b"document").hexdigest()
PNG = b"\x89PNG\r\n\x1a\n planted"


class Badge:
    """One badge of one institution, and the events of its life."""

    def __init__(
        self, institution_id: UUID | None = None, achievement_id: UUID | None = None, token: str | None = None
    ) -> None:
        self.id = new_id()
        self.institution_id = institution_id or new_id()
        self.achievement_id = achievement_id or new_id()
        self.owner_token = new_secret()
        self.token = token
        self.salt = new_secret()  # 32 bytes as base64url, as the issuer makes them
        self.key_id = f"planted-key-{new_id()}"
        self.document = {
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiableCredential", "OpenBadgeCredential"],
            "id": f"https://badges.example/credentials/{self.id}",
            "name": "Welding I",
            "validFrom": "2026-01-01T00:00:00Z",
            "credentialSubject": {
                "identifier": [name_identity(NAME)],
                "result": [{"resultDescription": "urn:uuid:1", "value": GRADE}],
                "score": 10.0,
                "email": EMAIL,
            },
            "evidence": [{"id": "https://learner.example/film", "name": EVIDENCE}],
        }
        self.positions = (
            StatusPosition(list_id=new_id(), index=7, purpose="revocation"),
            StatusPosition(list_id=new_id(), index=9, purpose="suspension"),
        )

    def issued(self) -> CredentialIssued:
        """Version 1."""
        return CredentialIssued(
            credential_id=self.id,
            institution_id=self.institution_id,
            achievement_id=self.achievement_id,
            achievement_version=1,
            credential=self.document,
            token=self.token,
            document_digest=DIGEST,
            status=self.positions,
            email=EMAIL,
            owner_token=self.owner_token,
            salt=self.salt,
            actor=Actor(role="institution", key_id=self.key_id),
        )

    def changed(self, version: int = 2, change: str = "revoked", status: str = "revoked") -> CredentialStatusChanged:
        """A later version."""
        return CredentialStatusChanged.model_validate(
            {
                "credential_id": self.id,
                "version": version,
                "institution_id": self.institution_id,
                "change": change,
                "status": status,
                "reason": Reason(code="withdrawn", note=NOTE),
                "document_digest": DIGEST,
                "salt": self.salt,
                "actor": Actor(role="institution", key_id=self.key_id),
            }
        )

    def stated(self, version: int, status: str) -> CredentialState:
        """How it stands at a version, by the issuer's state record."""
        return CredentialState.model_validate(
            {
                "credential_id": self.id, "version": version, "institution_id": self.institution_id, "status": status,
                "positions": self.positions, "document_digest": DIGEST, "history": (),
            }
        )  # fmt: skip

    def life(self) -> list[Message]:
        """Issued, suspended, reinstated, revoked."""
        return [
            self.issued(),
            self.changed(2, "suspended", "suspended"),
            self.changed(3, "reinstated", "issued"),
            self.changed(4),
        ]


def verification(
    credential_id: UUID | None, employer_id: UUID | None = None, commitment: str | None = None
) -> VerificationCompleted:
    """An answered verification; with a commitment it is one that is logged."""
    return VerificationCompleted(
        verification_id=new_id(), verdict="valid", standing="registered", credential_id=credential_id,
        employer_id=employer_id, verified_at=datetime.now(UTC), commitment=commitment,
    )  # fmt: skip


def institution(
    institution_id: UUID, version: int = 1, name: str = "North Academy", **members: Any
) -> InstitutionState:
    """An institution's state."""
    content = {"slug": "north", "did": "did:web:badges.example:north", **members}
    return InstitutionState(institution_id=institution_id, version=version, name=name, **content)


def achievement(
    institution_id: UUID, achievement_id: UUID, image: bytes | None = PNG, **members: Any
) -> AchievementState:
    """A published achievement as the issuer tells of it."""
    url = f"https://badges.example/achievements/{achievement_id}/1"
    return AchievementState(
        achievement_id=achievement_id,
        number=1,
        version=1,
        institution_id=institution_id,
        achievement={
            "id": url,
            "name": "Welding I",
            "description": "Welds.",
            "criteria": {"narrative": "Has welded."},
            "alignment": [{"targetName": "EQF level 4", "targetUrl": "http://data.europa.eu/snb/eqf/4"}],
            "image": {"id": f"{url}/image", "caption": "Welding I"},
            "micro_credential": {"workload_hours": 50},
            **members,
        },
        image=b64encode(image).decode() if image else None,
    )


def status_list(
    list_id: UUID, version: int, signed_at: datetime, *set_indexes: int, ttl_ms: int = 60_000, token: str | None = None
) -> Any:
    """A status list's state; its signature is of no concern to the registry."""
    bits = bytearray(MIN_BITS // 8)
    for index in set_indexes:
        set_bit(bits, index)
    until = signed_at + timedelta(days=1)
    credential = status_list_credential(
        list_url=f"https://badges.example/status-lists/{list_id}", issuer="did:web:badges.example:north",
        purpose="revocation", bits=bits, valid_from=signed_at, valid_until=until, ttl=timedelta(milliseconds=ttl_ms),
    )  # fmt: skip
    return StatusListState(
        list_id=list_id, version=version, institution_id=new_id(), purpose="revocation", credential=credential,
        signed_at=signed_at, valid_until=until, ttl_ms=ttl_ms, token=token,
    )  # fmt: skip
