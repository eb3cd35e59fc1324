"""Chooses the event log that the settings name. The transparency log is another: services/registry/log."""

from shared.messaging.embedded import EmbeddedLog
from shared.messaging.kafka import KafkaLog
from shared.messaging.ports import EventLog
from shared.settings import Settings


def open_log(settings: Settings) -> EventLog:
    """Return the log; it connects when it is first used."""
    if settings.log == "kafka":
        return KafkaLog(settings)
    return EmbeddedLog(settings.eventlog_dsn, settings.topic_prefix)
