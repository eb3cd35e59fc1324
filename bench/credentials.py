"""`python -m bench.credentials`: signing and verifying one badge, beside bare signatures and what others make of it.

One process, one thread, operations per CPU-second. What is signed is copied, gets its proof and becomes JSON bytes, or
a token's text; a verification begins with the parsed document, or the token's text, and the issuer's did:key as text,
and ends with the finding and, where that is said, the status bit.
"""

import os
import platform
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.table import Table

from bench.anchors import RAW, Row, per_cpu_second
from bench.signing import a_badge, rows
from shared.credentials import canonical
from shared.credentials.compiled import Shapes

ROUNDS = 11  # beside each other in time, for the machine is not as fast at all times: the middle one counts
CPU_SECONDS = 0.1
BADGES = 50  # as many as a batch of the issuer


def main(rounds: int = ROUNDS, cpu_seconds: float = CPU_SECONDS, badges: int = BADGES) -> None:
    """Measure and print the tables."""
    console = Console(width=120)
    console.print(f"One core of {os.cpu_count()}, Python {platform.python_version()}, {_processor()}")
    key, p256 = Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
    for title, full in (("A badge as it is issued", False), ("A badge with every optional part", True)):
        form = canonical.rdfc(a_badge(key, 0, full=full))
        blank = len({word for word in form.split() if word.startswith("_:")})
        measured = rows(key, p256, full=full, badges=badges)
        heading = f"{title}: {form.count(chr(10))} statements, {blank} blank nodes"
        console.print(_table(heading, measured, rounds, cpu_seconds))
        console.print(_first_documents(key, full=full, rounds=rounds))


def _table(title: str, measured: Iterator[Row], rounds: int, cpu_seconds: float) -> Table:
    every = list(measured)
    rates: dict[str, list[float]] = {row.what: [] for row in every}
    raw: dict[str, list[float]] = {side: [] for side in RAW}
    for _ in range(rounds):
        for side, measure in RAW.items():
            raw[side].append(measure(cpu_seconds))
        for row in every:
            rates[row.what].append(per_cpu_second(row.operation, cpu_seconds))
    table = Table("what", "per CPU-second", "of raw", title=title)
    for side, figures in raw.items():
        table.add_row(f"raw: {side}", f"{statistics.median(figures):,.0f}", "1.00")
    for row in every:
        shares = [rate / anchor for rate, anchor in zip(rates[row.what], raw[row.beside], strict=True)]
        table.add_row(row.what, f"{statistics.median(rates[row.what]):,.0f}", f"{statistics.median(shares):.3f}")
    return table


def _first_documents(key: Ed25519PrivateKey, *, full: bool, rounds: int) -> str:
    """What a document costs by how often its shape has come: milliseconds of the canonical form alone."""
    spent: dict[int, list[float]] = {1: [], 2: [], 3: []}
    for _ in range(rounds):
        shapes = Shapes()
        for coming, times in spent.items():
            badge = a_badge(key, coming, full=full)
            began = time.process_time()
            shapes.rdfc(badge)
            times.append((time.process_time() - began) * 1000)
    first, second, third = (statistics.median(times) for times in spent.values())
    return f"Canonical form of a shape's first document {first:.1f} ms, second {second:.1f} ms, third {third:.2f} ms\n"


def _processor() -> str:
    with Path("/proc/cpuinfo").open() as lines:
        return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    main()
