"""What Prometheus is told of outbox, relay and inbox, and the one way to raise an alarm."""

from typing import Any

import structlog
from prometheus_client import Counter, Gauge

log = structlog.get_logger()

OUTBOX_AGE = Gauge("laurel_outbox_age_seconds", "Age of the oldest row that the relay has not sent")
OUTBOX_ROWS = Gauge("laurel_outbox_rows", "Rows that the relay has not sent")
SENT = Counter("laurel_outbox_sent_total", "Rows sent")
REFUSED = Counter("laurel_outbox_refused_total", "Rows that the log refused for good")

CONSUMED = Counter("laurel_inbox_records_total", "Records taken from the log", ["consumer"])
LAG = Gauge("laurel_inbox_lag_records", "Offsets between a consumer and the end of its partitions", ["consumer"])
RETRIES = Counter("laurel_inbox_retries_total", "Further tries of parked records", ["consumer"])
PARKED = Gauge("laurel_inbox_parked_records", "Records that wait for another try", ["consumer"])
PARKED_AGE = Gauge("laurel_inbox_parked_age_seconds", "How long the oldest parked record has waited", ["consumer"])
BURIED = Gauge("laurel_inbox_buried_records", "Dead letters", ["consumer"])
PAUSED = Gauge("laurel_inbox_paused_partitions", "Partitions at rest because too much of them failed", ["consumer"])

ALARMS = Counter("laurel_alarms_total", "Things that an operator should look at", ["kind"])


def alarm(kind: str, **members: Any) -> None:
    """Tell the operator, by log and metric; `members` must hold neither personal data nor content."""
    ALARMS.labels(kind).inc()
    log.error("alarm", kind=kind, **members)
