"""`laurel log report` and `laurel log check-report`: what the log has of an institution, and whether that is true."""

import os
import sys
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.connection import connect
from cli.files import partly
from cli.keys import Unusable, Whose
from cli.log.audit import Vkey, Where, first_state
from cli.log.files import Finding, LogFiles
from cli.log.openings import Summary, read_report, write_csv, write_lines
from cli.log.source import source_at
from cli.log.state import signed
from cli.output import Json, give, say, warn
from shared.transparency import merkle
from shared.transparency.checkpoints import Checkpoint
from shared.transparency.commitments import commitment
from shared.transparency.errors import TransparencyError
from shared.transparency.tiles import hashes_in, tiles_for

Format = StrEnum("Format", ["jsonl", "csv"])


def report(
    begin: Annotated[str | None, typer.Option("--from", help="A day (UTC), or a time with its zone.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="A day or time that is not in it any more.")] = None,
    institution: Annotated[
        str | None, typer.Option(help="Its id or slug, with the operator's key. Absent: whose key it is.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.jsonl,
    out: Annotated[Path | None, typer.Option(help="Write it into this file.", dir_okay=False)] = None,
) -> None:
    """Tell what the log has of an institution: each event's facts, salt and place, in the order of time.

    Who is given the report can recompute every leaf of it (`laurel log check-report`). It has no personal data, and
    opens these leaves to whoever has it. Between its first and its last leaf there are others', which are counted.

    Exit code 0: it is written. 2: it could not be.

    Example: laurel log report --from 2026-01-01 --to 2027-01-01 --format csv --out report.csv
    """
    kinds: tuple[Whose, ...] = ("operator",) if institution else ("institution", "operator")
    connection = connect(os.environ, *kinds, needs=["registry"])
    query = {"institution": institution, "from": _instant(begin), "to": _instant(end)}
    items = connection.items("registry", "/v1/log/openings", **query)
    writing = write_csv if form is Format.csv else write_lines
    with partly(out) if out else nullcontext(sys.stdout) as file:
        summary = writing(items, file)
    for log in summary:
        warn(
            f"{log['origin']}: {log['opened']} leaves from {log['first_index']} to {log['last_index']} are opened, "
            f"{log['not_opened']} between them are not."
        )


def check_report(
    file: Annotated[Path, typer.Argument(help="What `laurel log report` wrote.", exists=True, dir_okay=False)],
    where: Where,
    vkey: Vkey = None,
    as_json: Json = False,
) -> None:
    """Recompute an institution's report from the log itself: each leaf from its facts and salt, each place by proof.

    Exit code 0: every leaf is what the report says. 1: one is not. 2: it could not be checked.

    Example: laurel log check-report report.csv https://badges.example/log --vkey "$VKEY"
    """
    files = LogFiles(source_at(where))
    trusted, _ = first_state(files, None, vkey)
    others = 0
    summary = Summary()
    try:
        checkpoint = signed(files.checkpoint(), trusted.verifier).checkpoint
        check = leaf_checker(files, checkpoint)
        with file.open(newline="") as lines:
            for item in summary.counting(read_report(lines, str(file))):
                if item["origin"] == checkpoint.origin and item["log_index"] is not None:
                    check_opening(item)
                    check(item["log_index"], b64decode(item["entry"]))
                else:
                    others += 1
    except (Finding, ValueError) as error:  # TransparencyError and what no base64 is are of this kind
        warn(f"FOUND: {error}")
        raise typer.Exit(1) from error
    logs = [each for each in summary.forms() if each["origin"] == checkpoint.origin]
    if others and not logs:
        raise Unusable(f"None of the {others} events has a place in the log {checkpoint.origin}: nothing was checked.")
    if as_json:
        give({"result": "ok", "logs": logs, "others": others})
        return
    for log in logs:
        say(
            f"{log['origin']}: {log['opened']} leaves are what the report says, {log['erased']} were erased. From leaf "
            f"{log['first_index']} to {log['last_index']}, {log['not_opened']} are not opened by it."
        )
    if others:
        say(f"{others} events of other logs, or without a place yet, were not checked.")


def check_opening(item: Mapping[str, Any]) -> None:
    """Raise Finding unless a salt and facts give the entry that is said; what was erased can't be told from any."""
    if item["salt"] is None:
        return
    if item["facts"].get("event_id") != item["event_id"]:
        raise Finding(f"The facts of the event {item['event_id']} are another's.")
    if opened_entry(item["salt"], item["facts"]) != b64decode(item["entry"]):
        raise Finding(f"The facts and salt of the event {item['event_id']} do not give its entry.")


def opened_entry(salt: str, facts: Mapping[str, Any]) -> bytes:
    """Return the entry that a salt (base64url) and facts open; raises InvalidFacts, or binascii.Error."""
    return commitment(urlsafe_b64decode(salt + "=" * (-len(salt) % 4)), facts)


def leaf_checker(files: LogFiles, checkpoint: Checkpoint) -> Callable[[int, bytes], None]:
    """Return what raises Finding unless a leaf has an entry, by an inclusion proof from the tiles to the checkpoint."""
    hashes, size = lru_cache(64)(files.hashes), checkpoint.size

    def check(index: int, entry: bytes) -> None:
        try:
            nodes = merkle.nodes_for_inclusion(index, size)
            hash_of = hashes_in({tile: hashes(tile) for tile in tiles_for(nodes, size)})
            proof = merkle.inclusion_proof(index, size, hash_of)
            leaf = merkle.leaf_hash(entry)
            merkle.check_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=checkpoint.root)
        except TransparencyError as error:
            raise Finding(f"Leaf {index} of the {size} is not the one that is said: {error.detail}") from error

    return check


def _instant(text: str | None) -> str | None:
    """Read a moment, or a day: its beginning in UTC."""
    if text is None:
        return None
    try:
        moment = datetime.combine(date.fromisoformat(text), time.min, UTC)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise Unusable(f"{text} is no day or time: write 2027-01-31, or 2027-01-31T12:00:00Z.") from error
    if moment.tzinfo is None:
        raise Unusable(f"{text} needs its zone: 2027-01-31T12:00:00Z.")
    return moment.isoformat()
