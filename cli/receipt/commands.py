"""`laurel receipt get` and `laurel receipt check`: what was answered, as a file that shows it without us."""

import os
import time
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.connection import connect
from cli.files import read, write
from cli.keys import Unusable
from cli.log.files import Finding
from cli.output import Json, give, say, warn
from cli.receipt.checking import NO_LATER, Result
from cli.receipt.checking import check as checked
from cli.receipt.form import Receipt, read_receipt, utc
from cli.receipt.trust import read_trust
from cli.verifying import ANSWERED
from shared.credentials.canonical import digest
from shared.credentials.errors import CredentialError
from shared.credentials.strict_json import read_json

UNPROVEN = 3
PENDING = "Not all of it is under a checkpoint of the log yet: fetch it again in a second."

receipt = typer.Typer(no_args_is_help=True, help="Receipts of verifications: fetch them, check them offline.")


@receipt.command("get")
def get(
    verification: Annotated[str, typer.Argument(help="The verification's id, as its report has it.", metavar="ID")],
    out: Annotated[Path | None, typer.Option(help="Write it into this file.", dir_okay=False)] = None,
) -> None:
    """Fetch the receipt of an answer, with the employer's key.

    The key is LAUREL_EMPLOYER_KEY, or what the file LAUREL_EMPLOYER_KEY_FILE has; it must be that of who asked.

    Exit code 0: here it is. 2: it could not be fetched. 3: it is pending, not all of it is in the log yet.

    Example: laurel receipt get 0d6c2b8e-1111-4222-8333-444455556666 --out receipt.json
    """
    connection = connect(os.environ, "employer", needs=["verifier"])
    answer = connection.get("verifier", f"/v1/verifications/{verification}/receipt")
    if answer.status_code != 200:
        warn(PENDING)
        raise typer.Exit(UNPROVEN)
    if out is None:
        say(answer.text)
    else:
        write(out, answer.text)


@receipt.command("check")
def check(
    file: Annotated[str, typer.Argument(help="A receipt, or - for standard input.", metavar="FILE|-")],
    vkey: Annotated[str | None, typer.Option(help="The log's key, `name+id+key`, from whom you trust.")] = None,
    policy: Annotated[
        str | None, typer.Option(help="A policy (C2SP tlog-policy) instead: logs, witnesses, quorum.", metavar="FILE")
    ] = None,
    max_cosignature_age: Annotated[
        int, typer.Option(help="How many seconds before the answer a cosignature counts from.", min=0)
    ] = 86_400,
    verifier_key: Annotated[
        str | None, typer.Option(help="The verifier's key (z6Mk…), from whom you trust.", metavar="KEY")
    ] = None,
    keys: Annotated[
        str | None,
        typer.Option(help="Its published keys instead, /.well-known/laurel-verifier.json as a file.", metavar="FILE"),
    ] = None,
    badge: Annotated[
        str | None, typer.Option(help="The badge that it should be about: JSON or a token.", metavar="FILE")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a receipt with no network: signature, openings, inclusion proofs, checkpoint, and that they fit the report.

    It speaks of the answer as it was given, whatever that was. That nothing happened to the badge later, it can't show.

    Exit code 0: it is proven. 1: something is wrong. 2: it could not be checked. 3: it is pending, or something is not
    proven: nobody was named whose key it should be, or a leaf is not opened.

    Example: laurel receipt check receipt.json --vkey "$VKEY" --keys laurel-verifier.json --badge badge.json
    """
    trust = read_trust(verifier_key=verifier_key, keys=keys, vkey=vkey, policy=policy, max_age=max_cosignature_age)
    wanted = None if badge is None else _digest(badge)
    try:
        said, read_as = read_receipt(read(file))
        if read_as is None:
            _tell_pending(as_json=as_json)
            raise typer.Exit(UNPROVEN)
        result = checked(said, read_as, trust, badge=wanted, now=int(time.time()))
    except Finding as error:
        if as_json:
            give({"result": "wrong", "detail": str(error)})
        else:
            warn(f"WRONG: {error}")
        raise typer.Exit(1) from error
    if as_json:
        give(_form(read_as, result))
    else:
        _print(read_as, result)
    raise typer.Exit(0 if result.proven else UNPROVEN)


def _tell_pending(*, as_json: bool) -> None:
    if as_json:
        give({"result": "pending"})
    else:
        warn(f"PENDING: {PENDING}")


def _form(receipt: Receipt, result: Result) -> dict[str, Any]:
    report = receipt.report
    return {
        "result": "proven" if result.proven else "unproven",
        "verification_id": str(report.id),
        "verdict": report.verdict,
        "reason": report.reason,
        "verified_at": report.verified_at.isoformat(),
        "shown": result.shown,
        "open": [*result.open, NO_LATER],
    }


def _print(receipt: Receipt, result: Result) -> None:
    report = receipt.report
    reason = f" ({report.reason})" if report.reason else ""
    of = f", of {utc(report.as_of)}" if report.as_of else ""
    word = "PROVEN" if result.proven else "NOT ALL PROVEN"
    say(f"{word}: on {utc(report.verified_at)} the answer was {report.verdict}{reason}{of}.")
    say("Checked:", *(f"  {each}" for each in result.shown))
    say("Not shown:", *(f"  {each}" for each in [*result.open, NO_LATER]))


def _digest(file: str) -> str:
    """Return the digest by which a badge is checked: of a document's RFC 8785 form, or of a token's text."""
    raw = read(file).removeprefix(b"\xef\xbb\xbf").strip()
    if not raw.startswith(b"{"):
        return sha256(raw).hexdigest()
    try:
        said = read_json(raw)
        inside = next((said[each] for each in ANSWERED if isinstance(said.get(each), dict)), None)
        return digest(inside if inside and "@context" not in said else said).hex()
    except CredentialError as error:
        raise Unusable(f"{file} is no badge: {error.detail}") from error
