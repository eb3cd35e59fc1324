"""`laurel issue`: one badge for one learner, or one for each row of a file."""

import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import orjson
import typer

from cli.connection import Connection, connect
from cli.files import write
from cli.ids import achievement_id, plain_uuid
from cli.jobs.course import Wish, issue_file, see_through
from cli.keys import Unusable
from cli.moments import instant
from cli.output import Json, give, plain, say
from cli.patience import patiently

FORMATS = (
    "eddsa-rdfc-2022 (if none is named), eddsa-jcs-2022, ecdsa-rdfc-2019; one of the tokens ob3-jwt, ob3-jwt-rs256, "
    "vc+jwt"
)
TOKENS = {"ob3-jwt", "ob3-jwt-rs256", "vc+jwt"}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# What the issuer takes as a job's name.
_LONGEST_NAME = 200


def issue(
    file: Annotated[
        str | None, typer.Argument(help="A CSV or .jsonl file, or - for standard input.", metavar="FILE")
    ] = None,
    achievement: Annotated[str, typer.Option(help="The achievement's id, address or exact name.")] = "",
    to: Annotated[str | None, typer.Option(help="Instead of a file: one learner's email.", metavar="EMAIL")] = None,
    name: Annotated[str | None, typer.Option(help="With --to: the learner's name, readable in the badge.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="With --to: write the badge there, as JSON; as its token instead where FILE ends in .jwt.",
            dir_okay=False,
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help=f"{FORMATS}. May be given several times.", metavar="FORMAT"),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            help="What a column of the file is: one of those below, or nothing ('Class:') to ignore it. May be given "
            "several times.",
            metavar="COLUMN:WHAT",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row, issue none.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Issue without asking.")] = False,
    later: Annotated[
        bool, typer.Option("--confirm-later", help="Check every row, and issue when 'laurel jobs confirm' says so.")
    ] = False,
    release_at: Annotated[
        str | None,
        typer.Option(
            help="Hold the badges until then (2027-01-31T08:00:00Z); cancelled before, nothing is left of them.",
            metavar="TIME",
        ),
    ] = None,
    undo: Annotated[
        str | None, typer.Option(help="The same, for so long once it is confirmed: 30m, 2h, 1d.", metavar="DURATION")
    ] = None,
    errors: Annotated[
        Path | None, typer.Option(help="Write the rows that failed there, to be mended and sent again.", dir_okay=False)
    ] = None,
    job: Annotated[
        str | None, typer.Option(help="Instead of a file: go on with one that was sent.", metavar="ID")
    ] = None,
    as_json: Json = False,
) -> None:
    """Issue badges: one to a learner, or one for each row of a file.

    A CSV file is UTF-8, with commas or semicolons; its first row names the columns: **name** (or **given_name**,
    **family_name**), **email**, **id**, **valid_from**, **valid_until**, **renewable_until**, **row_id**, **nth**,
    **json**; their usual names in other languages are known. Email or id is needed. A day alone (2027-01-31) begins or
    ends validity with that day, in UTC. A .jsonl file has a JSON object on each line. A row that fails stops no other.

    Every row is checked before the first badge is signed. On a terminal you see what will be issued, and are asked;
    with --yes, and where there is no terminal, it is issued at once; with --confirm-later somebody else may say so, as
    an institution may want (a second key). It goes on at the issuer when this command ends; --job follows it again.

    The formats ecdsa-rdfc-2019, ob3-jwt and ob3-jwt-rs256 need an institution with a did:web; one with a did:key has
    no key for them. A token is kept beside the JSON: it is at the badge's address with .jwt behind it.

    The same file may be sent again, whole, mended or in part: nobody is issued the same badge twice, and a row that
    says something else than before is refused. A learner who is to have a second one has 2 in the column nth.

    Exit code 0: all issued (or issued before, or held). 1: some rows failed, or you said no. 2: it could not be done.

    Example: laurel issue class.csv --achievement "First Aid at Work" --errors failed.csv

    Example: laurel issue class.csv --achievement "First Aid at Work" --format eddsa-rdfc-2022 --format vc+jwt

    Example: laurel issue class.csv --achievement "First Aid at Work" --undo 30m

    Example: laurel issue --to ada@example.org --name "Ada Example" --achievement "First Aid at Work" --out badge.json
    """
    for_files = bool(dry_run or yes or later or errors or mapping or release_at or undo)
    of_sending = bool(dry_run or later or formats or mapping or release_at or undo)
    _refuse(
        (
            sum(each is not None for each in (file, to, job)) != 1,
            "Name either a file of learners, or one learner with --to, or a file that was sent with --job.",
        ),
        (
            not achievement and job is None,
            "Which achievement? Name it by --achievement: its id, its address, or its exact name.",
        ),
        (to is not None and for_files, "With --to only --name, --out, --format and --json can be said: it is no file."),
        (dry_run + yes + later > 1, "Say one of --dry-run, --yes and --confirm-later."),
        (to is None and bool(name or out), "--name and --out go with --to."),
        (job is not None and of_sending, "What was sent can't be changed any more; --job takes --yes and --errors."),
        (release_at is not None and undo is not None, "Say either --release-at or --undo."),
        (
            any(":" not in each for each in mapping or ()),
            "--mapping takes COLUMN:WHAT, as 'Matrikel-Nr:row_id'; 'Klasse:' ignores a column.",
        ),
        (
            bool(out and out.suffix == ".jwt" and not TOKENS & set(formats or ())),
            "A token has to be asked for: --format ob3-jwt or --format vc+jwt.",
        ),
    )
    connection = connect(os.environ, "institution", needs=["issuer"])
    wish = Wish(dry_run=dry_run, yes=yes, later=later, errors=errors, as_json=as_json)
    if job is not None:
        see_through(connection, plain_uuid(job, "job"), wish)
    elif to is not None:
        recipient = {"email": to, **({"name": name} if name else {})}
        order = {"recipient": recipient, **({"formats": formats} if formats else {})}
        _issue_one(connection, achievement, order, out, as_json=as_json)
    elif file is not None:
        query: dict[str, Any] = {"achievement_id": achievement_id(connection, achievement), "name": _called(file)}
        query |= {"format": formats, "mapping": mapping, "undo_seconds": _seconds(undo)}
        query |= {"release_at": _later(release_at) if release_at else None}
        asked = {name: value for name, value in query.items() if value}
        issue_file(connection, file, replace(wish, query=asked))


def _refuse(*mistakes: tuple[bool, str]) -> None:
    for mistaken, sentence in mistakes:
        if mistaken:
            raise Unusable(sentence)


def _later(release_at: str) -> str:
    held = instant(release_at, "--release-at")
    if datetime.fromisoformat(held) <= datetime.now(UTC):
        raise Unusable(f"--release-at: {release_at} is over. Without it the badges are issued at once.")
    return held


def _seconds(duration: str | None) -> int | None:
    if duration is None:
        return None
    found = re.fullmatch(r"(\d{1,6})([smhd])", duration.strip())
    if not found:
        raise Unusable(f"{duration} is no duration: write 30m, 2h or 1d.")
    return int(found[1]) * _UNITS[found[2]]


def _called(file: str) -> str | None:
    return plain(Path(file).name)[:_LONGEST_NAME] if file != "-" else None


def _issue_one(
    connection: Connection, achievement: str, order: dict[str, Any], out: Path | None, *, as_json: bool
) -> None:
    body = {"achievement_id": achievement_id(connection, achievement), **order}
    key = f"laurel-issue-{uuid4()}"  # of this call alone: who asks again wants another
    made = orjson.loads(
        patiently(lambda: connection.post("issuer", "/v1/credentials", body, idempotency_key=key).content)
    )
    if out:
        document = orjson.dumps(made["credential"], option=orjson.OPT_INDENT_2).decode()
        write(out, (made["token"] if out.suffix == ".jwt" else document) + "\n", private=True)
    if as_json:
        give(made)
    else:
        say(f"Issued: {made['credential']['name']}", f"  id    {made['id']}", f"  page  {made['links']['badge']}")
        say(*([f"  file  {out}"] if out else []))
