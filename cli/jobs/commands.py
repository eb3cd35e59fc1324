"""The commands of `laurel jobs`."""

import os
import sys
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.connection import Connection, connect
from cli.ids import plain_uuid
from cli.jobs.course import act
from cli.jobs.failures import texts, write_failures
from cli.jobs.following import Job, look, path_of
from cli.jobs.showing import issued_words, job_lines, list_lines, preview_lines
from cli.output import Json, give, say

jobs = typer.Typer(
    no_args_is_help=True, help="Files of learners that were sent: how they stand, and what to do with them."
)

State = Literal["reading", "linting", "preview", "held", "running", "paused", "done", "cancelled", "failed"]
JobId = Annotated[str, typer.Argument(help="The job's id.", metavar="ID")]


@jobs.command("list")
def list_jobs(
    state: Annotated[State | None, typer.Option(help="Only those.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 20,
    as_json: Json = False,
) -> None:
    """List the institution's jobs, newest first.

    Example: laurel jobs list --state preview
    """
    found = list(islice(_connect().items("issuer", path_of(), state=state), limit))
    if as_json:
        give(found)
    else:
        say(*list_lines(found))


@jobs.command()
def show(job_id: JobId, as_json: Json = False) -> None:
    """Show how a job stands, what its columns were taken for, and who did what to it.

    Example: laurel jobs show 0198c0de-0000-7000-8000-000000000017
    """
    connection, job_id = _connect(), plain_uuid(job_id, "job")
    job = look(connection, job_id)
    if as_json:
        give(job)
        return
    say(*job_lines(job))
    if job["state"] == "preview":
        say(*preview_lines(connection.get("issuer", path_of(job_id, "preview")).json()))


@jobs.command()
def confirm(job_id: JobId, as_json: Json = False) -> None:
    """Let what the preview shows be issued, in the name of the key that is used here.

    Where the institution wants a second key, it is this one. 'laurel issue --job' follows it from there.

    Example: laurel jobs confirm 0198c0de-0000-7000-8000-000000000017
    """
    _act(job_id, "confirm", as_json=as_json)


@jobs.command()
def pause(job_id: JobId, as_json: Json = False) -> None:
    """Stop a job where it is.

    Example: laurel jobs pause 0198c0de-0000-7000-8000-000000000017
    """
    _act(job_id, "pause", as_json=as_json)


@jobs.command()
def resume(job_id: JobId, as_json: Json = False) -> None:
    """Let a paused job go on.

    Example: laurel jobs resume 0198c0de-0000-7000-8000-000000000017
    """
    _act(job_id, "resume", as_json=as_json)


@jobs.command()
def cancel(job_id: JobId, as_json: Json = False) -> None:
    """End a job: what is issued stays, and nothing more is. Of a held one nothing is left.

    Example: laurel jobs cancel 0198c0de-0000-7000-8000-000000000017
    """
    _act(job_id, "cancel", as_json=as_json)


@jobs.command()
def errors(
    job_id: JobId,
    out: Annotated[Path | None, typer.Option(help="Write them there, for you alone.", dir_okay=False)] = None,
) -> None:
    """Print the rows that failed as a CSV file, to be mended and sent again.

    Example: laurel jobs errors 0198c0de-0000-7000-8000-000000000017 --out failed.csv
    """
    connection, job_id = _connect(), plain_uuid(job_id, "job")
    if out:
        write_failures(connection, job_id, out)
        return
    for text in texts(connection, job_id):
        sys.stdout.write(text)


def _act(job_id: str, command: str, *, as_json: bool) -> None:
    job: Job = act(_connect(), plain_uuid(job_id, "job"), command)
    if as_json:
        give(job)
    else:
        say(f"{job['state'].upper()}, job {job['id']}. {issued_words(job)}")


def _connect() -> Connection:
    return connect(os.environ, "institution", needs=["issuer"])
