"""`laurel trace`: one badge's way through all services, as a waterfall of text."""

import os
from typing import Annotated, Any

import typer

from cli.badges import Badge
from cli.connection import connect
from cli.ids import credential_id
from cli.output import Json, give, moment, plain, say

BAR = 40
NAME = 44


def trace(
    badge: Badge,
    statements: Annotated[bool, typer.Option("--statements", help="Show each statement to a database, too.")] = False,
    as_json: Json = False,
) -> None:
    """Show a badge's traces: issuing, outbox, record, deliveries, and the verifications of it. The operator's key.

    Single statements to databases are counted, and shown with --statements; --json gives everything.

    Example: laurel trace 6f1c3f5e-95a5-4a0c-8d5b-2c3f4a5b6c7d
    """
    subject = credential_id(badge)
    found: dict[str, Any] = connect(os.environ, needs=["console"]).get("console", f"/v1/traces/{subject}").json()
    if as_json:
        give(found)
        return
    if not found["traces"]:
        say(f"There is no trace of this badge; traces are kept for {found['kept_hours']} hours.")
    for each in found["traces"]:
        say(*waterfall(each, statements=statements), "")
    say(*[f"elsewhere: {url}" for url in found["elsewhere"]])


def waterfall(trace: dict[str, Any], *, statements: bool = True) -> list[str]:
    """Return a trace as lines: service, span, bar, offset and duration in milliseconds, and the time in the log.

    Without `statements` those to databases are left out, and a last line says how many.
    """
    spans = trace["spans"]
    whole = max([trace["duration_ms"], *(span["offset_ms"] + span["duration_ms"] for span in spans)], default=0)
    what = "a verification" if trace["relation"] == "verification" else "the badge itself"
    times = f"{moment(trace['started_at'])}, {trace['duration_ms']:.0f} ms"
    head = f"{trace['title']} ({what}), {times}, trace {trace['trace_id']}"
    shown = [span for span in spans if statements or not _is_statement(span)]
    left = len(spans) - len(shown)
    told = f"{left} statement{'' if left == 1 else 's'} to databases left out; --statements shows them."
    return [head, *[_line(span, whole) for span in shown], *([told] if left else [])]


def _is_statement(span: dict[str, Any]) -> bool:
    """Tell whether a span is a single statement to a database, as the console's page tells it."""
    return any(name.startswith("db.") for name in span["attributes"])


def _line(span: dict[str, Any], whole: float) -> str:
    name = _cut("  " * min(span["depth"], 8) + span["name"] + (" !" if span["status"] == "error" else ""), NAME)
    times = f"{span['offset_ms']:10.1f} {span['duration_ms']:10.1f} ms"
    in_log = span["attributes"].get("laurel.in_log_ms")
    waited = "" if in_log is None else f", after {in_log:.1f} ms in the log"
    return f"{_cut(span['service'].removeprefix('laurel-'), 9)} {name} |{bar(span, whole)}| {times}{waited}"


def bar(span: dict[str, Any], whole: float) -> str:
    """Return a span's place in its trace, `BAR` characters wide; the shortest span is seen too."""
    scale = BAR / whole if whole > 0 else 0
    first = max(0, min(BAR - 1, int(span["offset_ms"] * scale)))
    length = max(1, min(BAR - first, round(span["duration_ms"] * scale)))
    return f"{' ' * first}{'=' * length}".ljust(BAR)


def _cut(text: str, width: int) -> str:
    text = plain(text)
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"
