"""Follows a job until it rests: by server-sent events as long as they come, and by asking now and then else."""

import time
from collections.abc import Container, Iterator
from contextlib import suppress
from typing import Any

import orjson

from cli.connection import Connection, Refused, Silent
from cli.jobs.sse import read_events
from cli.patience import patiently

Job = dict[str, Any]

ENDED = frozenset({"done", "cancelled", "failed"})
# Where a job stays until somebody, or the clock, says more.
RESTING = ENDED | {"preview", "held", "paused"}
# Seconds between two questions where no events come.
PAUSE = 1.0


def path_of(*parts: str) -> str:
    """Return where jobs are asked for, one job, or something of it."""
    return "/".join(("/v1/issuance-jobs", *parts))


def look(connection: Connection, job_id: str) -> Job:
    """Return a job as it stands now; raises as `Connection.get` does, after some patience."""
    job: Job = patiently(lambda: connection.get("issuer", path_of(job_id))).json()
    return job


def follow(connection: Connection, job_id: str, until: Container[str] = RESTING) -> Iterator[Job]:
    """Give a job as it stands again and again; the last is in one of the states `until`. Raises as `look` does."""
    while True:
        for job in _told(connection, job_id):
            yield job
            if job["state"] in until:
                return
        time.sleep(PAUSE)


def _told(connection: Connection, job_id: str) -> Iterator[Job]:
    """Give the job, and then what events tell of it until they break off."""
    yield look(connection, job_id)
    with suppress(Silent, Refused):  # without events it is asked for again
        for event in read_events(connection.chunks("issuer", path_of(job_id, "events"))):
            yield orjson.loads(event.data)
