"""Badges of every kind that institutions make, each drawn from a number: the same number, the same badge."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from shared.credentials.badge import Issuer, Recipient, open_badge
from shared.credentials.status import status_entry

LIST_URL = "https://badges.example/status-lists/7d0e1f6a-1111-4222-8333-444455556666"
_WORDS = (
    "Fire safety", "Grundkurs Pflege", "防火訓練", "Պարարվեստ", "السلامة من الحريق", "שלום", "naïve", "e\u0301t\u00e9",
    "🔥 safety 👩‍🚒", 'with "quotes" \\ and / slashes', "two\nlines\tand a tab", "\u2028 \u2029", "\u007f \u0001",
    "𝔉𝔦𝔯𝔢", "ǅ ﬁ ß", "<b>bold</b> & more", "a" * 400, "0", "true", "null", "_:b0", "https://no.example/a b",
)  # fmt: skip
_NUMBERS = (0.5, 2.5, 3, 120, 0.1, 1e-7, 12.25, 1e3)
_RESULT_TYPES = ("LetterGrade", "Percent", "PerformanceLevel", "RawScore", "ext:Own")


def generated(number: int, issuer_id: str, *, with_status: bool = True) -> dict[str, Any]:
    """Return the unsigned badge of a number: with some of the optional members, and any characters in its texts."""
    drawn = _Draw(number)
    valid_from = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=drawn.random.randrange(180_000_000))
    descriptions = [drawn.result_description() for _ in range(drawn.random.randrange(3))]
    return open_badge(
        credential_id=f"https://badges.example/credentials/{drawn.uuid()}",
        issuer=Issuer(id=issuer_id, name=drawn.text(), url="https://uni.example"),
        achievement=drawn.achievement(descriptions),
        recipient=drawn.recipient(),
        valid_from=valid_from,
        valid_until=valid_from + timedelta(days=36_500) if drawn.often() else None,
        evidence=[drawn.evidence(place) for place in range(drawn.random.randrange(4))],
        results=[drawn.result(each) for each in descriptions],
        status=[status_entry(LIST_URL, number, "revocation")] if with_status else [],
    )


class _Draw:
    """What a number draws, one after the other."""

    def __init__(self, number: int) -> None:
        self.random = Random(number)

    def often(self) -> bool:
        return self.random.random() < 0.5

    def uuid(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def text(self) -> str:
        return " ".join(self.random.sample(_WORDS, self.random.randrange(1, 3)))

    def some(self, members: dict[str, Any]) -> dict[str, Any]:
        return {name: member for name, member in members.items() if self.often()}

    def recipient(self) -> Recipient:
        chosen = self.random.randrange(3)
        return Recipient(
            id=f"did:example:{self.uuid()}" if chosen != 1 else None,
            email=f"ada{self.random.randrange(99)}@learner.example" if chosen else None,
            name=self.text() if self.often() else None,
            salt=f"salt{self.random.randrange(99)}",
        )

    def achievement(self, descriptions: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": f"https://badges.example/achievements/{self.uuid()}/1",
            "name": self.text(),
            "description": self.text(),
            "criteria": self.random.choice([{"narrative": self.text()}, {"id": "https://uni.example/criteria"}]),
            "resultDescription": descriptions,
            **self.some(
                {
                    "achievementType": self.random.choice(["Badge", "MicroCredential", "ext:OwnKind"]),
                    "alignment": [self.alignment() for _ in range(self.random.randrange(1, 4))],
                    "creditsAvailable": self.random.choice(_NUMBERS),
                    "fieldOfStudy": self.text(),
                    "humanCode": self.text(),
                    "image": {"id": "https://badges.example/image.png", "caption": self.text()},
                    "inLanguage": self.random.choice(["en", "de-CH", "zh-Hant-TW"]),
                    "otherIdentifier": [self.identifier(kind) for kind in ("lisSourcedId", "sisSourcedId")],
                    "specialization": self.text(),
                    "tag": self.random.sample(_WORDS, self.random.randrange(1, 4)),
                    "version": self.text(),
                }
            ),
        }

    def alignment(self) -> dict[str, Any]:
        url = f"https://frameworks.example/{self.random.randrange(1_000_000)}"
        optional = {"targetCode": self.text(), "targetDescription": self.text(), "targetType": "CFItem"}
        return {"targetName": self.text(), "targetUrl": url, **self.some(optional)}

    def identifier(self, kind: str) -> dict[str, Any]:
        return {"identifier": self.text(), "identifierType": kind}

    def evidence(self, place: int) -> dict[str, Any]:
        optional = {"genre": self.text(), "audience": self.text(), "description": self.text()}
        own = {"narrative": self.text()} if self.often() else {"id": f"https://learner.example/{place}"}
        return {**own, "name": self.text(), **self.some(optional)}

    def result_description(self) -> dict[str, Any]:
        kind = self.random.choice(_RESULT_TYPES)
        optional = {"allowedValue": self.random.sample(_WORDS, 3), "requiredValue": self.text()}
        return {"id": self.uuid().urn, "name": self.text(), "resultType": kind, **self.some(optional)}

    def result(self, description: dict[str, Any]) -> dict[str, Any]:
        return {"resultDescription": description["id"], "value": self.text(), **self.some({"status": "Completed"})}
