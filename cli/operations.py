"""What an operator asks of one service: replay dead letters, restart, rebuild copies, send everything again."""

import json
import os
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.connection import connect
from cli.output import Json

Service = StrEnum("Service", ["issuer", "registry", "verifier", "notifier"])


def replay(
    service: Service,
    ids: Annotated[
        list[int] | None, typer.Option("--id", help="One dead letter; may be repeated. Absent: all of them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take dead letters up again, as if they had just come.

    Example: laurel replay notifier --id 17
    """
    count = _post(service, "replay", {"ids": ids})
    _tell(as_json, count, f"{count} dead letters of the {service} are taken up again.")


def discard(
    service: Service,
    ids: Annotated[list[int], typer.Option("--id", help="One dead letter; may be repeated.")],
    as_json: Json = False,
) -> None:
    """Drop dead letters for good, where nothing can be made of them. Until then what they speak of is 'unknown'.

    Example: laurel discard verifier --id 17
    """
    count = _post(service, "discard", {"ids": ids})
    _tell(as_json, count, f"{count} dead letters of the {service} are gone.")


def restart(service: Service, consumer: str, as_json: Json = False) -> None:
    """Let a consumer that stopped for want of records go on at the earliest that is there. Refeed what it lost first.

    Example: laurel restart registry laurel.registry.record
    """
    count = _post(service, "restart", {"consumer": consumer})
    _tell(as_json, count, f"{consumer} reads {count} partitions from their earliest records on.")


def rebuild(service: Service, as_json: Json = False) -> None:
    """Empty a service's copies of others' state, and let them be read anew. Nobody is told anything again.

    Example: laurel rebuild verifier
    """
    _post(service, "rebuild")
    _tell(as_json, 1, f"The {service} reads its copies anew; until it has, some of its answers are 'unknown'.")


def refeed(service: Service, as_json: Json = False) -> None:
    """Have a service send every event and state of its tables again, for one that lost them. Ids stay the same.

    Example: laurel refeed issuer
    """
    count = _post(service, "refeed")
    _tell(as_json, count, f"The {service} sends {count} records again.")


def dead_letters(service: Service, as_json: Json = False) -> None:
    """List the records that a service gave up, oldest first.

    Example: laurel dead-letters registry --json
    """
    letters = list(connect(os.environ).items(service, "/v1/ops/dead-letters"))
    if as_json:
        print(json.dumps(letters))
    elif not letters:
        print(f"The {service} has no dead letters.")
    else:
        _print(letters)


def _post(service: str, operation: str, body: Any = None) -> int:
    done: dict[str, int] = connect(os.environ).post(service, f"/v1/ops/{operation}", body).json()
    return done["count"]


def _tell(as_json: bool, count: int, sentence: str) -> None:
    print(json.dumps({"count": count}) if as_json else sentence)


def _print(letters: list[dict[str, Any]]) -> None:
    columns = ("id", "held_at", "consumer", "topic", "partition", "offset", "aggregate", "type", "attempts", "reason")
    table = Table(*columns)
    for letter in letters:
        table.add_row(*(str(letter[column]) for column in columns))
    Console(soft_wrap=True).print(table)
