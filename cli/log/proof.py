"""`laurel log proof check`: whether a `.tlog-proof` file shows what it opens, with no network."""

import time
from binascii import Error as NotBase64
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cli.files import read
from cli.keys import Unusable
from cli.log.files import Finding
from cli.log.report import opened_entry
from cli.output import Json, aligned, give, say, warn
from shared.transparency.errors import TransparencyError
from shared.transparency.note_keys import NoteVerifier
from shared.transparency.policy import Log, Policy, parse_policy
from shared.transparency.proof_files import MAX_PROOF_FILE, Included, check_proof_file, read_proof_file

proof = typer.Typer(no_args_is_help=True, help="Files that prove that something is in a log (.tlog-proof).")


@proof.callback()
def proofs() -> None:
    """Take commands, however few there are."""


@proof.command("check")
def check(
    file: Annotated[str, typer.Argument(help="A .tlog-proof file, or - for standard input.", metavar="FILE|-")],
    vkey: Annotated[str | None, typer.Option(help="The log's key, `name+id+key`, from whom you trust.")] = None,
    policy: Annotated[
        Path | None, typer.Option(help="A policy (C2SP tlog-policy): logs, witnesses, quorum.", dir_okay=False)
    ] = None,
    entry: Annotated[
        str | None, typer.Option(help="The leaf's entry in hexadecimal, for a file that does not open it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that an entry is in a log, with no network, and say what the file opens it to.

    Who may see the badge has the opening in the file: facts and salt, of which the entry is the commitment. It does not
    show that nothing happened later: a revoked badge's issue stays in the log.

    Exit code 0: it is shown. 1: it is not. 2: it could not be checked.

    Example: laurel log proof check badge.tlog-proof --vkey "$VKEY"
    """
    trusted = _policy(vkey, policy)
    content = read(file, MAX_PROOF_FILE)
    try:
        opening = _opening(read_proof_file(content).extra)
        wanted = _entry(entry, opening)
        shown = check_proof_file(content, wanted, trusted, until=int(time.time()))
    except (TransparencyError, Finding) as error:
        warn(f"NOT SHOWN: {error}")
        raise typer.Exit(1) from error
    facts = opening["facts"] if opening else None
    if as_json:
        give({"result": "ok", **_said(shown), "entry": wanted.hex(), "facts": facts})
        return
    said = _said(shown)
    say(
        f"IN THE LOG {said['origin']}: leaf {said['log_index']} of {said['size']}, {len(said['cosigned_by'])} witnesses"
    )
    say(*(aligned(sorted(facts.items())) if facts else ["  It says nothing of what the entry commits to."]))


def _policy(vkey: str | None, file: Path | None) -> Policy:
    if (vkey is None) == (file is None):
        raise Unusable("Whom do you trust? Give the log's key with --vkey, or a policy with --policy.")
    try:
        if file is not None:
            return parse_policy(read(str(file)))
        return Policy((Log(NoteVerifier.parse(vkey or "")),))
    except TransparencyError as error:
        raise Unusable(f"There is nobody to trust: {error.detail}") from error


def _opening(extra: bytes | None) -> dict[str, Any] | None:
    """Read facts and salt out of a file's line of extra data; raises Finding for what is neither."""
    if extra is None:
        return None
    try:
        said = orjson.loads(extra)
        return {"facts": dict(said["facts"]), "salt": str(said["salt"])}
    except (ValueError, KeyError, TypeError) as error:
        raise Finding("The file's extra data opens nothing.") from error


def _entry(given: str | None, opening: Mapping[str, Any] | None) -> bytes:
    if given is None and opening is None:
        raise Unusable("The file does not open its leaf: say its entry with --entry.")
    try:
        opened = opened_entry(opening["salt"], opening["facts"]) if opening else b""
    except NotBase64 as error:
        raise Finding("The file's salt is none.") from error
    try:
        wanted = opened if given is None else bytes.fromhex(given)
    except ValueError as error:
        raise Unusable(f"{given} is no entry in hexadecimal.") from error
    if opening and opened != wanted:
        raise Finding("What the file opens is another entry than the one that is asked for.")
    return wanted


def _said(shown: Included) -> dict[str, Any]:
    return {
        "origin": shown.checkpoint.origin,
        "log_index": shown.index,
        "size": shown.checkpoint.size,
        "cosigned_by": sorted({each.verifier.name for each in shown.cosignatures}),
    }
