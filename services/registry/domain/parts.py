"""The parts of a badge's page: its history, what it corresponds to, results and evidence, and what its owner shares."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from services.registry.domain.badge import Badge, time_of
from services.registry.domain.foreign import objects, text_of, web_link

_LINKEDIN = "https://www.linkedin.com/profile/add"


def history(badge: Badge) -> list[dict[str, Any]]:
    """Return the versions of a badge, first to last; the reasons of changes for its owner alone."""
    return [
        {**each, "time": time_of(each["time"]), "reason": badge.reasons.get(str(each["version"]))}
        for each in badge.history
    ]


def alignment(achievement: Mapping[str, Any] | None) -> list[dict[str, str | None]]:
    """Return what an achievement corresponds to; `link` is the address where it may be followed."""
    return [
        {
            "name": text_of(each, "targetName") or "Unnamed",
            "framework": text_of(each, "targetFramework"),
            "code": text_of(each, "targetCode"),
            "description": text_of(each, "targetDescription"),
            "url": text_of(each, "targetUrl"),
            "link": web_link(each.get("targetUrl")),
        }
        for each in objects((achievement or {}).get("alignment"))
    ]


def tags(achievement: Mapping[str, Any] | None) -> list[str]:
    """Return the words by which an achievement is to be found."""
    found = (achievement or {}).get("tag")
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def results(badge: Badge) -> list[dict[str, Any]]:
    """Return each kind of result of an achievement, with what was reached where that may be seen."""
    reached = list(objects(badge.subject.get("result")))
    told = []
    for each in objects((badge.achievement or {}).get("resultDescription")):
        own = [result for result in reached if result.get("resultDescription") == each.get("id")]
        reached = [result for result in reached if result not in own]
        told.append({"name": text_of(each, "name"), "scale": _scale(each), "reached": list(map(_reached, own))})
    return told + [{"name": "Result", "scale": None, "reached": [_reached(each)]} for each in reached]


def evidence(badge: Badge) -> list[dict[str, str | None]]:
    """Return what a badge names as evidence, where that may be seen."""
    return [
        {
            "name": text_of(each, "name") or "Evidence",
            "description": text_of(each, "description"),
            "narrative": text_of(each, "narrative"),
            "url": text_of(each, "id"),
            "link": web_link(each.get("id")),
        }
        for each in objects((badge.document or {}).get("evidence"))
    ]


def linkedin(badge: Badge) -> str:
    """Return the address at which LinkedIn adds a badge to its owner's profile, every field filled in."""
    fields = {
        "startTask": "CERTIFICATION_NAME",
        "name": badge.title,
        "organizationName": badge.institution.name if badge.institution else None,
        "issueYear": badge.issued_at.year,
        "issueMonth": badge.issued_at.month,
        "expirationYear": badge.ends.year if badge.ends else None,
        "expirationMonth": badge.ends.month if badge.ends else None,
        "certUrl": badge.address,
        "certId": badge.id,
    }
    return f"{_LINKEDIN}?{urlencode({name: value for name, value in fields.items() if value is not None})}"


def file_name(title: str, credential_id: UUID, suffix: str) -> str:
    """Return a file's name that tells badges apart and that every system takes: letters, digits and hyphens."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].strip("-")
    return f"{words or 'badge'}-{str(credential_id)[:8]}.{suffix}"


def _scale(described: Mapping[str, Any]) -> str | None:
    allowed = described.get("allowedValue")
    if isinstance(allowed, list):
        return ", ".join(str(each) for each in allowed)
    least, most = text_of(described, "valueMin"), text_of(described, "valueMax")
    return f"{least or '…'} to {most or '…'}" if least or most else None


def _reached(result: Mapping[str, Any]) -> str:
    parts = (text_of(result, name) for name in ("value", "status", "achievedLevel"))
    return ", ".join(part for part in parts if part)
