"""`laurel verify`: whether a badge holds, in words and by exit code."""

import os
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer

from cli.connection import Connection, connect
from cli.files import read, read_json
from cli.keys import Unusable
from cli.output import Json, aligned, give, moment, say, warn

ROUTE = "/v1/verifications"
_TOKEN = re.compile(rb"e[wy][\w-]*\.[\w.~-]+")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
EXIT = {"valid": 0, "invalid": 1, "unknown": 3}
# Of a valid badge where somebody was named: what the recipient check comes to.
EXIT_FOR = {"pass": 0, "fail": 4, "unknown": 3}
TAKEN = "JSON, a signed token (JWT), or a PNG or SVG picture with the badge inside"
# Where the credential is in what issuing answered, whole; the latter is the VC-API's.
ANSWERED = ("credential", "verifiableCredential")
_TIMES = ("valid_from", "valid_until", "as_of", "status_as_of")
WORDS = {"valid": "VALID", "invalid": "NOT VALID", "unknown": "COULD NOT BE DECIDED"}
# How long --fresh asks again, and how often: a state reaches the verifier within a second.
PATIENCE = 20.0
PAUSE = 1.0


def verify(
    badge: Annotated[str, typer.Argument(help="A file, an address, or - for standard input.", metavar="FILE|URL|-")],
    email: Annotated[str | None, typer.Option(help="Whose badge it should be.")] = None,
    name: Annotated[str | None, typer.Option(help="Whose badge it should be.")] = None,
    person: Annotated[str | None, typer.Option("--id", help="Whose badge it should be: a DID or URL.")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask until the answer rests on all that was issued or revoked before now.")
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            help="Whether it held at that time: 2026-03-31T12:00:00Z, or a day, of which the end counts (UTC).",
            metavar="TIME",
        ),
    ] = None,
    require_inclusion: Annotated[
        bool, typer.Option("--require-inclusion", help="A badge of the registry must be in its transparency log.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Tell whether a badge is genuine and holds. No key is needed; an employer's is used where there is one.

    A file is JSON, a signed token (JWT), or a PNG or SVG picture with the badge inside.

    The verdict speaks of the badge alone. Where you name a person, the exit code speaks of whose badge it is too.

    Exit code 0: valid, and of the person named. 1: not valid. 2: it could not be asked. 3: it can't be decided, or
    whose badge it is can't. 4: valid, and somebody else's.

    Example: laurel verify badge.json --email ada@example.org && echo welcome
    """
    expected = {"email": email, "name": name, "id": person}
    if "" in expected.values():
        raise Unusable("Whose badge should it be? What names the person is empty.")
    named = {key: value for key, value in expected.items() if value}
    asked = _asked(badge, named, _time(as_of), require_inclusion=require_inclusion)
    connection = connect(os.environ, "employer", needs=["verifier"], optional=True)
    report = _fresh(connection, asked) if fresh else _ask(connection, asked)
    if as_json:
        give(report)
    else:
        _print(report)
    raise typer.Exit(_exit_code(report, named=bool(named)))


def _time(as_of: str | None) -> str | None:
    """Return the time that is asked about as the verifier takes it, which judges it; None for now."""
    if as_of is None or not _DAY.fullmatch(as_of):
        return as_of
    return None if as_of == f"{datetime.now(UTC):%Y-%m-%d}" else f"{as_of}T23:59:59Z"


def _exit_code(report: dict[str, Any], *, named: bool) -> int:
    """Whose badge it is decides nothing of the verdict, and much for whoever named a person."""
    if report["verdict"] != "valid" or not named:
        return EXIT[report["verdict"]]
    return EXIT_FOR.get(_outcome(report, "recipient") or "", EXIT["unknown"])


def _outcome(report: dict[str, Any], name: str) -> str | None:
    """What came of a check; None where the report has none of that name."""
    return next((check["outcome"] for check in report["checks"] if check["name"] == name), None)


@dataclass(frozen=True)
class Picture:
    """A picture that may have a badge inside, and the form's other fields: whose it should be, and when."""

    raw: bytes
    fields: dict[str, str]


def _asked(
    badge: str, expected: dict[str, str], as_of: str | None = None, *, require_inclusion: bool = False
) -> bytes | Picture:
    """Return the request; a badge's text stays as it is to the byte, so that the verifier alone judges it."""
    time = {} if as_of is None else {"as_of": as_of}
    members: dict[str, Any] = ({"expected_recipient": expected} if expected else {}) | time
    members |= {"require_inclusion": True} if require_inclusion else {}
    if badge.startswith(("http://", "https://")):
        return orjson.dumps({"url": badge, **members})
    raw = read(badge).removeprefix(b"\xef\xbb\xbf").strip()
    if raw.startswith((b"http://", b"https://")):
        return orjson.dumps({"url": raw.decode(errors="replace"), **members})
    if raw.startswith(b"\x89PNG") or (raw.startswith(b"<") and b"<svg" in raw[:4096].lower()):
        return Picture(raw, expected | time | ({"require_inclusion": "true"} if require_inclusion else {}))
    if _TOKEN.fullmatch(raw):
        return orjson.dumps({"token": raw.decode(), **members})
    said = read_json(badge, raw, TAKEN)
    if not isinstance(said, dict):
        raise Unusable(f"{badge} holds no badge: a badge is a JSON object.")
    inside = next((said[each] for each in ANSWERED if isinstance(said.get(each), dict)), None)
    if "@context" not in said and inside:
        return orjson.dumps({"credential": inside, **members})
    rest = orjson.dumps(members)[1:]
    return b'{"credential": ' + raw + (b", " if members else b"") + rest


def _ask(connection: Connection, asked: bytes | Picture) -> dict[str, Any]:
    if isinstance(asked, Picture):
        answer = connection.upload("verifier", ROUTE, asked.raw, asked.fields)
    else:
        answer = connection.post("verifier", ROUTE, asked)
    report: dict[str, Any] = answer.json()
    return report


def _fresh(connection: Connection, asked: bytes | Picture) -> dict[str, Any]:
    """Ask until the status is as it was when the first answer was given, or later; by the verifier's own clock.

    What others' lists say is kept for a short time, so of badges from elsewhere the first answer stands.
    """
    report = _ask(connection, asked)
    if not report["issuer"]["registered_name"]:
        return report
    began, deadline = report["verified_at"], time.monotonic() + PATIENCE
    while report["status_as_of"] is not None and report["status_as_of"] < began:
        if time.monotonic() > deadline:
            warn("The verifier has not heard of what happened since this command began.")
            break
        time.sleep(PAUSE)
        report = _ask(connection, asked)
    return report


def _print(report: dict[str, Any]) -> None:
    reason = f" ({report['reason']})" if report["reason"] else ""
    say(f"{WORDS[report['verdict']]}{reason}", report["summary"], "")
    credential = report["credential"]
    kind = credential.get("kind") or "badge"
    facts = [(kind, credential["name"]), ("id", credential["id"]), ("issuer", _issuer(report))]
    times = credential | report
    facts += [(name.replace("_", " "), moment(times[name])) for name in _TIMES if times.get(name)]
    if log := report.get("log"):
        facts.append(("log", f"leaf {log['log_index']} of {log['origin']}"))
    say(*aligned([(what, text) for what, text in facts if text]), "")
    say(*aligned([(each["outcome"], each["name"], each["detail"]) for each in report["checks"]]))


def _issuer(report: dict[str, Any]) -> str:
    """Say who issued it, and on what grounds that is known; a name that the badge claims is told as a claim."""
    issuer = report["issuer"]
    if _outcome(report, "standing") == "skipped":
        named = ", ".join(each for each in (issuer["claimed_name"], issuer["id"]) if each) or "nobody"
        return f"not looked at; it names {named}"
    if issuer["standing"] == "registered":
        return f"{issuer['registered_name']}, registered here as {issuer['id']}"
    if any(check.get("code") == "standing_not_known_then" for check in report["checks"]):
        return f"{issuer['registered_name']}, of whom it is not known how it stood here then, as {issuer['id']}"
    if issuer["registered_name"]:
        return f"{issuer['registered_name']}, registered here once and no longer, as {issuer['id']}"
    claim = f"; it calls itself {issuer['claimed_name']}" if issuer["claimed_name"] else ""
    if issuer["standing"] == "domain_verified":
        return f"somebody of whom only the domain is known, {issuer['id']}{claim}"
    return f"somebody unknown to this registry, {issuer['id'] or 'without an id'}{claim}"
