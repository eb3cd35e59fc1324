"""`laurel issue`: one badge for one learner, or one for each row of a file."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli import rows
from cli.connection import Connection, connect
from cli.files import read, write
from cli.ids import achievement_id
from cli.keys import Unusable
from cli.output import Json, give, say, warn
from cli.patience import patiently
from cli.rows import Problem, Sheet
from cli.sending import Outcome, send

# Beyond that a list helps nobody.
SHOWN = 50
FORMATS = (
    "eddsa-rdfc-2022 (if none is named), eddsa-jcs-2022, ecdsa-rdfc-2019; one of the tokens ob3-jwt, ob3-jwt-rs256, "
    "vc+jwt"
)
TOKENS = {"ob3-jwt", "ob3-jwt-rs256", "vc+jwt"}


def issue(
    file: Annotated[str | None, typer.Argument(help="A CSV file, or - for standard input.", metavar="FILE.csv")] = None,
    achievement: Annotated[str, typer.Option(help="The achievement's id, address or exact name.")] = "",
    to: Annotated[str | None, typer.Option(help="Instead of a file: one learner's email.", metavar="EMAIL")] = None,
    name: Annotated[str | None, typer.Option(help="With --to: the learner's name, readable in the badge.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="With --to: write the badge there, as JSON; as its token instead where FILE ends in .jwt.",
            dir_okay=False,
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help=f"{FORMATS}. May be given several times.", metavar="FORMAT"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row, issue none.")] = False,
    errors: Annotated[
        Path | None, typer.Option(help="Write the rows that failed there, to be mended and sent again.", dir_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Issue badges: one to a learner, or one for each row of a CSV file.

    The file is UTF-8, with commas or semicolons; its first row names the columns: **name**, **email**, **id**,
    **valid_from**, **valid_until**, **nth**. Email or id is needed. A day alone (2027-01-31) begins or ends validity
    with that day, in UTC. A row that fails stops no other.

    The formats ecdsa-rdfc-2019, ob3-jwt and ob3-jwt-rs256 need an institution with a did:web; one with a did:key has
    no key for them.
    A token is kept beside the JSON: it is at the badge's address with .jwt behind it.

    The same file may be sent again, whole, mended or in part: within 7 days nobody is issued the same badge twice, and
    a row that says something else than before is refused. A learner who is to have a second one stands in the file
    twice, or has 2 in the column nth. After 7 days the issuer has forgotten what was sent.

    Exit code 0: all issued (or issued before). 1: some rows failed. 2: it could not be done; what was issued stays.

    Example: laurel issue class.csv --achievement "First Aid at Work" --errors failed.csv

    Example: laurel issue class.csv --achievement "First Aid at Work" --format eddsa-rdfc-2022 --format vc+jwt

    Example: laurel issue --to ada@example.org --name "Ada Example" --achievement "First Aid at Work" --out badge.json
    """
    if (file is None) == (to is None):
        raise Unusable("Name either a file of learners, or one learner with --to.")
    if not achievement:
        raise Unusable("Which achievement? Name it by --achievement: its id, its address, or its exact name.")
    if to is not None and (dry_run or errors):
        raise Unusable("--dry-run and --errors are for files.")
    if file is not None and (name or out):
        raise Unusable("--name and --out go with --to.")
    if out and out.suffix == ".jwt" and not TOKENS & set(formats or ()):
        raise Unusable("A token has to be asked for: --format ob3-jwt or --format vc+jwt.")
    asked = {"formats": formats} if formats else {}
    if to is not None:
        recipient = {"email": to, **({"name": name} if name else {})}
        _issue_one(achievement, {"recipient": recipient, **asked}, out, as_json=as_json)
    elif file is not None:
        sheet = rows.read(read(file, rows.MAX_BYTES))
        _issue_file(sheet, achievement, {"dry_run": dry_run, **asked}, errors, as_json=as_json)


