"""`laurel suspend`, `reinstate`, `replace` and `renew`: what an institution does to a badge beside revoking it."""

import os
from typing import Annotated, Any
from uuid import uuid4

import typer

from cli.badges import REASONS, Badge
from cli.connection import connect
from cli.files import read, read_json
from cli.ids import credential_id
from cli.keys import Unusable
from cli.moments import instant
from cli.output import Json, give, moment, say
from cli.patience import patiently

Reason = Annotated[
    str,
    typer.Option(help=f"Needed: {REASONS}; or words of your own, which the learner reads.", metavar="CODE|TEXT"),
]
Until = Annotated[str | None, typer.Option(help="Until when it holds; a day alone: to its end.", metavar="DAY|TIME")]
From = Annotated[str | None, typer.Option(help="From when it holds.", metavar="DAY|TIME")]


def suspend(badge: Badge, reason: Reason = "", as_json: Json = False) -> None:
    """Let a badge not hold for a while, with the institution's key. The learner is told.

    Only badges of an achievement that says so (suspendable) can be suspended. Repeated, it changes nothing.

    Example: laurel suspend 6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d --reason "Under appeal"
    """
    _change(badge, "suspend", reason, "Suspended", as_json=as_json)


def reinstate(badge: Badge, reason: Reason = "", as_json: Json = False) -> None:
    """Let a suspended badge hold again. The learner is told. Repeated, it changes nothing.

    Example: laurel reinstate 6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d --reason "The appeal was won"
    """
    _change(badge, "reinstate", reason, "Reinstated", as_json=as_json)


def replace(
    badge: Badge,
    name: Annotated[str | None, typer.Option(help="The learner's name as it should read.")] = None,
    email: Annotated[str | None, typer.Option(help="The learner's address as it should be.")] = None,
    learner: Annotated[str | None, typer.Option("--id", help="The learner's id: a DID, a URL.", metavar="ID")] = None,
    valid_from: From = None,
    valid_until: Until = None,
    members: Annotated[
        str | None,
        typer.Option("--with", help="JSON of an order's members that differ: evidence, results ...", metavar="FILE"),
    ] = None,
    reason: Annotated[str, typer.Option(help=f"{REASONS}, or words of your own.", metavar="CODE|TEXT")] = "",
    as_json: Json = False,
) -> None:
    """Issue a badge anew with what was wrong put right; the old one is revoked as superseded, and each names the other.

    What is not given stays as it was.

    Example: laurel replace 6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d --name "Ada Lovelace"
    """
    asked = read_json(members, read(members), "an object") if members else {}
    if not isinstance(asked, dict):
        raise Unusable(f"{members} holds no JSON object.")
    recipient = _given(name=name, email=email, id=learner)
    asked |= _dates(valid_from, valid_until) | _given(reason=reason.strip() or None)
    asked |= {"recipient": {**asked.get("recipient", {}), **recipient}} if recipient else {}
    if not set(asked) - {"reason"}:
        raise Unusable(
            "What is to differ? Say so by --name, --email, --id, --valid-from, --valid-until or --with FILE."
        )
    _make(badge, "replace", asked, "Replaced", as_json=as_json)


def renew(badge: Badge, valid_until: Until = None, valid_from: From = None, as_json: Json = False) -> None:
    """Issue a badge anew with new dates; the old one stays as it is, and says which badge renews it.

    Without --valid-until it holds as much longer as the old one did.

    Example: laurel renew 6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d --valid-until 2029-01-31
    """
    _make(badge, "renew", _dates(valid_from, valid_until), "Renewed", as_json=as_json)


def _change(badge: str, command: str, reason: str, done: str, *, as_json: bool) -> None:
    if not reason.strip():
        raise Unusable(f"Why? Say so by --reason: {REASONS}; or words of your own.")
    changed = _post(badge, command, {"reason": reason})
    if as_json:
        give(changed)
    else:
        say(f"{done}: {changed['id']}, now at version {changed['version']}.")


def _make(badge: str, command: str, asked: dict[str, Any], done: str, *, as_json: bool) -> None:
    key = f"laurel-{command}-{uuid4()}"  # of this call alone
    made = patiently(lambda: _post(badge, command, asked, key))
    if as_json:
        give(made)
        return
    say(f"{done}. The new badge: {made['credential']['name']}", f"  id    {made['id']}")
    say(f"  page  {made['links']['badge']}")
    if until := made["credential"].get("validUntil"):
        say(f"  until {moment(until)}")


def _post(badge: str, command: str, body: dict[str, Any], key: str | None = None) -> dict[str, Any]:
    subject = credential_id(badge)
    connection = connect(os.environ, "institution", needs=["issuer"])
    path = f"/v1/credentials/{subject}/{command}"
    answer: dict[str, Any] = connection.post("issuer", path, body, idempotency_key=key).json()
    return answer


def _dates(valid_from: str | None, valid_until: str | None) -> dict[str, Any]:
    begins = instant(valid_from, "--valid-from") if valid_from else None
    ends = instant(valid_until, "--valid-until", until=True) if valid_until else None
    return _given(valid_from=begins, valid_until=ends)


def _given(**members: str | None) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
