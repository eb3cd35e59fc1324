"""A badge as its page gets to know it, with every member filled in; a test names only what it is about."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.registry.domain.badge import Badge, Institution
from shared.credentials.identity import name_identity

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ID = UUID("0d6c2b8e-1111-4222-8333-444455556666")


def an_institution(**members: Any) -> Institution:
    content = {"name": "North Academy", "did": "did:web:badges.example:north", "url": "https://north.example/about"}
    return Institution(**{**content, "standing": "registered", **members})


def a_seen_badge(**members: Any) -> Badge:
    """A badge that holds, as its owner sees it."""
    content: dict[str, Any] = {
        "id": ID,
        "institution_id": UUID(int=7),
        "address": f"https://badges.example/credentials/{ID}",
        "status": "issued",
        "version": 1,
        "issued_at": datetime(2026, 3, 1, tzinfo=UTC),
        "history": [{"version": 1, "type": "issued", "time": "2026-03-01T00:00:00+00:00", "event_id": "1"}],
        "institution": an_institution(),
        "achievement_path": f"/achievements/{ID}/1",
        "achievement": {
            "name": "Welding I",
            "creditsAvailable": 5,
            "inLanguage": "de-AT",
            "achievementType": "MicroCredential",
            "fieldOfStudy": "Engineering",
            "specialization": "Pipes",
            "humanCode": "W-1",
            "resultDescription": [{"id": "urn:uuid:1", "name": "Grade", "allowedValue": ["A", "B"]}],
            "micro_credential": {
                "country": "AT", "learning_outcomes": ["Welds", "Cuts"], "workload_hours": 125.5, "eqf_level": 4,
                "assessment_type": "examination", "participation": "onsite", "quality_assurance": "an agency",
                "supervision": "onsite", "identity_check": "passport",
            },
        },
        "has_image": True,
        "has_png": True,
        "kept": True,
        "valid_from": "2026-03-01T00:00:00Z",
        "valid_until": None,
        "document": {
            "credentialSubject": {
                "identifier": [
                    {"identityType": "emailAddress", "hashed": True, "identityHash": "sha256$0"},
                    name_identity("Ada Lovelace"),
                ],
                "result": [{"resultDescription": "urn:uuid:1", "value": "A"}],
            }
        },
        "owned": True,
        "shown": False,
        "reasons": {},
        "as_of": NOW - timedelta(seconds=1),
        "held": False,
        "now": NOW,
        "demo": False,
    }  # fmt: skip
    return Badge(**{**content, **members})
