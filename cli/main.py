"""The commands of `laurel`."""

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from cli.achievements import achievement
from cli.badges import deliveries, status
from cli.changing import reinstate, renew, replace, suspend
from cli.check import ledger_check
from cli.drilling import drill
from cli.issuing import issue
from cli.jobs.commands import jobs
from cli.keys import Unusable
from cli.log.commands import log
from cli.operations import dead_letters, discard, rebuild, refeed, replay, restart
from cli.output import warn
from cli.people import institution, sandbox
from cli.receipt.commands import receipt
from cli.revoking import revocations, revoke
from cli.tracing import trace
from cli.verifying import verify
from cli.watching import watch
from cli.witness import witness

OPERATORS = "For operators"


class _Laurel(TyperGroup):
    """The commands, in whose help a flag takes no value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _hide_types_of_flags(self, ctx)
        return super().parse_args(ctx, args)


def _hide_types_of_flags(command: Any, ctx: Any) -> None:
    """Let the help say `--json`, not `--json <bool>`, of a command and all those in it."""
    for each in command.get_params(ctx):
        if getattr(each, "is_flag", False):
            each.metavar = ""
    for each in getattr(command, "commands", {}).values():
        _hide_types_of_flags(each, ctx)


app = typer.Typer(
    cls=_Laurel,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,  # they may hold keys
    help="Laurel on the command line.\n\n"
    "Addresses and keys come from the environment, never from arguments: LAUREL_URL_ISSUER, _REGISTRY, _VERIFIER, "
    "_NOTIFIER, _CONSOLE; LAUREL_INSTITUTION_KEY_FILE or LAUREL_INSTITUTION_KEY, and the same with EMPLOYER and "
    "OPERATOR. What is not set is read from demo.json in LAUREL_HOME (.laurel), where `make up` wrote it.\n\n"
    "Exit code 2: it could not be done, and a sentence says why.\n\n"
    "Example: LAUREL_HOME=/srv/laurel laurel verify badge.json",
)


@app.callback()
def laurel() -> None:
    """Take commands, however few there are."""


app.command("issue")(issue)
app.command("verify")(verify)
app.command("revoke")(revoke)
app.command("suspend")(suspend)
app.command("reinstate")(reinstate)
app.command("replace")(replace)
app.command("renew")(renew)
app.command("status")(status)
app.command("deliveries")(deliveries)
app.add_typer(jobs, name="jobs")
app.add_typer(achievement, name="achievement")
app.add_typer(drill, name="drill")
app.add_typer(log, name="log")
app.add_typer(receipt, name="receipt")
app.add_typer(revocations, name="revocations")
app.add_typer(watch, name="watch")
app.add_typer(institution, name="institution", rich_help_panel=OPERATORS)
app.add_typer(sandbox, name="sandbox", rich_help_panel=OPERATORS)
app.add_typer(witness, name="witness", rich_help_panel=OPERATORS)
app.command("trace", rich_help_panel=OPERATORS)(trace)
app.command("ledger-check", rich_help_panel=OPERATORS)(ledger_check)
app.command("dead-letters", rich_help_panel=OPERATORS)(dead_letters)
app.command("replay", rich_help_panel=OPERATORS)(replay)
app.command("discard", rich_help_panel=OPERATORS)(discard)
app.command("restart", rich_help_panel=OPERATORS)(restart)
app.command("rebuild", rich_help_panel=OPERATORS)(rebuild)
app.command("refeed", rich_help_panel=OPERATORS)(refeed)


def main() -> None:
    """Run the command that the arguments name; what keeps it from its work is a message and exit code 2."""
    try:
        app()
    except Unusable as error:
        warn(str(error))
        sys.exit(2)
