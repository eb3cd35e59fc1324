"""A client that will not end is left behind, whatever it does with its cancellation."""

import asyncio

import pytest

from shared.messaging.kafka_clients import ended


async def test_a_client_that_ends_has_ended() -> None:
    async def stop() -> None:
        await asyncio.sleep(0)

    assert await ended(stop(), 60)


async def test_a_client_that_fails_to_end_is_told_so() -> None:
    async def stop() -> None:
        raise RuntimeError("the handler is closed")

    assert not await ended(stop(), 60)


@pytest.mark.timeout(60)
async def test_a_client_that_swallows_its_cancellation_keeps_nobody_waiting() -> None:
    called_off, over = asyncio.Event(), asyncio.Event()

    async def stop() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            called_off.set()
            await over.wait()  # as aiokafka does, for a broker that is gone

    assert not await ended(stop(), 0.01)
    await called_off.wait()
    over.set()
