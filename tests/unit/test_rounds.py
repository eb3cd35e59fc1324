"""A worker's rounds go on while PostgreSQL is away, and end with what is a mistake of ours."""

import asyncpg
import pytest

from shared.rounds import keep_doing

pytestmark = pytest.mark.anyio


async def test_what_is_away_is_waited_out_and_what_is_wrong_is_raised() -> None:
    outcomes = iter([0.0, asyncpg.CannotConnectNowError("starting up"), OSError("refused"), 0.0, KeyError("a mistake")])

    async def once() -> float:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with pytest.raises(KeyError, match="a mistake"):
        await keep_doing(once, "this_waits")
    assert next(outcomes, None) is None
