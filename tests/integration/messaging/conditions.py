"""What tests wait for."""

from shared.messaging.inbox import Consumer
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


async def has_failed(consumer: Consumer) -> str:
    """Wait until a consumer has stopped for good; say why."""
    await eventually(lambda: consumer.failed)
    assert consumer.failed is not None
    return consumer.failed
