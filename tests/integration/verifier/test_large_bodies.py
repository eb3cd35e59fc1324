"""A large body in JSON is read in a worker process, by the same rules, while everybody else is served."""

import json
import time

import pytest

from services.verifier.handlers.unpacking import AT_ONCE_BYTES
from services.verifier.jobs import Refused, Sound
from shared.credentials.strict_json import read_json
from tests.integration.verifier.builders import Institution
from tests.integration.verifier.conftest import Verifier, pool

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


async def test_reading_the_oddest_body_costs_this_process_less_than_reading_it_here(served: Verifier) -> None:
    """CPU time, which others on the machine do not change; the check processes have their own."""
    began = time.process_time()
    read_json(ODD)
    here = time.process_time() - began
    began = time.process_time()
    answer = await served.client.post("/v1/verifications", content=ODD, headers=JSON, timeout=60)
    spent = time.process_time() - began
    assert answer.status_code == 200, answer.text
    assert spent < here, f"{spent:.2f} s of CPU, where reading alone takes {here:.2f} s"
