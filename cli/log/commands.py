"""The commands of `laurel log`."""

import typer

from cli.check import reconcile
from cli.log.audit import audit
from cli.log.export import export
from cli.log.proof import proof
from cli.log.report import check_report, report
from cli.log.succeed import succeed

log = typer.Typer(no_args_is_help=True, help="The transparency log: audit it, copy it, open it.")
log.command("audit")(audit)
log.command("export")(export)
log.command("report")(report)
log.command("check-report")(check_report)
log.command("reconcile")(reconcile)
log.add_typer(proof, name="proof")
log.command("succeed")(succeed)
