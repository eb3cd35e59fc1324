"""A record that the client library itself can't read must not stop a partition for ever."""

from uuid import UUID

import pytest
from aiokafka.producer import message_accumulator, producer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from shared.messaging.events import ISSUER_EVENTS
from shared.messaging.inbox import Consumer
from tests.integration.messaging.builders import change, record
from tests.integration.messaging.conditions import EFFECTS, becomes
from tests.integration.messaging.conftest import Service, running, write_effects
from tests.integration.messaging.logs import KafkaUnderTest


class NotText(str):
    """A header's name as a foreign producer may write it."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return b"\xff"


async def test_a_header_whose_name_is_not_utf_8_is_buried_and_the_partition_moves_on(
    service: Service, kafka_log: KafkaUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = record(change())
    credential_id = UUID(good.key.decode())
    await kafka_log.publish(good)
    with monkeypatch.context() as foreign:
        # The compiled builder takes no such header; the one in Python does.
        foreign.setattr(producer, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
        foreign.setattr(message_accumulator, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
        await kafka_log.inject(good.partition, good.key, [(NotText("x"), b"")], good.value)
    await kafka_log.publish(record(change(credential_id, 3)), record(change()))
    consumer = Consumer(service.database, kafka_log.log, "group", [ISSUER_EVENTS], write_effects)
    async with running(consumer):
        await becomes(service, 3, EFFECTS)
    held = await service.rows('select state, partition, "offset" from held_records')
    assert held == [("buried", good.partition.number, 1)]
    assert await service.rows("select version from effects where key = $1 order by n", good.key.decode()) == [
        (2,),
        (3,),
    ]
