"""Dates as the Verifiable Credentials data model writes them."""

import re
from datetime import UTC, datetime, timedelta

# Clocks of machines may differ by as much: a badge is shown elsewhere as soon as it is issued. It is added to our own
# times alone: a stranger's may lie at the end of the calendar.
CLOCK_DIFFERENCE = timedelta(seconds=30)

# XML Schema's dateTimeStamp: an offset is required, for a time without one is no instant.
_DATE_TIME_STAMP = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)",
    re.ASCII,
)


def write_instant(instant: datetime) -> str:
    """Return an aware time as `2026-11-22T10:21:00Z`, whole seconds."""
    if instant.tzinfo is None:
        raise ValueError("An instant needs a time zone.")
    return f"{instant.astimezone(UTC).isoformat()[:19]}Z"


def read_instant(text: object) -> datetime | None:
    """Return the instant of an XML Schema dateTimeStamp (VCDM 2.0 section 4.9), or None if it is none."""
    if not isinstance(text, str) or not _DATE_TIME_STAMP.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
