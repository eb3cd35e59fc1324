"""`laurel drill key-compromise`: a signing key was in other hands; what is done then, step by step."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cli.connection import Connection, Refused, connect
from cli.keys import Unusable
from cli.moments import instant
from cli.output import Json, aligned, give, moment, say
from cli.revocations import PATH, Seen, confirm, follow, look, tell, told

drill = typer.Typer(no_args_is_help=True, help="What is done when the worst has happened, and practised before.")

# Badges are accepted and logged in nearly the same order: behind so many that were logged in time come no others.
SETTLED = 200


@drill.callback()
def drills() -> None:
    """Take commands, however few there are."""


@dataclass(frozen=True)
class Plan:
    """What a drill finds: the key, the log as it was, and what is kept, lies on the border, came later."""

    institution_id: str
    key: Mapping[str, Any]
    since: str
    log: Mapping[str, Any]
    kept: int
    selections: tuple[Mapping[str, Any], ...]
    seen: tuple[Seen, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        found = {"key": self.key, "since": self.since, "log": self.log, "kept": self.kept}
        return {**found, "to_revoke": [each.as_json() for each in self.seen]}


@drill.command("key-compromise")
def key_compromise(
    key: Annotated[str, typer.Argument(help="The signing key: its id, or the DID URL that proofs name.")],
    since: Annotated[str, typer.Option(help="Since when it may have been in other hands: 2026-11-26T09:00:00Z.")],
    reissue: Annotated[
        bool, typer.Option("--reissue", help="Issue each revoked badge once more, under the new key.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    as_json: Json = False,
) -> None:
    """Withdraw a signing key, revoke what it signed since, keep what was logged before, and issue anew if you like.

    A badge is kept if it was in the transparency log before that time: whoever has the key can date a signature back,
    and can't put it into the log of yesterday. One that was accepted before and logged after it is revoked too.

    Interrupted, run the same command again: what is done is not done twice. Whether to --reissue is decided at the
    first run, for a badge that is revoked is not replaced any more. It needs a key with the scopes manage, revoke, read
    and, to issue anew, issue.

    Example: laurel drill key-compromise 0198c0de-0000-7000-8000-000000000017 --since 2026-11-26T09:00:00Z --reissue
    """
    connection = connect(os.environ, "institution", needs=["issuer", "registry", "verifier"])
    plan = _plan(connection, key, instant(since, "--since"), reissue=reissue)
    if dry_run and as_json:
        give(plan.as_json())
        return
    if not as_json:
        _tell(plan, reissue=reissue)
    if dry_run:
        return
    if not yes and not typer.confirm("Do this?", err=True):
        raise Unusable("Nothing was done.")
    withdrawn = _withdraw(connection, plan)
    if not as_json:
        say("1. The key is withdrawn; the one in use:", *aligned([("key", _name(withdrawn["in_use"]))]))
        say("2. Revoking." if not reissue else "2. Revoking, and issuing anew.")
    ended = [each for selection in plan.selections if (each := _revoke(connection, selection))]
    _report(withdrawn, ended, as_json=as_json)


def _plan(connection: Connection, named: str, since: str, *, reissue: bool) -> Plan:
    own = connection.get("issuer", "/v1/institutions/own").json()
    keys = connection.get("issuer", f"/v1/institutions/{own['id']}/signing-keys").json()["items"]
    key = next((each for each in keys if named in (each["id"], each["verification_method"])), None)
    if key is None:
        known = ", ".join(each["id"] for each in keys)
        raise Unusable(f"{named} is no signing key of {own['name']}. Its keys are: {known}.")
    if key["verification_method"].startswith("did:key:"):
        raise Unusable(
            "This key is a did:key, which can't be withdrawn: `laurel institution move` gives the institution a "
            f"did:web with another key; then `laurel revoke --key {key['id']} --from {since} --reason key_compromise`."
        )
    log = connection.get("registry", "/v1/log/size", at=since).json()
    before = {"signing_key_id": key["id"], "issued_to": since}
    border = list(_logged_late(connection, before, log))
    asked = {"reason": "key_compromise", **({"reissue": True} if reissue else {})}
    selections = [{**asked, "signing_key_id": key["id"], "issued_from": since}]
    selections += [{**asked, "ids": border}] if border else []
    body = {**asked, **before, "dry_run": True}
    kept = connection.post("issuer", PATH, body).json()["badges"] - len(border)
    seen = tuple(look(connection, each) for each in selections)
    return Plan(own["id"], key, since, log, kept, tuple(selections), seen)


def _logged_late(connection: Connection, before: Mapping[str, str], log: Mapping[str, Any]) -> Iterator[str]:
    """Give the badges that were accepted before the time and were not in the log by then, newest first."""
    in_time = 0
    for badge in connection.items("issuer", "/v1/credentials", **before):
        index = _log_index(connection, badge["id"])
        # In another log than the one that was written to then, an index tells nothing of that time.
        if index is None or (log["current"] and index >= log["size"]):
            in_time = 0
            yield badge["id"]
        elif (in_time := in_time + 1) == SETTLED:
            return


def _log_index(connection: Connection, credential_id: str) -> int | None:
    try:
        history = connection.get("registry", f"/v1/credentials/{credential_id}").json()["history"]
    except Refused as error:
        if error.status != 404:
            raise
        return None
    index: int | None = history[0]["log_index"]
    return index


def _tell(plan: Plan, *, reissue: bool) -> None:
    facts = [
        ("key", _name(plan.key)),
        ("withdrawn since", moment(plan.since)),
        ("the log had then", f"{plan.log['size']} leaves"),
        ("kept", f"{plan.kept} badges, which were in the log by then"),
        ("revoked", f"{sum(each.preview['badges'] for each in plan.seen)} badges"),
        ("issued anew", "each one that stands" if reissue else "none (--reissue)"),
    ]
    say("The plan:", *aligned(facts))
    for seen, which in zip(plan.seen, ("Signed later", "Accepted before, logged later"), strict=False):
        say("", f"{which}:")
        tell(seen)


def _withdraw(connection: Connection, plan: Plan) -> dict[str, Any]:
    path = f"/v1/institutions/{plan.institution_id}/signing-keys/{plan.key['id']}/withdraw"
    withdrawn: dict[str, Any] = connection.post("issuer", path, {"since": plan.since}).json()
    return withdrawn


def _revoke(connection: Connection, selection: Mapping[str, Any]) -> dict[str, Any] | None:
    """Revoke a selection as it is now that the key signs no more, or go on with what an earlier run has begun."""
    if begun := _begun(connection, selection):
        return follow(connection, begun)
    # Looked at anew: until it was withdrawn the key went on signing.
    preview = connection.post("issuer", PATH, {**selection, "dry_run": True}).json()
    if preview["badges"] == preview["already_revoked"]:
        return None
    return follow(connection, confirm(connection, Seen(selection, preview, {})))


def _begun(connection: Connection, selection: Mapping[str, Any]) -> dict[str, Any] | None:
    names = ("signing_key_id", "issued_from")
    wanted = {name: selection.get(name) for name in names}
    for each in connection.items("issuer", PATH):
        of = each["selection"]
        if each["ended_at"] is None and "ids" not in selection and {name: of.get(name) for name in names} == wanted:
            return each
    return None


def _report(withdrawn: Mapping[str, Any], ended: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        give({**withdrawn, "revocations": ended})
    elif not ended:
        say("Nothing was left to revoke.")
    for each in [] if as_json else ended:
        say(*told(each))
    if any(each["state"] != "done" for each in ended):
        raise typer.Exit(1)


def _name(key: Mapping[str, Any] | None) -> str:
    return f"{key['id']} ({key['algorithm']})" if key else "none"
