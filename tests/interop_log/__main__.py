"""`make interop-log`: programs that others wrote in Go check our logs, and ours checks theirs; prints the counts.

Needs Go, and the Go modules that go.mod names, by version and hash. Ends with 1 where the two sides differ.
`python -m tests.interop_log --served URL` lets Tessera's fsck check a log that is served at URL instead.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from tests.interop_log.logs import WrittenLog
from tests.interop_log.questions import Asked, asked_of
from tests.interop_log.theirs import of_tessera, of_the_peer, read_answers

HERE = Path(__file__).parent
SIZES = (1, 2, 255, 256, 257, 65_536 + 3)
PROOFS = 1_000  # of each kind, in the largest log; a hundredth of that in the others
FSCK_SECONDS = 300
FSCK, TESSERA = "github.com/transparency-dev/tessera/cmd/fsck", "github.com/transparency-dev/tessera"

# What was checked, by whom, how many of those that are right were accepted, how many altered ones refused.
Row = tuple[str, str, str, str]


def main() -> int:
    """Let each side check the other's, print the table, and return the exit code."""
    arguments = argparse.ArgumentParser("python -m tests.interop_log", description=__doc__)
    arguments.add_argument("--served", help="the address of a log, as http://127.0.0.1:8002/log")
    served = arguments.parse_args().served
    if shutil.which("go") is None:
        sys.stderr.write("make interop-log needs Go: no `go` stands in PATH.\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="laurel-interop-log-") as folder:
        scratch = Path(folder)
        if not built(scratch):
            return 2
        rows = [fsck_of_served(scratch, served)] if served else everything(scratch)
    table = Table("what", "checked by", "right, accepted", "altered, refused")
    for row in rows:
        table.add_row(*row)
    Console(width=150).print(table)
    return 0 if all(whole(text) for row in rows for text in row[2:]) else 1


def built(scratch: Path) -> bool:
    """Build the peer and fsck; say what is missing where that can't be done."""
    for name, package in (("peer", "."), ("fsck", FSCK)):
        made = subprocess.run(["go", "build", "-o", str(scratch / name), package], cwd=HERE, check=False)
        if made.returncode:
            sys.stderr.write(
                f"make interop-log could not build {package}: it needs the Go version and the modules of "
                f"{HERE.name}/go.mod, which Go loads from the module proxy that `go env GOPROXY` names.\n",
            )
            return False
    return True


def everything(scratch: Path) -> list[Row]:
    """Write logs of every size, and let both sides check."""
    random, asked, rows = Random(6), [], []
    for size in SIZES:
        log = WrittenLog(size)
        asked += asked_of(log, PROOFS if size == max(SIZES) else PROOFS // 100, random)
        rows.append(fsck_of_folder(scratch, log))
    answers = ask(scratch, asked)
    return [*answered(asked, answers), *rows, *read_by_us(answers["made"])]


def ask(scratch: Path, asked: list[Asked]) -> dict[str, Any]:
    """Let the peer answer every question, and make a log of its own."""
    given: dict[str, Any] = {"sizes": list(SIZES)}
    for each in asked:
        given.setdefault(each.kind, []).append(each.question)
    (scratch / "questions.json").write_text(json.dumps(given))
    command = [str(scratch / "peer"), str(scratch / "questions.json"), str(scratch / "answers.json")]
    subprocess.run(command, check=True)
    return read_answers(scratch / "answers.json")


def answered(asked: list[Asked], answers: dict[str, Any]) -> list[Row]:
    """Count, for each kind of question, what was accepted and what refused."""
    by = {
        "inclusions": "golang.org/x/mod/sumdb/tlog CheckRecord",
        "consistency": "golang.org/x/mod/sumdb/tlog CheckTree",
        "checkpoints": "golang.org/x/mod/sumdb/note, transparency-dev/formats",
        "proof_files": "transparency-dev/formats proof, sumdb/tlog",
    }
    rows = []
    for kind, program in by.items():
        told = zip([each.right for each in asked if each.kind == kind], answers[kind], strict=True)
        found = Counter((right, wrong == "") for right, wrong in told)
        rows.append((f"ours: {kind}", program, fraction(found, right=True), fraction(found, right=False)))
    return rows


def fraction(found: Counter[tuple[bool, bool]], *, right: bool) -> str:
    """Say how many of those that are right, or altered, were taken for that."""
    return f"{found[right, right]} of {found[right, True] + found[right, False]}"


def whole(text: str) -> bool:
    """Tell whether a fraction is all of it."""
    return not text or text.split(" of ", maxsplit=1)[0] == text.split(" of ")[1]


def fsck_of_folder(scratch: Path, log: WrittenLog) -> Row:
    """Let Tessera's fsck check the log as a folder, as exported, and then with one bit of each kind of file turned."""
    folder, exported = scratch / str(log.size), scratch / f"{log.size}-exported"
    log.write(folder)
    export = [sys.executable, "-m", "cli", "log", "export", str(exported), "--log", str(folder)]
    subprocess.run(export, check=True, cwd=HERE.parents[1], stdout=subprocess.DEVNULL)
    accepted = sum(fsck(scratch, each.as_uri(), each / "vkey") for each in (folder, exported))
    kinds = [folder / "checkpoint", *(next((folder / kind).rglob("*000*")) for kind in ("tile/0", "tile/entries"))]
    files = [path if path.is_file() else next(path.iterdir()) for path in kinds]
    refused = 0
    for path in files:
        content = path.read_bytes()
        path.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
        refused += not fsck(scratch, folder.as_uri(), folder / "vkey")
        path.write_bytes(content)
    shutil.rmtree(folder)
    shutil.rmtree(exported)
    what = f"ours: folder and export of {log.size:,} leaves"
    return what, "Tessera fsck", f"{accepted} of 2", f"{refused} of {len(files)}"


def fsck_of_served(scratch: Path, url: str) -> Row:
    """Let Tessera's fsck check a log that is served."""
    address = url.rstrip("/") + "/"
    key = scratch / "vkey"
    key.write_text(httpx.get(f"{address}vkey").raise_for_status().text.strip())
    return f"served: {url}", "Tessera fsck", f"{fsck(scratch, address, key):d} of 1", ""


def fsck(scratch: Path, url: str, key: Path) -> bool:
    """Tell whether fsck found nothing wrong.

    It says so on standard error alone: its exit code is 0 either way, and it may wait for ever once it has found a tile
    invalid.
    """
    command = [str(scratch / "fsck"), "-storage_url", url, "-public_key", str(key), "-ui=false", "-v=1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said, end = "", time.monotonic() + FSCK_SECONDS
        for line in process.stderr:
            said += line
            if "fsck failed" in line or "Invalid" in line or time.monotonic() > end:
                process.terminate()
                return False
    return process.returncode == 0 and "Completed ranges" in said


def read_by_us(made: dict[str, Any]) -> list[Row]:
    """Check what others made."""
    where = ["go", "list", "-m", "-f", "{{.Dir}}", TESSERA]
    tessera = Path(subprocess.run(where, cwd=HERE, check=True, capture_output=True, text=True).stdout.strip())
    found = Counter([*of_the_peer(made), *of_tessera(tessera / "testdata" / "log")])
    kinds = dict.fromkeys(kind for kind, _ in found)
    return [
        (f"theirs: {kind}", "ours", f"{found[kind, True]} of {found[kind, True] + found[kind, False]}", "")
        for kind in kinds
    ]


if __name__ == "__main__":
    sys.exit(main())
