"""`laurel status` and `deliveries`, and revoking one badge: what becomes of a badge that was issued."""

import os
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.connection import Connection, Refused, connect
from cli.ids import credential_id, plain_uuid
from cli.keys import Unusable
from cli.output import Json, aligned, give, moment, say

Badge = Annotated[str, typer.Argument(help="The badge: its id, its address, or a file that holds it.", metavar="ID")]

# The issuer's codes; any other text is the reason 'other', with that text as its note.
REASONS = "issued_in_error, withdrawn, superseded, key_compromise, other"


def revoke_one(badge: str, reason: str, *, as_json: bool) -> None:
    """Revoke one badge for good."""
    subject = credential_id(badge)
    connection = connect(os.environ, "institution", needs=["issuer"])
    before = _version_before(connection, subject)
    changed = connection.post("issuer", f"/v1/credentials/{subject}/revoke", {"reason": reason}).json()
    if as_json:
        give(changed)
    elif changed["version"] == before:
        say(f"{subject} was revoked already, at version {before}; nothing changed.")
    else:
        say(f"Revoked: {subject}, now at version {changed['version']}.")


def status(badge: Badge, as_json: Json = False) -> None:
    """Show the registry's record of a badge: how it stands and how that came. Its institution sees who and why.

    Example: laurel status https://badges.example/credentials/6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d
    """
    subject = credential_id(badge)
    connection = connect(os.environ, "institution", "operator", needs=["registry"], optional=True)
    record: dict[str, Any] = connection.get("registry", f"/v1/credentials/{subject}").json()
    if as_json:
        give(record)
        return
    issuer = record["issuer"] or {"name": "(not known yet)", "id": record["institution_id"]}
    facts = [_named(record)]
    facts += [("issued by", f"{issuer['name']}, {issuer['id']}"), ("issued at", moment(record["issued_at"]))]
    facts += [("verified", counted(record["verifications"]))] if "verifications" in record else []
    say(f"{record['status'].upper()}, version {record['version']}", *aligned(facts), "history")
    say(*aligned([_version(each) for each in record["history"]]))


def _named(record: dict[str, Any]) -> tuple[str, str]:
    if record["achievement"] is None:
        return "credential", ", ".join(record["types"]) or "(not kept)"
    return "badge", record["achievement"]["name"] or "(not known yet)"


def counted(times: int) -> str:
    """Say how often something was done."""
    return "never" if times == 0 else "once" if times == 1 else f"{times} times"


def deliveries(
    badge: Annotated[
        str | None, typer.Argument(help="The badge: its id, its address, or a file that holds it.", metavar="ID")
    ] = None,
    replay: Annotated[str | None, typer.Option(help="Send this delivery (again) now.", metavar="DELIVERY_ID")] = None,
    replay_from: Annotated[
        datetime | None, typer.Option(help="Send again what was sent from this time on (UTC).", metavar="TIME")
    ] = None,
    to: Annotated[datetime | None, typer.Option(help="Up to this time; without it up to now.", metavar="TIME")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Of the range, to this endpoint alone.")] = None,
    failed: Annotated[bool, typer.Option(help="Of the range, what failed alone.")] = False,
    as_json: Json = False,
) -> None:
    """Show who was told of a badge, with every attempt; or send one delivery again, or those of a time.

    With the institution's key, or the operator's. A mail that a learner has got is not sent again with a range.

    Example: laurel deliveries 6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d

    Example: laurel deliveries --replay 0198c0de-0000-7000-8000-000000000017

    Example: laurel deliveries --replay-from 2026-11-22T08:00:00 --to 2026-11-22T12:00:00 --failed
    """
    if sum(each is not None for each in (badge, replay, replay_from)) != 1:
        raise Unusable("Name a badge, or a delivery with --replay, or a time with --replay-from.")
    if replay_from:
        _replay_range(_span(replay_from, to, endpoint, failed), as_json)
        return
    subject = credential_id(badge) if badge else None
    delivery = plain_uuid(replay, "delivery") if replay else None
    connection = connect(os.environ, "institution", "operator", needs=["notifier"])
    if delivery:
        found = [connection.post("notifier", f"/v1/deliveries/{delivery}/replay").json()]
    else:
        found = list(connection.items("notifier", "/v1/deliveries", credential_id=subject))
    if as_json:
        give(found)
    elif not found:
        say("Nobody was told of it, or not by this institution.")
    for each in [] if as_json else found:
        say(*_delivery(each))


def _span(begin: datetime, end: datetime | None, endpoint: str | None, failed: bool) -> dict[str, Any]:
    first, last = begin.replace(tzinfo=UTC), (end or datetime.now(UTC)).replace(tzinfo=UTC)
    span = {"from": first.isoformat(), "to": last.isoformat()}
    if endpoint:
        span["endpoint_id"] = plain_uuid(endpoint, "endpoint")
    return {**span, "state": "failed"} if failed else span


def _replay_range(span: dict[str, Any], as_json: bool) -> None:
    connection = connect(os.environ, "institution", "operator", needs=["notifier"])
    replayed, cursor = 0, ""
    while True:
        path = "/v1/deliveries/replay" + (f"?cursor={cursor}" if cursor else "")
        answer = connection.post("notifier", path, span).json()
        replayed += answer["replayed"]
        cursor = answer["next"]
        if not cursor:
            break
    if as_json:
        give({"replayed": replayed})
    else:
        say(f"{replayed} deliveries are sent again.")


def _version_before(connection: Connection, subject: str) -> int | None:
    """Return a badge's version; None where this key may not read it, though it may revoke it."""
    try:
        return int(connection.get("issuer", f"/v1/credentials/{subject}").json()["version"])
    except Refused:
        return None


def _version(entry: dict[str, Any]) -> tuple[object, ...]:
    actor, reason = entry.get("actor"), entry.get("reason")
    told = _actor(actor) if actor else ""
    why = f"{reason['code']}{': ' + reason['note'] if reason['note'] else ''}" if reason else ""
    return entry["version"], entry["type"], moment(entry["time"]), told, why


def _actor(actor: dict[str, str]) -> str:
    """Say who did it: operator and system are one each, anybody else is one of many by the key that was used."""
    key = "" if actor["role"] in ("operator", "system") else f", key {actor['key_id']}"
    return f"by the {actor['role']}{key}"


def _delivery(delivery: dict[str, Any]) -> list[str]:
    target = delivery["channel"] + (f" to endpoint {delivery['endpoint_id']}" if delivery["endpoint_id"] else "")
    due = f", next attempt {moment(delivery['next_attempt_at'])}" if delivery["next_attempt_at"] else ""
    attempts = [
        (
            each["number"],
            moment(each["started_at"]),
            each["outcome"] or "under way",
            each["status"] or "",
            each["error"] or "",
        )
        for each in delivery["attempts"]
    ]
    head = f"{delivery['type']} by {target}: {delivery['state']}{due}"
    return [head, f"  id  {delivery['id']}", *(aligned(attempts, "    ") if attempts else [])]
