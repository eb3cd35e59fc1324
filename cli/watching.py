"""`laurel watch`: an employer hears of badges whose answer changes."""

import os
from typing import Annotated, Any

import typer

from cli.connection import connect
from cli.ids import credential_id, plain_uuid
from cli.keys import Unusable
from cli.moments import instant
from cli.output import Json, aligned, give, moment, say

watch = typer.Typer(no_args_is_help=True, help="Badges to be watched, with an employer's key.")

ROUTE = "/v1/watches"
CHANGES = {
    "revoked": "was revoked",
    "replaced": "was revoked, another badge takes its place",
    "suspended": "was suspended",
    "reinstated": "holds again",
    "expired": "has expired",
    "key_withdrawn": "no longer holds: the key that signed it was withdrawn",
    "standing_changed": "is as it was; how its issuer stands here has changed",
}


@watch.callback()
def watches() -> None:
    """Take commands, however few there are."""


@watch.command("add")
def add(
    badge: Annotated[
        str | None, typer.Argument(help="The badge: its id, its address, or a file that holds it.", metavar="ID")
    ] = None,
    verification: Annotated[
        str | None, typer.Option(help="Or the id of one of your verifications of it.", metavar="ID")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="When it ends: a day (2028-06-30) or a time. A year, if not said.")
    ] = None,
    channel: Annotated[
        list[str] | None, typer.Option(help="Be told by webhook or mail, beside `laurel watch events`; repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Watch a badge: be told once of each change of the answer that verifying it would give. Its issuer never knows.

    Of a badge that is watched already, until when and by which channels is changed.

    Example: laurel watch add badge.json --until 2028-06-30 --channel webhook
    """
    if (badge is None) == (verification is None):
        raise Unusable("Name either a badge, or a verification with --verification.")
    if until:
        instant(until, "--until")  # refused here, in the words of this command; a day alone the verifier ends itself
    named = {"credential_id": credential_id(badge)} if badge else {}
    named |= {"verification_id": plain_uuid(verification, "verification")} if verification else {}
    body = {**named, "channels": channel or [], **({"until": until} if until else {})}
    made: dict[str, Any] = connect(os.environ, "employer", needs=["verifier"]).post("verifier", ROUTE, body).json()
    if as_json:
        give(made)
    else:
        say(f"Watching {made['credential_id']} until {moment(made['until'])}.", *aligned(_facts(made)))


@watch.command("list")
def listed(as_json: Json = False) -> None:
    """Show what is watched, and what was last told of it.

    Example: laurel watch list
    """
    found = list(connect(os.environ, "employer", needs=["verifier"]).items("verifier", ROUTE))
    if as_json:
        give(found)
    elif not found:
        say("No badge is watched.")
    for each in [] if as_json else found:
        say(f"{each['credential_id']}, {each['state']} until {moment(each['until'])}", *aligned(_facts(each)))


@watch.command("remove")
def remove(
    watch_id: Annotated[str, typer.Argument(help="The watch's id, as `laurel watch list` shows it.")],
    as_json: Json = False,
) -> None:
    """Watch a badge no longer. What was told stays in the feed.

    Example: laurel watch remove 6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d
    """
    subject = plain_uuid(watch_id, "watch")
    connect(os.environ, "employer", needs=["verifier"]).delete("verifier", f"{ROUTE}/{subject}")
    if as_json:
        give({"removed": subject})
    else:
        say(f"{subject} is watched no longer.")


@watch.command("events")
def events(
    after: Annotated[int, typer.Option(help="Only what came after this place, as the last call showed it.")] = 0,
    as_json: Json = False,
) -> None:
    """Show what was told of watched badges, oldest first, each change once.

    Example: laurel watch events --after 17 --json
    """
    connection = connect(os.environ, "employer", needs=["verifier"])
    found: list[dict[str, Any]] = []
    while (page := connection.get("verifier", f"{ROUTE}/events", after=after, limit=200).json())["items"]:
        found += page["items"]
        after = page["next"]
    if as_json:
        give({"items": found, "next": after})
        return
    for each in found:
        what = CHANGES.get(each["change"], f"is {each['verdict']} now")
        say(f"{each['place']}  {moment(each['changed_at'])}  {each['credential_id']} {what}.")
    say(f"Up to place {after}." if found else "Nothing has changed.")


def _facts(made: dict[str, Any]) -> list[tuple[str, str]]:
    answer, told = made["answer"], made["told"]
    stands = f"{answer['verdict']}, {answer['reason']}" if answer["reason"] else answer["verdict"]
    last = f"{told['change']}, {moment(told['told_at'])}" if told else "nothing so far"
    by = ", ".join([*made["channels"], "feed"])
    return [("id", made["id"]), ("answer", stands), ("told", last), ("by", by)]
