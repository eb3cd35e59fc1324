"""`laurel revoke` and `laurel revocations`: one badge, or many that were looked at before."""

import os
from typing import Annotated, Any, Literal

import typer

from cli.badges import REASONS, revoke_one
from cli.connection import Connection, connect
from cli.ids import achievement_id, credential_ids, plain_uuid
from cli.keys import Unusable
from cli.moments import instant
from cli.output import Json, aligned, give, moment, say
from cli.revocations import PATH, confirm, follow, look, show, tell, told

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask first.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what it would be, change nothing.")]
Id = Annotated[str, typer.Argument(help="The revocation's id.", metavar="ID")]

revocations = typer.Typer(no_args_is_help=True, help="Revocations of many badges: look at them, pause, resume, cancel.")


def revoke(
    badge: Annotated[
        str | None, typer.Argument(help="One badge: its id, its address, or a file that holds it.", metavar="ID")
    ] = None,
    reason: Annotated[
        str,
        typer.Option(
            help=f"Needed: {REASONS}; or words of your own, which the learner reads.",
            metavar="CODE|TEXT",
        ),
    ] = "",
    achievement: Annotated[
        str | None, typer.Option(help="Many: badges of this achievement (id, address or exact name).")
    ] = None,
    issued_from: Annotated[
        str | None, typer.Option("--from", help="Many: issued on this day or at this time, or later.", metavar="TIME")
    ] = None,
    issued_to: Annotated[
        str | None, typer.Option("--to", help="Many: issued before this time, or up to the end of this day (UTC).")
    ] = None,
    job: Annotated[str | None, typer.Option(help="Many: issued by this job.", metavar="ID")] = None,
    key: Annotated[
        str | None, typer.Option(help="Many: a proof or the token is signed with this signing key.", metavar="ID")
    ] = None,
    ids: Annotated[
        str | None, typer.Option(help="Many: a file with one badge a line, or - for standard input.", metavar="FILE")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Revoke a badge for good, with the institution's key; or many, once you have seen how many. Learners are told.

    What is given beside each other narrows the selection. Badges, learners and samples are shown first, and how many
    employers have verified them (from five on); then you are asked. Exactly what was shown is revoked: if a badge has
    come or changed meanwhile, nothing is. Repeated, it changes nothing.

    Example: laurel revoke 6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d --reason issued_in_error

    Example: laurel revoke --achievement "First Aid at Work" --from 2026-11-01 --to 2026-11-02 --reason issued_in_error
    """
    if not reason.strip():
        raise Unusable(f"Why is it revoked? Say so by --reason: {REASONS}; or words of your own.")
    many = any((achievement, issued_from, issued_to, job, key, ids))
    if bool(badge) == many:
        raise Unusable("Name either one badge, or many by --achievement, --from, --to, --job, --key or --ids.")
    if badge:
        if dry_run:
            raise Unusable("--dry-run is for many badges; `laurel status` shows one.")
        revoke_one(badge, reason, as_json=as_json)
        return
    connection = connect(os.environ, "institution", needs=["issuer", "verifier"])
    selection = {
        "achievement_id": achievement and achievement_id(connection, achievement),
        "issued_from": issued_from and instant(issued_from, "--from"),
        "issued_to": issued_to and instant(issued_to, "--to", until=True),
        "job_id": job and plain_uuid(job, "job"),
        "signing_key_id": key and plain_uuid(key, "signing key"),
        "ids": ids and credential_ids(ids),
    }
    asked = {"reason": reason, **{name: value for name, value in selection.items() if value}}
    _revoke_many(connection, asked, dry_run=dry_run, yes=yes, as_json=as_json)


def _revoke_many(connection: Connection, asked: dict[str, Any], *, dry_run: bool, yes: bool, as_json: bool) -> None:
    seen = look(connection, asked)
    if dry_run and as_json:
        give(seen.as_json())
        return
    if not as_json:
        tell(seen)
    if dry_run:
        return
    if seen.preview["badges"] == seen.preview["already_revoked"]:
        raise Unusable("There is nothing to revoke: no badge that is selected stands.")
    if not yes and not typer.confirm(f"Revoke these {seen.preview['badges']} badges for good?", err=True):
        raise Unusable("Nothing was revoked.")
    _end(follow(connection, confirm(connection, seen)), as_json=as_json)


def _end(found: dict[str, Any], *, as_json: bool) -> None:
    """Tell how a revocation ended; exit code 1 where not all of it was done."""
    if as_json:
        give(found)
    else:
        say(*told(found))
    if found["state"] != "done":
        raise typer.Exit(1)


@revocations.command("list")
def list_all(as_json: Json = False) -> None:
    """List the institution's revocations of many badges, newest first.

    Example: laurel revocations list
    """
    connection = connect(os.environ, "institution", needs=["issuer"])
    found = list(connection.items("issuer", PATH))
    if as_json:
        give(found)
    elif not found:
        say("None.")
    else:
        rows = [(each["id"], each["state"], f"{each['done']}/{each['badges']}", each["reason"]) for each in found]
        say(*aligned([(*row, moment(each["created_at"])) for row, each in zip(rows, found, strict=True)]))


@revocations.command("show")
def show_one(
    revocation: Id,
    follow_on: Annotated[bool, typer.Option("--follow", help="Until it has ended.")] = False,
    as_json: Json = False,
) -> None:
    """Show how far a revocation is.

    Example: laurel revocations show 0198c0de-0000-7000-8000-000000000017 --follow
    """
    connection = connect(os.environ, "institution", needs=["issuer"])
    found = show(connection, plain_uuid(revocation, "revocation"))
    if follow_on and found["ended_at"] is None:
        _end(follow(connection, found), as_json=as_json)
    elif as_json:
        give(found)
    else:
        say(*told(found))


@revocations.command("pause")
def pause(revocation: Id, as_json: Json = False) -> None:
    """Stop a revocation for now; what was revoked stays so.

    Example: laurel revocations pause 0198c0de-0000-7000-8000-000000000017
    """
    _command(revocation, "pause", as_json=as_json)


@revocations.command("resume")
def resume(revocation: Id, as_json: Json = False) -> None:
    """Go on with a revocation that is paused.

    Example: laurel revocations resume 0198c0de-0000-7000-8000-000000000017
    """
    _command(revocation, "resume", as_json=as_json)


@revocations.command("cancel")
def cancel(revocation: Id, as_json: Json = False) -> None:
    """End a revocation where it is; what was revoked stays so.

    Example: laurel revocations cancel 0198c0de-0000-7000-8000-000000000017
    """
    _command(revocation, "cancel", as_json=as_json)


def _command(revocation: str, command: Literal["pause", "resume", "cancel"], *, as_json: bool) -> None:
    connection = connect(os.environ, "institution", needs=["issuer"])
    path = f"{PATH}/{plain_uuid(revocation, 'revocation')}/{command}"
    found: dict[str, Any] = connection.post("issuer", path).json()
    if as_json:
        give(found)
    else:
        say(*told(found))
