"""What the bodies and queries of several services are made of."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

# Beyond these, dates are mistakes, and calendars of readers end.
_YEARS = range(1900, 9000)


class Body(BaseModel):
    """A request's body; members that it does not know are refused."""

    model_config = ConfigDict(extra="forbid")


def not_blank(text: str) -> str:
    """Refuse a text of spaces alone."""
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _in_utc(instant: datetime) -> datetime:
    if instant.year not in _YEARS:
        raise ValueError("lies outside the years 1900 to 8999")
    return instant.astimezone(UTC)


Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(not_blank)]
Instant = Annotated[AwareDatetime, AfterValidator(_in_utc), Field(examples=["2027-01-31T00:00:00Z"])]
