"""The body of an achievement: Open Badges 3.0 Achievement and the European micro-credential elements."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from services.issuer.api.wire import OpenBadgesBody, Prose, UniqueNames, Uri, WebUrl
from shared.credentials.vocabulary import ACHIEVEMENT_TYPES, LANGUAGE, RESULT_TYPES, TARGET_TYPES, open_pattern
from shared.web.fields import Body, Name

AchievementType = Annotated[str, StringConstraints(pattern=f"^({open_pattern(ACHIEVEMENT_TYPES)})$")]
ResultType = Annotated[str, StringConstraints(pattern=f"^({open_pattern(RESULT_TYPES)})$")]
TargetType = Annotated[str, StringConstraints(pattern=f"^({open_pattern(TARGET_TYPES)})$")]
RenewalUrl = Annotated[WebUrl, StringConstraints(pattern="^https://"), Field(examples=["https://north.example/renew"])]
Language = Annotated[str, StringConstraints(pattern=f"^{LANGUAGE}$"), Field(examples=["de", "de-AT", "de-Latn"])]


class Criteria(Body):
    """What it takes: told here, or at a URL, or both."""

    narrative: Prose | None = Field(None, examples=["Weld three seams under supervision."], description="Markdown.")
    id: WebUrl | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.narrative is None and self.id is None:
            raise ValueError("needs a narrative or an id")
        return self


class Alignment(OpenBadgesBody):
    """A framework's entry that the achievement corresponds to: ESCO, EQF, a national one."""

    target_name: Name = Field(examples=["Welding"])
    target_url: WebUrl
    target_code: Name | None = None
    target_description: Prose | None = None
    target_framework: Name | None = Field(None, examples=["ESCO"])
    target_type: TargetType | None = None


class RubricCriterionLevel(OpenBadgesBody):
    """A level that may be achieved."""

    id: Uri = Field(examples=["urn:uuid:0d6c2b8e-1111-4222-8333-444455556666"], description="What results refer to.")
    name: Name = Field(examples=["Mastered"])
    description: Prose | None = None
    level: Name | None = None
    points: Name | None = None


class ResultDescription(OpenBadgesBody):
    """A kind of result that badges of this achievement may carry."""

    id: Uri | None = Field(None, description="Absent: one is made.")
    name: Name = Field(examples=["Final grade"])
    result_type: ResultType = Field(examples=["LetterGrade"])
    allowed_value: UniqueNames | None = Field(None, min_length=1, max_length=100, examples=[["A", "B", "C"]])
    required_value: Name | None = None
    value_min: Name | None = None
    value_max: Name | None = None
    rubric_criterion_level: list[RubricCriterionLevel] | None = Field(None, min_length=1, max_length=50)
    required_level: Uri | None = None


def _with_own_ids(described: list[ResultDescription]) -> list[ResultDescription]:
    levels = [level.id for each in described for level in each.rubric_criterion_level or ()]
    given = [*levels, *(each.id for each in described if each.id)]
    if len(set(given)) != len(given):
        raise ValueError("must not give two the same id")
    return described


class MicroCredential(Body):
    """What the European recommendation on micro-credentials asks for and Open Badges has no term for."""

    learning_outcomes: UniqueNames | None = Field(None, min_length=1, max_length=100)
    workload_hours: float | None = Field(None, gt=0, le=100_000)
    eqf_level: int | None = Field(None, ge=1, le=8)
    assessment_type: Name | None = Field(None, examples=["practical examination"])
    supervision: Literal["none", "online", "onsite"] | None = None
    identity_check: Name | None = Field(None, examples=["identity card, on site"])
    participation: Literal["online", "onsite", "blended", "work-based"] | None = None
    quality_assurance: Name | None = Field(None, examples=["ESG-registered agency"])
    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")] | None = Field(None, examples=["AT"])


class AchievementContent(Body):
    """What an institution says of an achievement."""

    name: Name = Field(examples=["Certified welder"])
    description: Prose = Field(examples=["Welds pressure vessels safely."])
    criteria: Criteria
    achievement_type: AchievementType | None = Field(None, examples=["MicroCredential"])
    alignment: list[Alignment] | None = Field(None, max_length=50)
    tags: UniqueNames | None = Field(None, max_length=50)
    human_code: Name | None = None
    specialization: Name | None = None
    field_of_study: Name | None = None
    credits_available: float | None = Field(None, ge=0, le=10_000, description="ECTS credits.")
    language: Language | None = Field(None, examples=["de"])
    result_descriptions: Annotated[list[ResultDescription], AfterValidator(_with_own_ids)] | None = Field(
        None, max_length=20
    )
    suspendable: bool = Field(False, description="Its badges get a second status entry, which strict readers refuse.")
    micro_credential: MicroCredential | None = None
    renewal_url: RenewalUrl | None = Field(
        None, description="Where learners ask for a renewal: told them before a badge runs out; it stands in no badge."
    )
    color: Annotated[str, StringConstraints(pattern="^#[0-9a-fA-F]{6}$")] | None = Field(
        None, examples=["#1f5f8b"], description="The ground of the badge that is drawn where no image is uploaded."
    )

    def stored(self) -> dict[str, Any]:
        """Return the content as it is stored: Open Badges objects by their own names, nothing empty."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
