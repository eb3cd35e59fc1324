"""What is told of a job and of its preview."""

from collections.abc import Iterator
from typing import Any

from cli.jobs.following import Job
from cli.output import aligned, moment


def issued_words(job: Job) -> str:
    """Say how many rows were issued, had been issued before, and failed."""
    before = f", {job['already_issued']} had been issued before" if job["already_issued"] else ""
    return f"{job['issued']} issued{before}, {job['errors']} failed."


def would_words(job: Job) -> str:
    """Say the same of what has only been looked at."""
    before = f", {job['already_issued']} had been issued before" if job["already_issued"] else ""
    twice = f", {job['repeated']} say what an earlier row says" if job["repeated"] else ""
    return f"{job['valid'] - job['repeated']} would be issued{before}{twice}, {job['errors']} failed."


def preview_lines(preview: dict[str, Any]) -> Iterator[str]:
    """Tell what the columns were taken for, a few rows as they would be issued, and how many have which error."""
    if preview["mapping"]:
        yield "Columns: " + ", ".join(f"{name} -> {what}" for name, what in preview["mapping"].items())
    if preview["ignored_columns"]:
        yield "Not read: " + ", ".join(preview["ignored_columns"])
    if preview["samples"]:
        yield "For example:"
        yield from aligned([_sample(each) for each in preview["samples"]])
    if preview["errors_by_code"]:
        yield "Errors: " + ", ".join(f"{count} {code}" for code, count in preview["errors_by_code"].items())


def job_lines(job: Job) -> Iterator[str]:
    """Tell how a job stands, and who did what to it."""
    yield f"{job['state'].upper()}, job {job['id']}"
    because = f"{job['reason']} ({job['reason_code']})" if job["reason"] else ""
    facts = [
        ("name", job["name"] or ""),
        ("achievement", job["achievement_id"]),
        ("because", because),
        ("rows", f"{job['rows']:,}"),
        ("checked", f"{job['linted']:,}: {would_words(job)}"),
        ("issued", f"{job['issued']:,}"),
        ("phase", f"{job['phase']}, {job['progress']:.0%}"),
        ("ends about", moment(job["estimated_end_at"])),
        ("held until", moment(job["release_at"])),
        ("formats", ", ".join(job["formats"])),
    ]
    yield from aligned([fact for fact in facts if fact[1]])
    yield "history"
    yield from aligned([(moment(each["time"]), each["change"], f"by key {each['key_id']}") for each in job["history"]])


def list_lines(jobs: list[Job]) -> list[str]:
    """Tell of several jobs, a line each."""
    rows = [
        (
            job["id"],
            job["state"],
            f"{job['progress']:.0%}",
            f"{job['issued']:,} of {job['rows']:,} issued",
            f"{job['errors']:,} failed",
            moment(job["created_at"]),
            job["name"] or "",
        )
        for job in jobs
    ]
    return aligned(rows, "") if rows else ["There are no jobs."]


def _sample(sample: dict[str, Any]) -> tuple[str, ...]:
    dates = [f"{word} {moment(sample[f'valid_{word}'])}" for word in ("from", "until") if sample[f"valid_{word}"]]
    whose = [sample[member] for member in ("name", "email", "id") if sample[member]]
    return (f"row {sample['row']}", ", ".join(whose), " ".join(dates))
