"""Which of an institution's badges are meant."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of an institution's badges; each member that is given narrows it further."""

    ids: tuple[UUID, ...] | None = None
    achievement_id: UUID | None = None
    job_id: UUID | None = None
    issued_from: datetime | None = None  # accepted at that time or later
    issued_to: datetime | None = None  # accepted before that time
    signing_key_id: UUID | None = None

    def described(self) -> dict[str, Any]:
        """Return it for people: of ids their number alone."""
        told = {name: value for name, value in asdict(self).items() if value is not None}
        return told | ({} if self.ids is None else {"ids": len(set(self.ids))})

    def digested(self) -> dict[str, Any]:
        """Return it in a form that is the same however it is written: ids sorted and once, times in UTC."""
        told: dict[str, Any] = {name: _text(value) for name, value in asdict(self).items() if value is not None}
        return told | ({} if self.ids is None else {"ids": sorted(str(each) for each in set(self.ids))})


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
