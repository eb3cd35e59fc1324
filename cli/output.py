"""What is printed: foreign text made harmless, columns that line up, one JSON value for programs."""

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

# Controls of terminals and of text direction, and characters that nobody sees: a name may not move what stands beside.
_UNSEEN = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")


def plain(text: object) -> str:
    r"""Return a text on one line, with whatever a terminal would obey or hide written as `\x1b` or `\u202e`."""
    return "".join(_escaped(each) if unicodedata.category(each) in _UNSEEN else each for each in str(text))


def say(*lines: str) -> None:
    """Print lines for people."""
    for line in lines:
        print(plain(line))


def warn(line: str) -> None:
    """Print a line beside the result."""
    print(plain(line), file=sys.stderr)


def give(value: Any) -> None:
    """Print one JSON value for programs; a terminal obeys nothing in it, for all but plain characters is escaped."""
    print(json.dumps(value, indent=2))


def moment(text: str | None) -> str:
    """Return a service's time (RFC 3339 in UTC) for people, to the second; nothing for none."""
    return f"{text[:10]} {text[11:19]} UTC" if text else ""


def aligned(rows: Iterable[Sequence[object]], indent: str = "  ") -> list[str]:
    """Return rows as lines whose columns line up."""
    cells = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
