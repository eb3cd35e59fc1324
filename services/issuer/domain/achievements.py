"""Achievements: how they stand in badges (Open Badges 3.0), and which European elements are missing.

Where Open Badges has a term for what the Council Recommendation on micro-credentials (2022/C 243/02, annex I) asks for,
it stands in that term; the rest stays in the record, under `micro_credential`.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

Content = Mapping[str, Any]

# Where our members stand in an Open Badges 3.0 Achievement.
TERMS = {
    "description": "description",
    "criteria": "criteria",
    "achievement_type": "achievementType",
    "tags": "tag",
    "human_code": "humanCode",
    "specialization": "specialization",
    "field_of_study": "fieldOfStudy",
    "credits_available": "creditsAvailable",
    "language": "inLanguage",
    "result_descriptions": "resultDescription",
}

# What a European micro-credential is recommended to state.
_RECOMMENDED = (
    "language",
    "credits_available",
    "micro_credential.learning_outcomes",
    "micro_credential.workload_hours",
    "micro_credential.eqf_level",
    "micro_credential.assessment_type",
    "micro_credential.supervision",
    "micro_credential.identity_check",
    "micro_credential.participation",
    "micro_credential.quality_assurance",
    "micro_credential.country",
)


def missing(content: Content) -> list[str]:
    """Return the recommended elements that `content` lacks, by path."""
    return [path for path in _RECOMMENDED if not _at(content, path)]


def badge_form(content: Content, achievement_id: UUID, number: int, public_url: str) -> dict[str, Any]:
    """Return the Achievement as it stands in badges, without types and creator, which the badge adds."""
    url = f"{public_url}/achievements/{achievement_id}/{number}"
    members = {term: content[name] for name, term in TERMS.items() if content.get(name)}
    if "creditsAvailable" in members:
        members["creditsAvailable"] = _plain(members["creditsAvailable"])
    alignment = [*(content.get("alignment") or ()), *_eqf(content)]
    image = {"id": f"{url}/image", "caption": content["name"]}
    return {
        "id": url,
        "name": content["name"],
        **members,
        **({"alignment": alignment} if alignment else {}),
        "image": image,
    }


def record_form(badge: Content, content: Content) -> dict[str, Any]:
    """Return what others are told of a published version: the Achievement, and the elements it has no terms for."""
    elements = content.get("micro_credential")
    return {**badge, **({"micro_credential": elements} if elements else {})}


def with_result_ids(content: Content, ids: Iterator[UUID]) -> dict[str, Any]:
    """Return `content` with an id for each result description that has none: results refer to it."""
    described = [
        {"id": each.get("id") or f"urn:uuid:{next(ids)}", **each} for each in content.get("result_descriptions", ())
    ]
    return {**content, **({"result_descriptions": described} if described else {})}


def draft_number(latest: int, published: int | None) -> int:
    """Return the version that a change goes into: the draft there is, or a new one after the published version."""
    return latest + 1 if latest == published else latest


def _plain(number: float) -> float:
    # 5.0 and 5 are one number in JSON, and a reader in another language signs for "5".
    return int(number) if number == int(number) else number


def _eqf(content: Content) -> list[dict[str, str]]:
    level = _at(content, "micro_credential.eqf_level")
    if not level:
        return []
    return [
        {
            "targetName": f"EQF level {level}",
            "targetUrl": f"http://data.europa.eu/snb/eqf/{level}",
            "targetFramework": "European Qualifications Framework",
            "targetCode": str(level),
        }
    ]


def _at(content: Content, path: str) -> Any:
    value: Any = content
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
