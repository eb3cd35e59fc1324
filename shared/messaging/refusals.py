"""Which records no log of ours ever takes."""

from collections.abc import Sequence

from shared.messaging.ports import MAX_RECORD_BYTES, Record


def refusals(records: Sequence[Record]) -> list[str | None]:
    """Return, at each record's place, why it is refused (too large, or behind one of its key that is), or None."""
    refused: set[bytes] = set()
    reasons: list[str | None] = []
    for record in records:
        reason = None
        if record.key in refused:
            reason = "behind a refused record of its key"
        elif record.size > MAX_RECORD_BYTES:
            reason = f"{record.size} bytes, {MAX_RECORD_BYTES} are allowed"
            refused.add(record.key)
        reasons.append(reason)
    return reasons
