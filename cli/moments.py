"""Times as people give them to commands."""

from datetime import UTC, datetime, timedelta

from cli.keys import Unusable


def instant(text: str, option: str, *, until: bool = False) -> str:
    """Return a time with its offset, or a day alone: it begins, or `until` ends, with that day in UTC.

    Raises Unusable, which names the option.
    """
    try:
        day_alone = len(text) == len("2027-01-31")
        found = datetime.fromisoformat(text)
        if day_alone:
            return (found.replace(tzinfo=UTC) + timedelta(days=1 if until else 0)).isoformat()
        if found.tzinfo is None:
            raise ValueError("a time without its offset")
        return found.astimezone(UTC).isoformat()
    except (ValueError, OverflowError) as error:
        raise Unusable(f"{option}: {text} is no day (2027-01-31) and no time with its offset from UTC.") from error
