"""A large body in JSON is read in a worker process, by the same rules, while everybody else is served."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from fastapi import FastAPI, Request
from httpx import ASGITransport, AsyncClient

from services.verifier.api.bodies import ForeignRequest
from services.verifier.handlers.unpacking import AT_ONCE_BYTES
from services.verifier.jobs import Refused, Sound
from services.verifier.workers import Workers
from tests.integration.verifier.builders import Institution
from tests.integration.verifier.conftest import Verifier, pool
from tests.support.poll import eventually

ODD = b'{"credential": {"a": [' + b"[]," * 340_000 + b"[]]}}"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("size", [10, AT_ONCE_BYTES, 200_000])
async def test_a_body_is_answered_alike_however_long_it_is(served: Verifier, size: int) -> None:
    badge = Institution().badge() | {"padding": "x" * size}
    answer = await served.client.post("/v1/verifications", json={"credential": badge})
    assert (answer.status_code, answer.json()["reason"]) == (200, "data_loss"), answer.text
    for body, code in ((b'{"a":1,"a":2}', "malformed"), (b'{"a":"\\ud800"}', "malformed"), (b"[" * 65, "malformed")):
        padded = body + b" " * size
        refused = await served.client.post("/v1/verifications", content=padded, headers=JSON)
        assert (refused.status_code, refused.json()["code"]) == (400, code), refused.text


async def test_a_text_is_looked_through_by_the_rules_of_strict_json() -> None:
    async with pool() as workers:
        for sound in (b"{}", ODD, json.dumps({"a": [1, -0.5, 1e300, True, None, "\u00e9"]}).encode()):
            assert isinstance(await workers.look_through(sound), Sound)
        for odd in (b'{"a":NaN}', b'{"a":1,"a":1}', b'"\\ud800"', b"1" * 20, b"[" * 65 + b"]" * 65, b"\xff"):
            assert isinstance(await workers.look_through(odd), Refused)


async def test_a_large_body_waits_for_a_process_and_a_small_one_does_not() -> None:
    workers = Workers(size=1, queue=1)  # nobody runs it: what waits for a process waits for good
    app = FastAPI()
    app.state.desk = SimpleNamespace(workers=workers)

    @app.post("/")
    async def read(request: Request) -> object:
        return await ForeignRequest(request.scope, request.receive).json()

    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        small = await client.post("/", content=b'{"a": 1}')
        assert small.json() == {"a": 1}
        large = asyncio.create_task(client.post("/", content=ODD))
        await eventually(lambda: workers.waiting == 1)
        large.cancel()