def _issue_one(achievement: str, order: dict[str, Any], out: Path | None, *, as_json: bool) -> None:
    connection = connect(os.environ, "institution", needs=["issuer"])
    body = {"achievement_id": achievement_id(connection, achievement), **order}
    key = f"laurel-issue-{uuid4()}"  # of this call alone: who asks again wants another
    made = patiently(lambda: orjson.loads(_post_one(connection, body, key)))
    if out:
        document = orjson.dumps(made["credential"], option=orjson.OPT_INDENT_2).decode()
        write(out, (made["token"] if out.suffix == ".jwt" else document) + "\n", private=True)
    if as_json:
        give(made)
    else:
        say(f"Issued: {made['credential']['name']}", f"  id    {made['id']}", f"  page  {made['links']['badge']}")
        say(*([f"  file  {out}"] if out else []))


def _post_one(connection: Connection, body: dict[str, Any], key: str) -> bytes:
    return connection.post("issuer", "/v1/credentials", body, idempotency_key=key).content


def _issue_file(sheet: Sheet, achievement: str, asked: dict[str, Any], errors: Path | None, *, as_json: bool) -> None:
    connection = connect(os.environ, "institution", needs=["issuer"])
    sent = send(connection, achievement_id(connection, achievement), sheet.rows, asked)
    outcomes: list[Outcome] = []
    stopped: Unusable | None = None
    try:
        for outcome in _with_progress(sent, len(sheet.rows)):
            outcomes.append(outcome)  # noqa: PERF402  # those that came are kept when the next does not
    except Unusable as error:
        stopped = error
    except KeyboardInterrupt:
        warn(_resumable(outcomes, sheet))
        raise
    failures = {each.row: each.problem for each in outcomes if each.problem}
    if errors:
        write(errors, rows.write_failures(sheet, failures), private=True)
    _report(outcomes, errors, dry_run=asked["dry_run"], as_json=as_json)
    if stopped:
        raise Unusable(f"{stopped} {_resumable(outcomes, sheet)}") from stopped
    if failures:
        raise typer.Exit(1)


def _with_progress(outcomes: Iterator[Outcome], total: int) -> Iterator[Outcome]:
    """Pass outcomes on; on a terminal a bar shows how far it is."""
    console = Console(stderr=True)
    columns = (TextColumn("issuing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("issuing", total=total)
        for outcome in outcomes:
            progress.advance(task)
            yield outcome


def _resumable(outcomes: Sequence[Outcome], sheet: Sheet) -> str:
    return f"{len(outcomes)} of {len(sheet.rows)} rows have an answer; the same command again goes on with the others."


def _report(outcomes: Sequence[Outcome], errors: Path | None, *, dry_run: bool, as_json: bool) -> None:
    count = Counter(each.status for each in outcomes)
    ordered = sorted(outcomes, key=lambda each: each.row)
    if as_json:
        counts = {name: count[name] for name in ("issued", "already_issued", "valid")} | {"failed": count["error"]}
        give({**counts, "dry_run": dry_run, "rows": [each.as_json() for each in ordered]})
        return
    done = f"{count['valid']} would be issued" if dry_run else f"{count['issued']} issued"
    before = f", {count['already_issued']} had been issued before" if count["already_issued"] else ""
    say(f"{done}{before}, {count['error']} failed.")
    failed = [(each.row, each.problem) for each in ordered if each.problem]
    say(*[_line(row, problem) for row, problem in failed[:SHOWN]])
    if len(failed) > SHOWN:
        say(f"  ... and {len(failed) - SHOWN} more" + ("" if errors else "; --errors FILE writes them all"))
    if errors and failed:
        say(f"The rows that failed are in {errors}: mend them there and send that file.")


def _line(row: int, problem: Problem) -> str:
    place = f"row {row}, {problem.column}" if problem.column else f"row {row}"
    return f"  {place}: {problem.sentence} ({problem.code})"
