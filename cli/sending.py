"""Sends rows to the issuer in batches and tells what became of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from cli.connection import Connection
from cli.patience import patiently
from cli.rows import Problem, Row

ROWS = 200
# Below what a service takes (1 MiB).
BYTES = 500_000
_OTHERWISE = (
    "In the last 7 days this learner got this badge with other details, and was not issued another. Write 2 into a "
    "column 'nth' if it is to be a second one; a badge that is wrong can be revoked."
)


@dataclass(frozen=True)
class Outcome:
    """What became of a row: `valid` says that a dry run would issue it."""

    row: int
    status: Literal["issued", "already_issued", "valid", "error"]
    id: str | None = None
    problem: Problem | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        found = {"row": self.row, "status": self.status, "id": self.id}
        if self.problem:
            found |= {"column": self.problem.column, "code": self.problem.code, "error": self.problem.sentence}
        return {name: value for name, value in found.items() if value is not None}


def send(connection: Connection, achievement: str, rows: Sequence[Row], asked: Mapping[str, Any]) -> Iterator[Outcome]:
    """Yield what becomes of each row, those that can't be sent first; `asked` is what is asked of every batch.

    Raises Refused where the issuer takes none of them, and Silent where it does not answer; all rows may be sent again.
    """
    yield from (Outcome(row.number, "error", problem=row.problem) for row in rows if row.problem)
    for chunk in chunks([(row, row.order(achievement)) for row in rows if not row.problem]):
        body = {"achievement_id": achievement, "recipients": [order for _, order in chunk], **asked}
        results = patiently(lambda body=body: connection.post("issuer", "/v1/credentials/batch", body).json())  # type: ignore[misc]
        yield from (_outcome(chunk[each["index"]][0], each) for each in results["results"])


def chunks(orders: Sequence[tuple[Row, dict[str, Any]]]) -> Iterator[list[tuple[Row, dict[str, Any]]]]:
    """Cut orders into batches that are bounded in rows and bytes."""
    chunk: list[tuple[Row, dict[str, Any]]] = []
    size = 0
    for each in orders:
        more = len(orjson.dumps(each[1]))
        if chunk and (len(chunk) == ROWS or size + more > BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(each)
        size += more
    if chunk:
        yield chunk


def _outcome(row: Row, result: dict[str, Any]) -> Outcome:
    if result["status"] == "error":
        return Outcome(row.number, "error", problem=_problem(result["error"]))
    again = result["status"] == "issued" and result.get("already_issued")
    return Outcome(row.number, "already_issued" if again else result["status"], result.get("id"))


def _problem(error: dict[str, str]) -> Problem:
    """Read the issuer's word on a row; of a member that is wrong, the detail begins with its name."""
    if error["code"] == "idempotency_key_reused":
        return Problem(None, error["code"], _OTHERWISE)
    column, found, sentence = error["detail"].partition(": ")
    if error["code"] != "invalid_row" or not found:
        return Problem(None, error["code"], error["detail"])
    return Problem(None if column == "row" else column, error["code"], sentence.removeprefix("Value error, "))
