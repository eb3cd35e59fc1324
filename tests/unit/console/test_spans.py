"""The store of spans: bounded in time, number and bytes; neither a restart nor a broken file ends it."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from console.spans import Bounds, Span, SpanStore
from shared.errors import Unavailable
from tests.unit.console.builders import BADGE, OTHER, span

DAY = timedelta(hours=24).total_seconds()


async def keep(store: SpanStore, *spans: Span, now: float = 0.0) -> None:
    await store.add(lambda: spans, now)


async def ids(store: SpanStore, badge: str = BADGE, now: float = 0.0) -> list[str]:
    return [each.trace_id for each in await store.find(badge, now)]


@pytest.fixture
async def store() -> AsyncIterator[SpanStore]:
    made = SpanStore()
    yield made
    await made.close()


async def bounded(folder: Path | None = None, **bounds: int) -> SpanStore:
    return SpanStore(folder, Bounds(**bounds))  # type: ignore[arg-type]


async def test_a_badge_finds_what_was_done_to_it_and_the_verifications_that_link_to_that(store: SpanStore) -> None:
    issued, unrelated = span(), span(attributes={"laurel.credential_id": OTHER})
    linking = span(attributes={"laurel.verification_id": "v"}, links=(issued.trace_id,))
    told = span(attributes={"laurel.credential_id": BADGE, "laurel.event_type": "laurel.verification.completed.v1"})
    await keep(store, issued, unrelated, linking, told)
    found = {each.trace_id: each.verifies for each in await store.find(BADGE, 0)}
    assert found == {issued.trace_id: False, linking.trace_id: True, told.trace_id: True}


async def test_of_a_batch_a_badge_finds_its_own_spans_and_no_verification_of_another(store: SpanStore) -> None:
    batch = span(attributes={})
    mine = span(batch.trace_id, parent_id=batch.span_id)
    theirs = span(batch.trace_id, parent_id=batch.span_id, attributes={"laurel.credential_id": OTHER})
    below = span(batch.trace_id, parent_id=theirs.span_id, attributes={})
    verification = span(attributes={"laurel.credential_id": OTHER}, links=(batch.trace_id,))
    await keep(store, batch, mine, theirs, below, verification)
    (found,) = await store.find(BADGE, 0)
    assert {each.span_id for each in found.spans} == {batch.span_id, mine.span_id}
    assert verification.trace_id in await ids(store, OTHER)


async def test_spans_are_kept_for_a_day_from_their_traces_first(store: SpanStore) -> None:
    old, new = span(), span()
    await keep(store, old)
    await keep(store, new, span(old.trace_id), now=10)
    assert await ids(store, now=DAY) == [old.trace_id, new.trace_id]
    assert await ids(store, now=DAY + 1) == [new.trace_id]
    await store.tidy(DAY + 1)
    assert (await store.size())[0] == 1


async def test_where_there_are_too_many_the_oldest_traces_go_first_and_whole() -> None:
    store = await bounded(spans=10)
    traces = [[span(), span()] for _ in range(10)]
    traces = [[a, span(a.trace_id)] for a, _ in traces]
    for at, pair in enumerate(traces):
        await keep(store, *pair, now=at)
    kept = await store.find(BADGE, 10)
    assert [each.trace_id for each in kept] == [pair[0].trace_id for pair in traces[-5:]]
    assert {len(each.spans) for each in kept} == {2}
    await store.close()


async def test_the_file_stays_under_its_bytes(tmp_path: Path) -> None:
    limit = 1 << 20
    store = await bounded(tmp_path, bytes=limit)
    for at in range(40):
        await keep(store, *[span(name="n" * 100) for _ in range(200)], now=at)
    count, size = await store.size()
    assert 0 < count < 8000
    assert size <= limit
    await store.close()
    assert (tmp_path / "spans.sqlite3").stat().st_size < 2 * limit


async def test_a_trace_larger_than_the_store_leaves_it_empty_and_usable() -> None:
    store = await bounded(spans=5)
    giant = span()
    await keep(store, *[span(giant.trace_id) for _ in range(20)])
    assert await ids(store) == []
    await keep(store, small := span())
    assert await ids(store) == [small.trace_id]
    await store.close()


async def test_what_is_sent_twice_is_kept_once(store: SpanStore) -> None:
    twice = span()
    await keep(store, twice)
    await keep(store, twice)
    assert (await store.size())[0] == 1


async def test_spans_outlive_a_restart_in_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "spans"
    store = SpanStore(folder)
    await keep(store, kept := span(attributes={"laurel.credential_id": BADGE, "http.status_code": 201}))
    await store.close()
    again = SpanStore(folder)
    (found,) = await again.find(BADGE, 0)
    assert found.spans == (kept,)
    assert (await again.size())[0] == 1
    await again.close()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}


@pytest.mark.parametrize("kind", ["noise", "cut short", "another release's"])
async def test_a_broken_file_is_moved_aside_and_a_new_one_begun(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "spans.sqlite3"
    store = SpanStore(tmp_path)
    await keep(store, *[span() for _ in range(500)])
    await store.close()
    _break(path, kind)
    store = SpanStore(tmp_path)
    await keep(store, new := span())
    assert await ids(store) == [new.trace_id]
    await store.close()
    assert (tmp_path / "spans.broken").exists()


def _break(path: Path, kind: str) -> None:
    content = path.read_bytes()
    if kind == "noise":
        path.write_bytes(b"no database at all " * 1000)
    elif kind == "cut short":
        path.write_bytes(content[: len(content) // 2])
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("pragma user_version = 77")
        connection.close()


async def test_a_file_that_breaks_while_it_is_open_costs_one_export(tmp_path: Path) -> None:
    store = SpanStore(tmp_path)
    await keep(store, *[span() for _ in range(500)])

    def breaks() -> Sequence[Span]:
        raise _broken()

    with pytest.raises(Unavailable):
        await store.add(breaks)
    await keep(store, new := span())
    assert await ids(store) == [new.trace_id]
    await store.close()


def _broken() -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


async def test_a_folder_that_can_not_be_written_is_unavailable_and_no_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = SpanStore(tmp_path / "file")
    with pytest.raises(Unavailable):
        await keep(store, span())
    await store.close()
