"""What Prometheus is told of outbox, relay and inbox, and the one way to raise an alarm."""

from typing import Any, Literal

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


# What an operator does about each stands in docs/runbook.md, "Alarms".
AlarmKind = Literal[
    "record_refused",  # the log will never take a row of the outbox; later rows of its key wait behind it
    "ill_formed",  # a record that can never be handled is a dead letter
    "unknown_type",  # a record of a type that this release does not know is parked, with its key
    "buried",  # a record that failed as often as it may is a dead letter
    "parked_too_long",  # a record has been parked for more than five minutes: a gap or a failure that does not end
    "partition_rests",  # so much fails that the consumer is at fault: it tries again after a rest
    "stalled",  # a consumer had lag and took nothing; it has begun anew by itself
    "offset_gone",  # the log let go of records before this consumer read them: it has stopped
    "log_refuses",  # the transparency log is not what was signed of it: nothing is logged until somebody decides
    "witness_ahead",  # a witness has cosigned more of the transparency log than was ever signed here
    "witness_refuses",  # a witness has seen another transparency log of this name than there is here
    "log_contradicts",  # the transparency log that is served is not the one that an outsider saw before
    "issuance_job_stopped",  # rows of an issuance job failed again and again, or ended their worker
    "status_list_unsigned",  # a changed status list of the issuer could not be signed
]


def alarm(kind: AlarmKind, **members: Any) -> None:
    """Call the operator, by log and metric; `members` must hold neither personal data nor content."""
    ALARMS.labels(kind).inc()
    log.error("alarm", kind=kind, **members)
