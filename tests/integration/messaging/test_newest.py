"""A key's newest record is found without a group: among others' records, from an offset on, or not at all."""

import pytest

from shared.messaging.events import ISSUER_STATE
from shared.messaging.log import open_log
from shared.messaging.ports import LogUnavailable, Partition
from shared.settings import Settings
from tests.integration.messaging.builders import id_in, institution, record
from tests.integration.messaging.logs import LogUnderTest
from tests.support.ports import free_port

PLACE = Partition(ISSUER_STATE, 4)


async def test_the_newest_record_of_a_key_is_found_among_those_of_others(event_log: LogUnderTest) -> None:
    mine, other = id_in(4), id_in(4)
    assert await event_log.log.newest(PLACE, str(mine).encode()) is None
    await event_log.publish(*[record(institution(mine, version)) for version in (1, 2, 3)])
    await event_log.publish(*[record(institution(other, version)) for version in (1, 2)])
    found = await event_log.log.newest(PLACE, str(mine).encode())
    assert found is not None
    assert (found.partition, found.offset, found.value) == (PLACE, 2, record(institution(mine, 3)).value)
    assert await event_log.log.newest(PLACE, str(mine).encode(), found.offset) == found
    assert await event_log.log.newest(PLACE, str(mine).encode(), found.offset + 1) is None
    assert await event_log.log.newest(PLACE, str(mine).encode(), 1_000_000) is None


async def test_a_silent_log_is_not_taken_for_an_empty_one() -> None:
    silent = f"127.0.0.1:{free_port()}"
    for settings in (
        Settings(log="kafka", kafka_bootstrap=silent),
        Settings(log="embedded", eventlog_dsn=f"postgresql://{silent}/eventlog"),
    ):
        log = open_log(settings)
        with pytest.raises(LogUnavailable):
            await log.newest(PLACE, b"key")
        await log.close()
