"""Witnesses cosign before anybody gets a checkpoint, and one that lies or is away costs its own word alone."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import time as clock
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from cli import witness
from cli.witness_state import WitnessState
from services.registry.log import checkpoints
from services.registry.log.current import Log, open_log
from shared.messaging.metrics import ALARMS
from shared.sealing import Sealer
from shared.transparency.checkpoints import Checkpoint, parse_checkpoint
from shared.transparency.note_keys import CosignatureSigner, NoteVerifier
from shared.transparency.notes import parse_note, write_note
from shared.transparency.policy import Group, Policy, Witness
from shared.transparency.witnessing import PATH, SIZE_TYPE, read_request, write_cosignatures
from shared.web.server import serving as served
from tests.integration.registry.builders import Badge
from tests.integration.registry.conftest import Registry
from tests.integration.registry.logs import as_owner, empty_second_place, keeping, log_badges, published
from tests.support.poll import eventually


def key(name: str) -> CosignatureSigner:
    return CosignatureSigner(name, Ed25519PrivateKey.generate())


@dataclass
class Watched:
    """A registry's log with real witnesses; `policy` wants `threshold` of all that were added."""

    registry: Registry
    folder: Path
    stack: AsyncExitStack
    logs: dict[str, NoteVerifier] = field(default_factory=dict)
    witnesses: dict[str, Witness] = field(default_factory=dict)
    threshold: int = 1

    @property
    def policy(self) -> Policy:
        groups = {"all": Group(self.threshold, tuple(self.witnesses))}
        return Policy(witnesses=self.witnesses, groups=groups, quorum="all")

    async def honest(self, name: str) -> str:
        """Add a witness as `laurel witness` serves it; return its address."""
        signer, state = key(f"{name}.example/1"), WitnessState(self.folder / f"{name}.db")
        url = await self.stack.enter_async_context(witness.serving(signer, self.logs, state, "127.0.0.1", 0))
        self.witnesses[name] = Witness(signer.verifier, url)
        return url

    async def odd(self, name: str, answer: Callable[[bytes, CosignatureSigner], Any]) -> None:
        """Add one that answers as a test wants."""
        signer = key(f"{name}.example/1")
        url = await self.stack.enter_async_context(_answering(lambda body: answer(body, signer)))
        self.witnesses[name] = Witness(signer.verifier, url)

    async def newest(self) -> tuple[int, list[str]]:
        """The newest published checkpoint: its size, and who signed it."""
        text = await self.registry.value(
            "select note from log_checkpoints where published_at is not null order by size desc limit 1"
        )
        note = parse_note(text.encode())
        return parse_checkpoint(note.text).size, [each.name for each in note.signatures]


@asynccontextmanager
async def _answering(answer: Callable[[bytes], Any]) -> AsyncIterator[str]:
    app = FastAPI()

    @app.post(PATH)
    async def add_checkpoint(request: Request) -> Any:
        return answer(await request.body())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with served(app, listener):
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
async def watched(registry: Registry, tmp_path: Path) -> AsyncIterator[Watched]:
    """A log of two leaves, made before it had witnesses."""
    await log_badges(registry, 2)
    verifier = NoteVerifier.parse(await registry.value("select vkey from log_trees"))
    async with AsyncExitStack() as stack:
        yield Watched(registry, tmp_path, stack, {verifier.name: verifier})


async def test_a_checkpoint_has_its_witnesses_word_before_anybody_gets_it(watched: Watched) -> None:
    await watched.honest("north")
    await watched.honest("south")
    watched.threshold = 2
    async with keeping(watched.registry, policy=watched.policy):
        for size in (3, 4, 5):
            await watched.registry.feed(Badge().issued())
            await published(watched.registry, size)
            assert await watched.newest() == (size, ["log.badges.example", "north.example/1", "south.example/1"])


async def test_without_a_quorum_nothing_is_published_and_the_log_goes_on(watched: Watched) -> None:
    await watched.honest("north")
    watched.witnesses["away"] = Witness(key("away.example/1").verifier, "http://127.0.0.1:1")
    watched.threshold = 2
    async with keeping(watched.registry, policy=watched.policy):
        await watched.registry.feed(Badge().issued())
        await eventually(lambda: _signed(watched.registry, 3))
        assert (await watched.newest())[0] == 2
    watched.threshold = 1
    async with keeping(watched.registry, policy=watched.policy):
        await published(watched.registry, 3)
        assert (await watched.newest())[1] == ["log.badges.example", "north.example/1"]


async def test_a_lost_answer_is_asked_for_again_from_where_the_witness_is(watched: Watched) -> None:
    await watched.honest("north")
    async with keeping(watched.registry, policy=watched.policy):
        await watched.registry.feed(Badge().issued())
        await published(watched.registry, 3)
    as_owner(watched.registry, "update log_witnesses set size = 1")
    before = alarms("witness_ahead"), alarms("witness_refuses")
    async with keeping(watched.registry, policy=watched.policy):
        await watched.registry.feed(Badge().issued())
        await published(watched.registry, 4)
    assert (await watched.newest())[1] == ["log.badges.example", "north.example/1"]
    assert (alarms("witness_ahead"), alarms("witness_refuses")) == before


LIARS: dict[str, Callable[[bytes, CosignatureSigner], Any]] = {
    "a signature of another key": lambda body, _: _cosigned(body, key("liar.example/1")),
    "a signature of another text": lambda body, signer: _cosigned(body, signer, "log.badges.example\n9\nAAAA\n"),
    "a time long past": lambda body, signer: _cosigned(body, signer, time=1),
    "nothing at all": lambda _, __: Response(b""),
    "noise": lambda _, __: Response(b"\xff\xfe\x00" * 1000),
    "an error": lambda _, __: Response("no", 500),
    "a redirect": lambda _, __: Response("", 307, {"Location": "http://127.0.0.1:1/"}),
    "silence": lambda _, __: StreamingResponse(_silence()),
    "an endless body": lambda _, __: StreamingResponse(_endless()),
    "a size that is none": lambda _, __: Response("many\n", 409, media_type=SIZE_TYPE),
    "one size after another": lambda _, __: Response("1\n", 409, media_type=SIZE_TYPE),
}


