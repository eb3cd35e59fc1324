"""`make interop`: badges of ours are verified by other people's programs, and theirs by ours; prints who takes what.

Needs Node.js with npm, for the packages that package.json names; no service runs. `docs/interop.md` explains each
difference that `differences.py` knows of; any other ends this with 1.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from shared.credentials.keys import algorithm_of
from tests.interop.differences import Difference, explanation
from tests.interop.ours import BADGES, exchanges, for_peers

HERE = Path(__file__).parent
HEADINGS = ("format, key, data model", "other program", "direction", "n", "accepted", "altered, refused", "differences")
NOT_EXPLAINED = "NOT EXPLAINED"


def main() -> int:
    """Exchange the badges, print the table, and return the exit code."""
    argparse.ArgumentParser("python -m tests.interop", description=__doc__).parse_args()
    if shutil.which("node") is None or shutil.which("npm") is None:
        sys.stderr.write("make interop needs Node.js 20 or newer, with npm.\n")
        return 2
    subprocess.run(["npm", "ci", "--silent"], cwd=HERE, check=True)
    console = Console(width=170)
    table = Table(
        "format, key, data model", "other program", "direction", "n", "accepted", "altered, refused", "differences"
    )
    unexplained = 0
    every = list(exchanges(versions()))
    jobs = [exchange.jobs() for exchange in every]
    answers = iter(asked([job for each in jobs for job in each]))
    for exchange, own in zip(every, jobs, strict=True):
        exchange.finish(list(islice(answers, len(own))))
        found = Counter(map(said_of, exchange.differences))
        unexplained += sum(number for text, number in found.items() if text.startswith(NOT_EXPLAINED))
        said = "\n".join(f"{number}: {text}" for text, number in found.items())
        key = algorithm_of(exchange.key)
        counts = map(str, (BADGES, exchange.accepted, exchange.refused))
        table.add_row(
            f"{exchange.suite}, {key}, {exchange.model}", exchange.peer_name, exchange.direction, *counts, said
        )
    console.print(table)
    console.print(f"{unexplained} differences that nothing explains.")
    return 1 if unexplained else 0


def said_of(difference: Difference) -> str:
    """Return what is known of a difference."""
    return explanation(difference) or f"{NOT_EXPLAINED}: {difference.said}"


def versions() -> dict[str, str]:
    """Return the version of each package that is named, from the lock."""
    packages = json.loads((HERE / "package-lock.json").read_text())["packages"]
    return {name.removeprefix("node_modules/"): package.get("version", "") for name, package in packages.items()}


def asked(jobs: list[dict[str, Any]]) -> list[Any]:
    """Let the other programs do their jobs, and return their answers."""
    with tempfile.TemporaryDirectory() as folder:
        given, answered = Path(folder) / "jobs.json", Path(folder) / "answers.json"
        given.write_text(json.dumps({"documents": for_peers(), "jobs": jobs}))
        subprocess.run(["node", "peers.mjs", str(given), str(answered)], cwd=HERE, check=True)
        return list(json.loads(answered.read_text()))


if __name__ == "__main__":
    sys.exit(main())
