"""One revocation of many badges: what it would be, whom it would reach, confirming it, following it to its end."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.connection import Connection, Refused, Silent
from cli.output import aligned, moment, say, warn
from cli.patience import patiently

PATH = "/v1/revocations"
# Of so many badges the issuer gives the ids, and so many the verifier takes at a time; two counts can't be added, for
# one employer may be in both.
MAX_REACH = 100_000
LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Seen:
    """A selection with its reason (`asked`), what the issuer says of it, and whom it would reach."""

    asked: Mapping[str, Any]
    preview: Mapping[str, Any]
    reach: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {**self.preview, "reach": dict(self.reach)}


def look(connection: Connection, asked: Mapping[str, Any]) -> Seen:
    """Ask what a revocation would be; nothing is changed. Raises Refused, Silent."""
    preview = connection.post("issuer", PATH, {**asked, "dry_run": True, "with_ids": True}).json()
    ids = preview.pop("credential_ids", None)
    return Seen(asked, preview, _reach(connection, preview["badges"], ids))


def confirm(connection: Connection, seen: Seen) -> dict[str, Any]:
    """Begin exactly what was seen; asked again where the answer is lost. Raises Refused where that has changed."""
    key, body = f"laurel-revoke-{uuid4()}", {**seen.asked, "digest": seen.preview["digest"]}
    begun: dict[str, Any] = patiently(lambda: connection.post("issuer", PATH, body, idempotency_key=key).json())
    return begun


def _reach(connection: Connection, badges: int, ids: list[str] | None) -> dict[str, Any]:
    """Return how many employers and watches a change would reach, as far as the verifier says it, or why it is not."""
    if not ids:
        most = f"it is counted for up to {MAX_REACH:,} badges, and these are {badges:,}"
        return {"employers": None, "watches": None, "not_counted": most if badges else "no badges"}
    try:
        found = connection.post("verifier", "/v1/reach", {"credential_ids": ids}).json()
        return {name: found[name] for name in ("employers", "watches")}
    except (Refused, Silent) as error:
        return {"employers": None, "watches": None, "not_counted": str(error)}


def tell(seen: Seen) -> None:
    """Print what would be revoked."""
    preview = seen.preview
    facts = [
        ("badges", preview["badges"]),
        ("learners", preview["learners"]),
        ("already revoked", preview["already_revoked"]),
        ("left to revoke", preview["badges"] - preview["already_revoked"]),
        ("employers who verified them", _counted(seen.reach, "employers")),
        ("watches that would tell", _counted(seen.reach, "watches")),
    ]
    say("What is selected:", *aligned(facts))
    if preview["samples"]:
        say("Some of them:")
        say(*aligned([(each["id"], each["status"], moment(each["issued_at"])) for each in preview["samples"]]))


def _counted(reach: Mapping[str, Any], what: str) -> str:
    if "not_counted" in reach:
        return f"not counted: {reach['not_counted']}"
    unsaid = "fewer than 5" if what == "employers" else "not said of fewer than 5 employers"
    return unsaid if reach[what] is None else f"{reach[what]}"


def follow(connection: Connection, begun: Mapping[str, Any]) -> dict[str, Any]:
    """Wait until a revocation has ended, with a bar on a terminal; return it as it is then, or as it is paused."""
    console = Console(stderr=True)
    columns = (TextColumn("revoking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("revoking", total=begun["badges"])
            while True:
                found = show(connection, begun["id"])
                progress.update(task, completed=found["done"])
                if found["state"] != "running":
                    return found
                time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        warn(
            f"The revocation goes on without you. `laurel revocations show {begun['id']} --follow` shows it again; "
            f"`laurel revocations pause` or `cancel {begun['id']}` stops it."
        )
        raise


def show(connection: Connection, revocation_id: str) -> dict[str, Any]:
    """Return how far a revocation is."""
    found: dict[str, Any] = patiently(lambda: connection.get("issuer", f"{PATH}/{revocation_id}").json())
    return found


def told(found: Mapping[str, Any]) -> list[str]:
    """Return how far a revocation is, in lines for people."""
    facts = [
        ("badges", found["badges"]),
        ("revoked", found["revoked"]),
        ("already revoked", found["already_revoked"]),
        ("reason", f"{found['reason']}: {found['note']}" if found["note"] else found["reason"]),
        ("confirmed", f"{moment(found['created_at'])}, by key {found['confirmed_by']}"),
    ]
    if found["reissue"]:
        facts.append(("issued anew", found["reissued"]))
    if found["trouble"]:
        facts.append(("paused by itself", found["trouble"]))
    if found["rate"]:
        facts.append(("pace", f"{found['rate']} a second, {found['seconds_left']} s left"))
    if found["ended_at"]:
        facts.append(("ended", moment(found["ended_at"])))
    return [f"{found['id']}  {found['state'].upper()}", *aligned(facts)]
