"""What a badge's page says of it: whether it holds, who issued it, whose it is, what it corresponds to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import unquote
from uuid import UUID

from services.registry.domain.foreign import domain_of, objects, text_of, web_link
from shared.credentials.badge import DEMO_PREFIX
from shared.credentials.instants import CLOCK_DIFFERENCE, read_instant

Code = Literal[
    "valid", "suspended", "revoked", "expired", "not_yet_valid", "dates_unreadable", "document_gone",
    "out_of_date", "issuer_unknown", "issuer_withdrawn",
]  # fmt: skip
_TONES: dict[Code, str] = {"valid": "good", "revoked": "bad", "expired": "bad"}


@dataclass(frozen=True, slots=True)
class Institution:
    """Who issued a badge, by its registered name and address, never by what the badge says of it."""

    name: str
    did: str
    url: str | None
    standing: str
    former_dids: tuple[str, ...] = ()

    @property
    def link(self) -> str | None:
        """Its address on the web, where that can be followed."""
        return web_link(self.url)

    @property
    def domain(self) -> str | None:
        """The domain of its address on the web, in the letters that a name server knows it by."""
        return domain_of(self.url)

    @property
    def method(self) -> str:
        """The method of its DID."""
        return self.did.split(":")[1] if self.did.count(":") >= 2 else ""

    @property
    def keys_at(self) -> str | None:
        """The host that publishes its keys, of a did:web (did:web section 3.2: the port's colon is escaped)."""
        return unquote(self.did.split(":")[2]) if self.method == "web" else None


@dataclass(frozen=True, slots=True)
class Badge:
    """All that a badge's page may tell to whoever asked: what they may not see is not in it.

    `status` is the newest that the issuer has stated; `history` may be behind it. `document` is the signed document and
    `reasons` those of its changes, by version. `as_of` is up to when the issuer's word is here, and `held` tells that
    some of it waits.
    """

    id: UUID
    institution_id: UUID
    address: str
    status: str
    version: int
    issued_at: datetime
    history: list[Mapping[str, Any]]
    institution: Institution | None
    achievement_path: str | None
    achievement: Mapping[str, Any] | None
    has_image: bool
    has_png: bool
    kept: bool
    valid_from: str | None
    valid_until: str | None
    document: Mapping[str, Any] | None
    owned: bool
    shown: bool
    reasons: Mapping[str, Mapping[str, Any]]
    as_of: datetime | None
    held: bool
    now: datetime
    demo: bool
    last_actor: str | None = None
    has_token: bool = False
    types: tuple[str, ...] = ()
    replaced_by: UUID | None = None
    renewed_by: UUID | None = None

    @property
    def is_badge(self) -> bool:
        """Whether it was issued for an achievement; any other credential is what its institution wrote."""
        return self.achievement_path is not None

    @property
    def is_open_badge(self) -> bool:
        """Whether it is an Open Badge by its type, whoever wrote it."""
        return self.is_badge or not {"OpenBadgeCredential", "AchievementCredential"}.isdisjoint(self.types)

    @property
    def by_operator(self) -> bool:
        """Whether the registry's operator, and not the institution, made it what it is."""
        return self.last_actor == "operator" and bool(self.history) and self.history[-1]["type"] == self.status

    @property
    def title(self) -> str:
        """Its name; a demo badge says in it that it is one, as in the signed document.

        Of what its institution wrote itself it is the type, as a name may be about a person; or the name of a badge to
        those who may see the badge.
        """
        if not self.is_badge:
            if self.is_open_badge and (named := text_of(self.document, "name")):
                return named
            return next((each for each in reversed(self.types) if each != "VerifiableCredential"), "Credential")
        return (DEMO_PREFIX if self.demo else "") + (text_of(self.achievement, "name") or "Badge")

    @property
    def begins(self) -> datetime | None:
        """From when it is valid, where it says so legibly."""
        return read_instant(self.valid_from)

    @property
    def ends(self) -> datetime | None:
        """Until when it is valid, where it says so legibly."""
        return read_instant(self.valid_until)

    @property
    def subject(self) -> Mapping[str, Any]:
        """Whose it is and with what results, as far as that may be seen."""
        found = (self.document or {}).get("credentialSubject")
        return found if isinstance(found, Mapping) else {}

    @property
    def learner(self) -> str | None:
        """The learner's name, where it stands in the badge and may be seen."""
        named = (each for each in objects(self.subject.get("identifier")) if each.get("identityType") == "name")
        return next(
            (text for each in named if not each.get("hashed") and (text := text_of(each, "identityHash"))), None
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a badge holds now, and from or up to when; `tone` is good for nothing but what holds."""

    code: Code
    time: datetime | None = None

    @property
    def tone(self) -> str:
        """How it looks: good, bad, or care."""
        return _TONES.get(self.code, "care")


def verdict(badge: Badge, max_age: timedelta) -> Verdict:
    """Judge a badge by its record: what makes it worthless comes first, and what is not known is never good.

    `max_age` is how old the issuer's word may be. The signature is not looked at: that is the verifier's.
    """
    if badge.status in ("revoked", "suspended"):
        return Verdict("revoked" if badge.status == "revoked" else "suspended", _last(badge, badge.status))
    if not badge.kept:
        return Verdict("document_gone")
    return _dates(badge) or _doubt(badge, max_age) or Verdict("valid", badge.as_of)


def _last(badge: Badge, change: str) -> datetime | None:
    times = [time_of(each["time"]) for each in badge.history if each["type"] == change]
    return times[-1] if times else None


def _dates(badge: Badge) -> Verdict | None:
    begins, ends = badge.begins, badge.ends
    if (badge.valid_from and not begins) or (badge.valid_until and not ends):
        return Verdict("dates_unreadable")
    if ends and ends <= badge.now:
        return Verdict("expired", ends)
    return Verdict("not_yet_valid", begins) if begins and begins > badge.now else None


def _doubt(badge: Badge, max_age: timedelta) -> Verdict | None:
    if badge.held or badge.as_of is None or not badge.now - max_age <= badge.as_of <= badge.now + CLOCK_DIFFERENCE:
        return Verdict("out_of_date", badge.as_of)
    if badge.institution is None:
        return Verdict("issuer_unknown")
    return None if badge.institution.standing == "registered" else Verdict("issuer_withdrawn")


def time_of(time: datetime | str) -> datetime:
    """Return the time of an entry of history, which comes out of the database as text."""
    return datetime.fromisoformat(time) if isinstance(time, str) else time
