"""How long each topic keeps what it carries; the same on both logs."""

from datetime import timedelta

EVENT_RETENTION = timedelta(days=7)
# What is younger is not compacted, so that a reader which begins anew never meets a heartbeat that is fresh and stands
# before a state which has swallowed its predecessor: it must be longer than any `max_status_age`.
COMPACT_AFTER = timedelta(minutes=5)
# Heartbeats (16 shards, every second or two) would otherwise pile up.
COMPACT_WITHIN = timedelta(hours=1)
