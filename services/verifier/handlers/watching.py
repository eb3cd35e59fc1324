"""Looks at watched badges as news and dates come, and tells employers of answers that changed, each change once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import Counter as Metric

from services.verifier.domain import messages
from services.verifier.domain.known import Known, Rules
from services.verifier.domain.watches import Answer, answer, change, subjects
from services.verifier.handlers.looking_up import look_up
from services.verifier.handlers.watches import watched_of
from services.verifier.store import watches as store
from shared.db import Database, Tx
from shared.ids import new_id
from shared.messaging import outbox
from shared.messaging.cloudevents import Delivery
from shared.messaging.outbox import Entry
from shared.messaging.pace import Every
from shared.rounds import keep_working

TOLD = Metric("laurel_watch_changes_total", "Changes of watched badges that employers were told", ["change"])

# A transaction's share of work, so that it holds locks for some tens of milliseconds: watches that are looked at;
# subjects of news, of most of which there is no watch, and watches of each that are made due.
WATCHES = 200
SUBJECTS = 200
OF_EACH = 50
# A watch whose answer is not certain now is looked at again: heartbeats come every 2 s, or an operator is needed.
UNCERTAIN = timedelta(seconds=5)
TIDY_SECONDS = 60.0
ENDED_KEPT = timedelta(days=30)
TOLD_KEPT = timedelta(days=400)
TIDIED = 2000

Row = Mapping[str, Any]


async def note(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """Note of what there is news, in the transaction in which copies take it in."""
    await store.add_news(tx, subjects(each.message for each in deliveries))


async def watch_over(worker: Database, rules: Rules) -> None:
    """Look at what is due, until cancelled; several workers share it."""
    tidy = Every(TIDY_SECONDS)

    async def step() -> bool:
        busy = await take_round(worker, rules)
        if tidy.due():
            async with worker.transaction() as tx:
                await store.forget_old(tx, ENDED_KEPT, TOLD_KEPT, TIDIED)
        return busy

    await keep_working(step, "watching_waits", worker.bell.waiter(store.WATCHER))


async def take_round(worker: Database, rules: Rules) -> bool:
    """Make due what there is news of, and look at a share of what is due; return whether more waits."""
    async with worker.transaction() as tx:
        spread = await store.spread_news(tx, SUBJECTS, OF_EACH)
    async with worker.transaction() as tx:
        looked_at, told = await look(tx, rules)
    for each in told:
        TOLD.labels(each["change"]).inc()
    return spread == SUBJECTS or looked_at == WATCHES


async def look(tx: Tx, rules: Rules) -> tuple[int, Sequence[Row]]:
    """Look at watches that are due, tell of those whose answer changed; return how many, and what was told.

    A watch is locked, its answer compared and replaced, the event stored and put into the outbox in this transaction:
    all of it happens once, or not at all. What is news after the look makes the watch due again, after this.
    """
    rows = await store.due(tx, WATCHES)
    if not rows:
        return 0, ()
    known = await look_up(tx, [watched_of(row).facts(rules) for row in rows])
    told: list[dict[str, Any]] = []
    settled = [_settled(row, here, rules, told) for row, here in zip(rows, known, strict=True)]
    await store.settle(tx, settled)
    await _tell(tx, told)
    return len(rows), told


def _settled(row: Row, known: Known, rules: Rules, told: list[dict[str, Any]]) -> Row:
    """Return a watch as it is after a look; what is to be told of it is added to `told`."""
    watched = watched_of(row)
    if row["ended"]:
        return {**row, "due_at": None}
    found = answer(watched, known, rules)
    if found is None:
        return {**row, "due_at": known.now + UNCERTAIN}
    after = {**row, **asdict(found), "due_at": watched.next_date(known.now)}
    changed = change(Answer(row["verdict"], row["reason"], row["standing"]), found, watched, known)
    if changed is None:
        return after
    after |= {"number": row["number"] + 1, "told_change": changed.kind, "told_at": known.now}
    told.append(_event(after, changed.at))
    return after


def _event(row: Row, changed_at: datetime) -> dict[str, Any]:
    names = ("employer_id", "number", "credential_id", "verdict", "reason", "standing", "channels", "told_at")
    return {
        **{name: row[name] for name in names},
        "event_id": new_id(),
        "watch_id": row["id"],
        "change": row["told_change"],
        "changed_at": changed_at,
    }


async def _tell(tx: Tx, told: list[dict[str, Any]]) -> None:
    if not told:
        return
    counts = Counter(each["employer_id"] for each in told)
    last = await store.take_places(tx, counts)
    for each in reversed(told):
        each["place"] = last[each["employer_id"]]
        last[each["employer_id"]] -= 1
    await store.add_events(tx, told)
    await outbox.add_many(
        tx, [Entry(messages.watch_triggered(each), each["event_id"], each["told_at"]) for each in told]
    )
