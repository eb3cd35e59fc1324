"""`laurel ledger-check`: compares what the services really have, until they agree or the time to settle is over."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli import ledger
from cli.connection import SERVICES, Connection, connect
from cli.keys import Unusable
from cli.leaves import Leaves
from cli.ledger import Event, Telling, Violation
from cli.log.files import LogFiles
from cli.log.served import check_served
from cli.log.source import Address
from cli.sorting import DiskSorted

PAUSE_SECONDS = 0.5
# The services that have the record, and the log of it.
RECORD = ("issuer", "registry", "verifier")
# The services that read what others tell.
CONSUMING = ("registry", "verifier", "notifier")
# Beyond that a list helps nobody.
SHOWN = 100


def ledger_check(
    acknowledged: Annotated[
        Path | None,
        typer.Option(
            help='What callers were told: lines {"credential_id": …, "action": "issue" | "revoke"}.',
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    settle: Annotated[float, typer.Option(help="Seconds in which what is on its way may arrive.", min=0)] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Prove that nothing was lost, doubled or told twice.

    Compares the ledgers of all services with one another, and with what callers were told. On a system at work a
    disagreement counts when it lasts: one that is there in every look until the time to settle is over.

    Exit code 0: no violation. 1: violations. 2: it could not be checked.

    Example: laurel ledger-check --acknowledged acks.jsonl --settle 60
    """
    look = Look(connect(os.environ), acknowledged)
    conclude(look, settle, as_json=as_json)


def reconcile(
    settle: Annotated[float, typer.Option(help="Seconds in which what is on its way may arrive.", min=0)] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Hold the record against the transparency log: what issuer, registry and verifier have, and what the log serves.

    Every event has one leaf, which commits to its facts, every leaf an event; versions are in order; the served files
    say what the registry's rows say, and fit every checkpoint that was ever published. It needs the operator's key.

    Exit code 0: no violation. 1: violations. 2: it could not be checked.

    Example: laurel log reconcile --settle 60
    """
    conclude(Look(connect(os.environ, needs=RECORD), None, RECORD), settle, as_json=as_json)


def conclude(look: "Look", settle: float, *, as_json: bool) -> None:
    """Look until all agree or the time is over, and print what lasts; exit with 1 if anything does."""
    violations = sorted(lasting(look.violations, settle))
    if as_json:
        listed = [violation._asdict() for violation in violations]
        print(json.dumps({"violations": len(violations), "counts": look.counts, "listed": listed[:SHOWN]}))
    else:
        _print(violations, look.counts)
    if violations:
        raise typer.Exit(1)


def lasting(look: Callable[[], set[Violation]], settle: float) -> set[Violation]:
    """Look again and again for `settle` seconds, or until nothing is left of what was found at first."""
    deadline = time.monotonic() + settle
    violations = look()
    while violations and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
        violations &= look()
    return violations


class Look:
    """One look after the other at the ledgers of `services`; `counts` tells how much the last one saw."""

    def __init__(self, connection: Connection, acknowledged: Path | None, services: Sequence[str] = SERVICES) -> None:
        self._connection = connection
        self._services = services
        self._acknowledged: DiskSorted[tuple[str, str]] = DiskSorted(2)
        self.counts: dict[str, int] = {}
        if acknowledged:
            self._acknowledged.add(_read_acknowledged(acknowledged))

    def violations(self) -> set[Violation]:
        """Read every ledger once, to its end, and return what is wrong."""
        counts: Counter[str] = Counter()
        queues: dict[str, dict[str, int]] = {}
        events: DiskSorted[Event] = DiskSorted(3)
        leaves = Leaves()
        ledgers = {name: self._lines(name, counts, queues) for name in self._services}
        ledgers["issuer"] = _noting_events(ledgers["issuer"], events)
        notices = ledgers.pop("notifier", None)
        read = {name: leaves.taken_from(lines) for name, lines in ledgers.items()}
        found = set(ledger.check(read, self._acknowledgements(counts)))
        found |= set(ledger.check_events(events))
        found |= set(leaves.check())
        found |= set(check_served(self._log_files, leaves.places, leaves.checkpoints))
        if notices is not None:
            found |= self._untold(notices, events)
            for name, waiting in queues.items():
                found |= set(ledger.check_queues(name, waiting | self._lag(name, counts)))
        self.counts = dict(sorted(counts.items()))
        return found

    def _untold(self, notices: Iterator[dict[str, Any]], events: DiskSorted[Event]) -> set[Violation]:
        deliveries: DiskSorted[Telling] = DiskSorted(4)
        found = set(ledger.check_notices(_noting_deliveries(notices, deliveries), events))
        return found | set(ledger.check_deliveries(deliveries, events))

    def _log_files(self, number: int) -> LogFiles:
        return LogFiles(Address(f"{self._connection.urls['registry']}/log/{number}"))

    def _lines(self, name: str, counts: Counter[str], queues: dict[str, dict[str, int]]) -> Iterator[dict[str, Any]]:
        for line in self._connection.ledger(name):
            if line["kind"] == "queues":
                queues[name] = {queue: count for queue, count in line.items() if queue != "kind"}
            else:
                counts[f"{name}: {line['kind']} {line.get('state', '')}".rstrip()] += 1
                yield line

    def _lag(self, name: str, counts: Counter[str]) -> dict[str, int]:
        """Ask how much a service has not read yet; only the process that reads knows."""
        if name not in CONSUMING:
            return {}
        lag = self._connection.lag(name)
        if lag is None:
            counts[f"{name}: lag not told, its worker has another address"] = 1
            return {}
        return {"lag": lag}

    def _acknowledgements(self, counts: Counter[str]) -> Iterator[dict[str, str]]:
        for subject, action in self._acknowledged:
            counts[f"{ledger.ACKNOWLEDGED}: {action}"] += 1
            yield {"id": subject, "action": action}


def _noting_events(lines: Iterator[dict[str, Any]], events: DiskSorted[Event]) -> Iterator[dict[str, Any]]:
    for line in lines:
        events.add((version["event_id"], line["id"], version["type"]) for version in line.get("versions", ()))
        yield line


def _noting_deliveries(lines: Iterator[dict[str, Any]], deliveries: DiskSorted[Telling]) -> Iterator[dict[str, Any]]:
    """Take the deliveries out; what goes on is the notices."""
    for line in lines:
        if line["kind"] == "delivery":
            due = "due" if line["due"] else ""
            deliveries.add([(line["event_id"], line["channel"], line["target_digest"], due)])
        else:
            yield line


def _read_acknowledged(path: Path) -> Iterator[tuple[str, str]]:
    with path.open() as lines:
        for number, text in enumerate(lines, 1):
            try:
                line = json.loads(text)
                action = {"issue": "issue", "revoke": "revoke"}[line["action"]]
                yield str(line["credential_id"]), action
            except (ValueError, KeyError, TypeError) as error:
                raise Unusable(f'{path}:{number} is no {{"credential_id": …, "action": "issue" | "revoke"}}') from error


def _print(violations: list[Violation], counts: dict[str, int]) -> None:
    console = Console(soft_wrap=True)
    table = Table("what", "count")
    table.columns[1].justify = "right"
    for what, count in counts.items():
        table.add_row(what, str(count))
    console.print(table)
    for violation in violations[:SHOWN]:
        console.print(f"{violation.invariant}  {violation.subject}  {violation.detail}", markup=False, highlight=False)
    if len(violations) > SHOWN:
        console.print(f"... and {len(violations) - SHOWN} more")
    console.print(f"{len(violations)} violations", highlight=False)
