"""The commands of `laurel`."""

import sys

import typer

from cli.check import ledger_check
from cli.connection import Unusable
from cli.operations import dead_letters, discard, rebuild, refeed, replay, restart

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,  # they may hold keys
    help="Laurel on the command line.\n\n"
    "Addresses and keys come from the environment, never from arguments: LAUREL_URL_ISSUER, _REGISTRY, _VERIFIER, "
    "_NOTIFIER; LAUREL_OPERATOR_KEY_FILE or LAUREL_OPERATOR_KEY. What is not set is read from demo.json in LAUREL_HOME "
    "(.laurel), where `make up` wrote it.\n\n"
    "Example: LAUREL_HOME=/srv/laurel laurel ledger-check",
)


@app.callback()
def laurel() -> None:
    """Take commands, however few there are."""


app.command("ledger-check")(ledger_check)
app.command("dead-letters")(dead_letters)
app.command("replay")(replay)
app.command("discard")(discard)
app.command("restart")(restart)
app.command("rebuild")(rebuild)
app.command("refeed")(refeed)


def main() -> None:
    """Run the command that the arguments name; what keeps it from its work is a message and exit code 2."""
    try:
        app()
    except Unusable as error:
        print(error, file=sys.stderr)
        sys.exit(2)
