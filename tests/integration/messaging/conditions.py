"""What tests wait for."""

from shared.messaging.inbox import Consumer
from shared.messaging.metrics import ALARMS
from tests.integration.messaging.conftest import Service
from tests.support.poll import eventually

EFFECTS = "select count(*) from effects"
UNSENT = "select count(*) from outbox where sent_at is null"


async def becomes(service: Service, expected: object, query: str, *values: object) -> None:
    """Wait until `query` gives `expected`."""

    async def same() -> bool:
        found = await service.value(query, *values)
        assert found == expected, f"{query}: {found!r}"
        return True

    await eventually(same)


async def has_stopped(consumer: Consumer) -> str:
    """Wait until a consumer stands still for want of records; say why."""
    await eventually(lambda: consumer.stopped)
    assert consumer.stopped is not None
    return consumer.stopped


def alarms(kind: str) -> float:
    """How many alarms of a kind this process has raised."""
    value: float = ALARMS.labels(kind)._value.get()
    return value
