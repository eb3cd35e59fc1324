"""A file of learners from its sending to the report: what is shown, asked and waited for on the way."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import typer

from cli.connection import Connection, Refused
from cli.jobs.bars import Bars, bars
from cli.jobs.failures import failures, write_failures
from cli.jobs.following import Job, follow, path_of
from cli.jobs.showing import issued_words, preview_lines, would_words
from cli.jobs.uploading import Upload, opened
from cli.keys import Unusable
from cli.output import give, moment, say, warn
from cli.patience import patiently

# Beyond that a list helps nobody.
SHOWN = 50
# What to do about a refusal of the issuer's, in this command's words.
_HOW = {
    "columns_unknown": "--mapping COLUMN: leaves a column out, --mapping COLUMN:email says what it is; "
    "--dry-run and --confirm-later show all columns first.",
}


@dataclass(frozen=True)
class Wish:
    """What is wanted of a job: `query` says it to the issuer, the rest is for this side."""

    query: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False
    yes: bool = False
    later: bool = False
    errors: Path | None = None
    as_json: bool = False

    @property
    def asks(self) -> bool:
        """Whether somebody sits here who can be asked."""
        decided = self.yes or self.dry_run or self.later
        return not decided and sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def auto_confirm(self) -> bool:
        """Whether the issuer need not wait for this side, which may be gone by then: nobody is asked."""
        return not (self.asks or self.dry_run or self.later)


def issue_file(connection: Connection, name: str, wish: Wish) -> None:
    """Send a file, and see it through; raises as `see_through` does."""
    query = {**wish.query, "auto_confirm": wish.auto_confirm}
    with opened(name) as upload, bars() as shown:
        try:
            job_id = _send(connection, upload, query, shown)
        except KeyboardInterrupt:
            warn("The file had not arrived: nothing is issued.")
            raise
    if sys.stderr.isatty():
        warn(f"Job {job_id}")
    see_through(connection, job_id, wish)


def see_through(connection: Connection, job_id: str, wish: Wish) -> None:
    """Follow a job until it rests, have it confirmed where that is wanted, and report.

    Raises Unusable where it can't be followed or has stopped, and Exit with 1 where rows failed or it was cancelled.
    """
    with _resumable(job_id):
        job = _watch(connection, job_id)
        if job["state"] == "preview":
            job = _decide(connection, job, wish)
    _report(connection, job, wish)


def act(connection: Connection, job_id: str, command: str) -> Job:
    """Confirm, pause, resume or cancel a job; return it. Raises as `Connection.post` does."""
    job: Job = patiently(lambda: connection.post("issuer", path_of(job_id, command))).json()
    return job


def _send(connection: Connection, upload: Upload, query: Mapping[str, Any], shown: Bars) -> str:
    # The key is of this call alone: whoever sends a file again looks at it again.
    headers = {"Content-Type": upload.media_type, "Idempotency-Key": f"laurel-issue-{uuid4()}"}
    told = shown.sending(upload.size)

    def send() -> str:
        answer = connection.send("issuer", path_of(), upload.pieces(told), headers, query)
        return str(answer.json()["id"])

    try:
        return patiently(send) if upload.again else send()
    except Refused as error:
        raise (Unusable(f"{error} {_HOW[error.code]}") if error.code in _HOW else error) from error


def _watch(connection: Connection, job_id: str) -> Job:
    with bars() as shown:
        for job in follow(connection, job_id):
            shown.show(job)
    return job


def _decide(connection: Connection, job: Job, wish: Wish) -> Job:
    """Say what would become of the rows, and confirm or cancel."""
    if not wish.as_json:
        say(*preview_lines(connection.get("issuer", path_of(job["id"], "preview")).json()))
    if wish.dry_run:
        return act(connection, job["id"], "cancel")
    if wish.later:
        return job
    if not wish.yes and not wish.asks:
        raise Unusable("The job waits to be confirmed (laurel jobs confirm).")
    if wish.asks:
        say(*_failure_lines(connection, job))
        if not typer.confirm(f"{would_words(job)} Issue them?{_window(job)}", err=True):
            return act(connection, job["id"], "cancel")
    try:
        act(connection, job["id"], "confirm")
    except Refused as error:
        raise Unusable(f"{error} The job waits for that (laurel jobs confirm).") from error
    return _watch(connection, job["id"])


def _window(job: Job) -> str:
    if job["undo_seconds"]:
        return f" They are held for {timedelta(seconds=job['undo_seconds'])} (h:mm:ss) from then on."
    return f" They are held until {moment(job['release_at'])}." if job["release_at"] else ""


def _report(connection: Connection, job: Job, wish: Wish) -> None:
    _refuse_stopped(job)
    if wish.errors:
        write_failures(connection, job["id"], wish.errors)
    if wish.as_json:
        give(_as_json(connection, job, wish))
    else:
        say(*_report_lines(connection, job, wish))
    if job["errors"] or (job["state"] == "cancelled" and not wish.dry_run):
        raise typer.Exit(1)


def _refuse_stopped(job: Job) -> None:
    because = f": {job['reason']}" if job["reason"] else "."
    if job["state"] == "failed":
        raise Unusable(f"The job failed{because}")
    if job["state"] == "paused":
        raise Unusable(f"The job is paused{because} 'laurel jobs resume {job['id']}' lets it go on.")


def _report_lines(connection: Connection, job: Job, wish: Wish) -> Iterator[str]:
    if job["state"] == "cancelled" and not wish.dry_run:
        yield f"The job was cancelled. {issued_words(job)}"
        return
    if job["state"] == "held":
        yield f"Held until {moment(job['release_at'])}, and issued then. {would_words(job)}"
        yield f"'laurel jobs cancel {job['id']}' before that leaves nothing of them."
    elif job["state"] == "preview":
        yield f"{would_words(job)} 'laurel jobs confirm {job['id']}' has them issued."
    else:
        yield would_words(job) if wish.dry_run else issued_words(job)
    yield from _failure_lines(connection, job, written=wish.errors)


def _failure_lines(connection: Connection, job: Job, written: Path | None = None) -> Iterator[str]:
    if not job["errors"]:
        return
    for failure in islice(failures(connection, job), SHOWN):
        yield failure.line()
    if job["errors"] > SHOWN:
        yield f"  ... and {job['errors'] - SHOWN} more" + ("" if written else "; --errors FILE writes them all")
    if written:
        yield f"The rows that failed are in {written}: mend them there and send that file."


def _as_json(connection: Connection, job: Job, wish: Wish) -> dict[str, Any]:
    counts = {"issued": job["issued"], "already_issued": job["already_issued"], "failed": job["errors"]}
    valid = 0 if job["state"] == "done" else job["valid"]
    rows = [each.as_json() for each in failures(connection, job)] if job["errors"] else []
    return {"job_id": job["id"], "state": job["state"], **counts, "valid": valid, "dry_run": wish.dry_run, "rows": rows}


@contextmanager
def _resumable(job_id: str) -> Iterator[None]:
    """Say how to go on where it ends half-way."""
    how = f"'laurel issue --job {job_id}' goes on with it, 'laurel jobs cancel {job_id}' ends it."
    try:
        yield
    except (KeyboardInterrupt, typer.Abort):
        warn(how)
        raise
    except Unusable as error:
        raise Unusable(f"{error} {how}") from error
