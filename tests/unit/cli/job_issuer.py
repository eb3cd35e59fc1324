"""An issuer that takes files, for tests of commands: it answers as the real one does, and checks and issues at once."""

import csv
import io
import json
from typing import Any
from uuid import UUID

from tests.unit.cli.answering import Asked, Services, problem

PATH = "/issuer/v1/issuance-jobs"
ACHIEVEMENT = "6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d"
TOLD = ("row", "column", "code", "error")


class Issuer:
    """Rows whose name is 'bad' fail; a learner is issued once. A test may change a job between two looks."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.badges: dict[str, str] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.files: dict[str, tuple[list[str], list[list[str]]]] = {}
        self.refusals: list[Any] = []
        self.looks: list[dict[str, Any]] = []  # what the next looks see instead of the job as it is
        self.tells = True  # by events, that is
        services.answer(f"POST {PATH}", self.make)
        services.answer(f"GET {PATH}", lambda _: {"items": list(self.jobs.values()), "next": None})

    @property
    def job(self) -> dict[str, Any]:
        """The job that was made last."""
        return list(self.jobs.values())[-1]

    def make(self, asked: Asked) -> Any:
        assert asked.key == "institution-key"
        if self.refusals and (refusal := self.refusals.pop(0)):
            return refusal
        job_id, query = str(UUID(int=len(self.jobs) + 1)), asked.query
        header, *rows = csv.reader(io.StringIO(asked.raw.decode("utf-8-sig")))
        self.files[job_id] = header, rows
        bad = sum("bad" in row for row in rows)
        repeated = len(rows) - len({*map(tuple, rows)})
        before = sum(row[0] in self.badges for row in rows)
        self.jobs[job_id] = {
            **a_job(job_id),
            "rows": len(rows),
            "linted": len(rows),
            "errors": bad,
            "repeated": repeated,
            "already_issued": before,
            "valid": len(rows) - bad - before,
            "name": query.get("name", [None])[0],
            "release_at": query.get("release_at", [None])[0],
            "undo_seconds": int(query.get("undo_seconds", ["0"])[0]) or None,
        }
        for method, rest in (("GET", ""), ("GET", "/events"), ("GET", "/errors.csv"), ("GET", "/preview")):
            self.services.answer(f"{method} {PATH}/{job_id}{rest}", getattr(self, rest[1:].replace(".", "_") or "look"))
        for command in ("confirm", "cancel", "pause", "resume"):
            self.services.answer(f"POST {PATH}/{job_id}/{command}", self.change)
        if query["auto_confirm"] == ["true"]:
            self.confirm(job_id)
        return 202, {"id": job_id, "state": "linting"}

    def look(self, asked: Asked) -> Any:
        return {**self.jobs[_id(asked)], **(self.looks.pop(0) if self.looks else {})}

    def events(self, asked: Asked) -> Any:
        return sse(self.jobs[_id(asked)]) if self.tells else problem(404, "not_found", "There are no events here.")

    def preview(self, asked: Asked) -> Any:
        job_id = _id(asked)
        header, rows = self.files[job_id]
        job = {name: self.jobs[job_id][name] for name in ("rows", "valid", "errors", "already_issued", "repeated")}
        blank = {"id": None, "valid_from": None, "results": [], "evidence": []}
        samples = [{"row": 2, "email": rows[0][0], "name": rows[0][1], "valid_until": "2027-01-31T23:59:59Z", **blank}]
        errors = {"invalid_row": job["errors"]} if job["errors"] else {}
        mapping = {header[0]: "email", header[1]: "name"}
        return {**job, "errors_by_code": errors, "samples": samples, "mapping": mapping, "ignored_columns": ["Grade"]}

    def errors_csv(self, asked: Asked) -> Any:
        header, rows = self.files[_id(asked)]
        own = [place for place, name in enumerate(header) if name not in TOLD]
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow([*(header[place] for place in own), *TOLD])
        told = ["name", "invalid_row", 'is bad\x1b[31m,\u2028 and "odd"']
        writer.writerows(
            [*(row[place] for place in own), number, *told, *row[len(header) :]]
            for number, row in enumerate(rows, 2)
            if "bad" in row
        )
        return ("\ufeff" + text.getvalue()).encode()

    def change(self, asked: Asked) -> Any:
        job_id, command = _id(asked), asked.path.rpartition("/")[2]
        if command == "confirm":
            self.confirm(job_id)
        else:
            state = {"cancel": "cancelled", "pause": "paused", "resume": "running"}[command]
            self.jobs[job_id] |= {"state": state, "phase": state if command == "cancel" else "running"}
        return self.jobs[job_id]

    def confirm(self, job_id: str) -> None:
        job = self.jobs[job_id]
        if job["release_at"] or job["undo_seconds"]:
            until = job["release_at"] or "2026-11-26T10:30:00Z"
            job |= {"state": "held", "phase": "held", "release_at": until}
            return
        good = [row[0] for row in self.files[job_id][1] if "bad" not in row]
        job |= {"state": "done", "phase": "done", "issued": len({*good} - {*self.badges})}
        self.badges |= dict.fromkeys(good, job_id)


def a_job(job_id: str = str(UUID(int=1)), **members: Any) -> dict[str, Any]:
    """A job as the issuer shows it, waiting to be confirmed."""
    return {
        "id": job_id,
        "name": None,
        "achievement_id": ACHIEVEMENT,
        "state": "preview",
        "phase": "preview",
        "progress": 1.0,
        **dict.fromkeys(("rows", "linted", "valid", "errors", "already_issued", "repeated", "issued"), 0),
        "rate": None,
        "created_at": "2026-11-26T10:00:00Z",
        "started_at": "2026-11-26T10:00:00Z",
        "estimated_end_at": None,
        "release_at": None,
        "undo_seconds": None,
        "formats": ["eddsa-rdfc-2022"],
        "delimiter": ",",
        "reason": None,
        "reason_code": None,
        "history": [{"change": "created", "key_id": "k1", "time": "2026-11-26T10:00:00Z"}],
        **members,
    }


def sse(*jobs: dict[str, Any]) -> bytes:
    """Events as the issuer sends them."""
    return b"".join(f"event: job\ndata: {json.dumps(job)}\n\n".encode() for job in jobs)


def _id(asked: Asked) -> str:
    return asked.path.split("/")[4]
