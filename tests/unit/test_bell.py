"""Whoever waits for work is woken by what leaves it: at once after a pause, gathered under load, never in vain."""

import asyncio

from shared.bell import Bell, Waiter, leave_work_for, leaving

LONG = 3600.0


async def rests(waiter: Waiter, seconds: float = LONG) -> None:
    async with asyncio.timeout(10):
        await waiter.rest(seconds)


async def test_work_ends_the_rest_of_those_who_wait_for_it_and_of_nobody_else() -> None:
    bell = Bell()
    first, second, other = bell.waiter("mailer"), bell.waiter("mailer"), bell.waiter("signer")
    resting = [asyncio.create_task(rests(each)) for each in (first, second)]
    aside = asyncio.create_task(other.rest(LONG))
    await asyncio.sleep(0)
    bell.ring(["mailer"])
    await asyncio.gather(*resting)
    assert not aside.done()
    aside.cancel()


async def test_what_comes_before_the_rest_ends_it_once() -> None:
    bell = Bell()
    waiter = bell.waiter("mailer")
    for _ in range(3):
        bell.ring(["mailer"])
    await rests(waiter)
    resting = asyncio.create_task(waiter.rest(LONG))
    await asyncio.sleep(0.1)
    assert not resting.done()
    resting.cancel()


async def test_a_rest_ends_by_itself() -> None:
    await rests(Bell().waiter("mailer"), 0.01)


async def test_what_is_rung_meanwhile_is_told_together() -> None:
    bell = Bell()
    for work in ("mailer", "signer", "mailer"):
        bell.ring([work])
    assert await bell.untold() == ["mailer", "signer"]
    waiting = asyncio.create_task(bell.untold())
    await asyncio.sleep(0)
    assert not waiting.done()
    bell.ring(["mailer"])
    assert await waiting == ["mailer"]


async def test_what_is_left_counts_for_the_innermost_block_alone() -> None:
    leave_work_for("nobody: no transaction is open")
    with leaving() as outer:
        leave_work_for("mailer")
        with leaving() as inner:
            leave_work_for("signer")
        leave_work_for("jobber")
    assert (outer, inner) == ({"mailer", "jobber"}, {"signer"})
