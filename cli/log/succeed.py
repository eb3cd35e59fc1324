"""`laurel log succeed`: a new log in the place of one that can't go on."""

import os
from typing import Annotated

import typer

from cli.connection import connect
from cli.keys import Unusable
from cli.output import Json, give, say


def succeed(
    origin: Annotated[str, typer.Argument(help="The log that can't go on, by its origin: its name in a checkpoint.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask: this can't be undone.")] = False,
    as_json: Json = False,
) -> None:
    """Begin a new log where the old one was forked or its database was lost, with the operator's key.

    Its name is the old one's with /2, /3 and so on; its first leaf is the last checkpoint that anybody can have of the
    old one, whose files stay served. Everybody who watches the log must be told: it has a new key.

    Try everything else first (docs/runbook.md, "The transparency log refuses").

    Example: laurel log succeed log.badges.example
    """
    connection = connect(os.environ, "operator", needs=["registry"])
    if not yes and not typer.confirm(f"Give up the log {origin} and begin another one? This can't be undone."):
        raise Unusable("Nothing was done.")
    made = connection.post("registry", "/v1/ops/log/succeed", {"after": origin}).json()
    if as_json:
        give(made)
        return
    say(f"{made['origin']} follows {made['after']}, which ended at {made['size']} leaves.", f"Its key: {made['vkey']}")