@pytest.mark.parametrize("answer", LIARS.values(), ids=LIARS.keys())
async def test_a_witness_that_lies_costs_its_own_word_alone(
    watched: Watched, answer: Callable[[bytes, CosignatureSigner], Any]
) -> None:
    await watched.odd("liar", answer)
    await watched.honest("north")
    async with keeping(watched.registry, policy=watched.policy) as keeper:
        await watched.registry.feed(Badge().issued())
        await published(watched.registry, 3)
        assert await watched.newest() == (3, ["log.badges.example", "north.example/1"])
        assert keeper.trouble() is None


async def test_a_witness_that_has_seen_more_than_was_ever_signed_is_an_alarm(watched: Watched) -> None:
    await watched.odd("ahead", lambda _, __: Response("1000\n", 409, media_type=SIZE_TYPE))
    before = alarms("witness_ahead")
    async with keeping(watched.registry, policy=watched.policy):
        await watched.registry.feed(Badge().issued())
        await eventually(lambda: alarms("witness_ahead") > before)
    assert (await watched.newest())[0] == 2


async def test_a_rewritten_log_gets_no_cosignature(watched: Watched) -> None:
    """The owner makes a consistent tree of other leaves, and clears every trace of the old one at hand."""
    await watched.honest("north")
    async with keeping(watched.registry, policy=watched.policy):
        await watched.registry.feed(Badge().issued())
        await published(watched.registry, 3)
    as_owner(
        watched.registry,
        "delete from log_checkpoints",
        "delete from log_tiles",
        "update log_entries set entry = sha256('other') where log_index = 1",
        "update log_entries set tree = null, log_index = null",
        "update log_trees set size = 0, root = sha256('')",
    )
    await empty_second_place(watched.registry)
    before = alarms("witness_refuses")
    async with keeping(watched.registry, policy=watched.policy):
        await eventually(lambda: alarms("witness_refuses") > before)
        assert await watched.registry.value("select count(*) from log_checkpoints where published_at is not null") == 0


async def test_a_witness_is_asked_again_without_growth(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "RENEWAL_SECONDS", 0.5)
    await watched.honest("north")
    note = "select note from log_checkpoints where published_at is not null order by size desc limit 1"
    async with keeping(watched.registry, policy=watched.policy):
        await watched.registry.feed(Badge().issued())
        await published(watched.registry, 3)
        first = await watched.registry.value(note)
        await eventually(lambda: _differs(watched.registry, note, first))  # its cosignature says another second
    assert (await watched.newest())[0] == 3


async def _differs(registry: Registry, query: str, before: str) -> bool:
    now: str = await registry.value(query)
    return now != before


async def test_two_views_of_a_log_are_never_both_cosigned(watched: Watched) -> None:
    url = await watched.honest("north")
    async with keeping(watched.registry, policy=watched.policy):
        await watched.registry.feed(Badge().issued())
        await published(watched.registry, 3)
    ours = await watched.registry.value("select note from log_checkpoints order by size desc limit 1")
    async with httpx.AsyncClient() as client:
        again = await client.post(f"{url}{PATH}", content=b"old 3\n\n" + ours.encode())
        assert again.status_code == 200
        stranger = await client.post(f"{url}{PATH}", content=b"old 0\n\n" + ours.replace("badges", "other").encode())
        assert stranger.status_code == 404
        text = Checkpoint("log.badges.example", 3, bytes(32)).text
        other = write_note(text, [(await _log(watched.registry)).signer.sign(text)])
        second = await client.post(f"{url}{PATH}", content=b"old 3\n\n" + other)
        assert (second.status_code, second.text) == (409, "3\n")
        late = await client.post(f"{url}{PATH}", content=b"old 0\n\n" + ours.encode())
        assert (late.status_code, late.text, late.headers["Content-Type"].partition(";")[0]) == (409, "3\n", SIZE_TYPE)
        huge = await client.post(f"{url}{PATH}", content=b"old 3\n" + b"A" * 100_000)
        assert huge.status_code == 413


async def test_requests_at_once_are_judged_one_after_the_other(watched: Watched) -> None:
    url = await watched.honest("north")
    ours = await watched.registry.value("select note from log_checkpoints order by size desc limit 1")
    async with httpx.AsyncClient() as client:
        asked = [client.post(f"{url}{PATH}", content=b"old 0\n\n" + ours.encode()) for _ in range(20)]
        statuses = sorted([answer.status_code for answer in await asyncio.gather(*asked)])
    assert statuses == [200, *[409] * 19]


def _cosigned(body: bytes, signer: CosignatureSigner, text: str | None = None, time: int | None = None) -> Response:
    asked = text or parse_note(read_request(body).checkpoint).text
    return Response(write_cosignatures([signer.sign(asked, time or int(clock()))]))


async def _log(registry: Registry) -> Log:
    async with registry.worker.transaction() as tx:
        return await open_log(tx, Sealer.from_file(registry.settings.kek_file), None)


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 65536
        await asyncio.sleep(0)


async def _silence() -> AsyncIterator[bytes]:
    await asyncio.sleep(3600)
    yield b""


def alarms(kind: str) -> float:
    return ALARMS.labels(kind)._value.get()


async def _signed(registry: Registry, size: int) -> bool:
    found: int = await registry.value("select max(size) from log_checkpoints")
    return found >= size
