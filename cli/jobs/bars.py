"""How far a job is, as bars on a terminal: one for the file on its way, one for each phase, with rate and time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from cli.jobs.following import Job

_DOING = {"reading": "reading", "linting": "checking", "running": "issuing"}


class Bars:
    """The bars of one job; nothing at all where `progress` is disabled."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def sending(self, size: int | None) -> Callable[[int], None]:
        """Return what is told how many bytes were sent."""
        return lambda count: self._show("sending", count, size, f"{count / 1e6:,.1f} MB")

    def show(self, job: Job) -> None:
        """Show where the job is."""
        if doing := _DOING.get(job["phase"]):
            self._show(doing, *standing(job))

    def _show(self, what: str, done: int, total: int | None, told: str) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total, told=told)
        self._progress.update(self._tasks[what], completed=done, total=total, told=told)


@contextmanager
def bars() -> Iterator[Bars]:
    """Show bars beside what is printed, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<8}"), BarColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bars(progress)


def standing(job: Job) -> tuple[int, int | None, str]:
    """Return how many rows the present phase has done, of how many, and that in words with rate and time left."""
    if job["phase"] == "reading":
        return job["rows"], None, f"{job['rows']:,} rows"
    total = job["rows"] if job["phase"] == "linting" else job["valid"]
    done = round(job["progress"] * total)
    words = [f"{done:,} of {total:,} rows"]
    if rate := job["rate"]:
        # By the rate, and not by when it ends: that is a time of the issuer's clock.
        words += [f"{rate:,.0f}/s", f"{timedelta(seconds=round((total - done) / rate))} left"]
    return done, total, ", ".join(words)
