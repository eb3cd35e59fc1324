"""`make bench`: runs a Laurel of its own (BROKER=kafka: on Apache Kafka), measures it, and prints the figures."""

import asyncio
import os
import platform
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.anchors import raw_signing, raw_verifying
from bench.services import Figures, measure, percentile
from deploy.embedded import start, supervision
from deploy.embedded.installation import find

MEGABYTE = 1_000_000


def main() -> None:
    """Measure in a scratch folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="laurel-bench-") as folder:
        environment = {"LAUREL_HOME": str(Path(folder) / "home"), "PORT": os.environ.get("PORT") or "18400"}
        installation = find({**environment, "BROKER": os.environ.get("BROKER") or "embedded"})
        start.start(installation)
        try:
            figures = asyncio.run(measure(installation))
        finally:
            supervision.end(installation)
    show(figures, installation.broker)


def show(figures: Figures, broker: str) -> None:
    """Print the tables."""
    console = Console(width=120)
    console.print(f"{os.cpu_count()} cores, Python {platform.python_version()}, event log: {broker}")
    signing, verifying = raw_signing(), raw_verifying()
    table = Table("what", "own service", "all processes", "raw Ed25519", title="Operations per CPU-second")
    for rate in figures.rates:
        service, raw = ("issuer", signing) if rate.what.startswith("issue") else ("verifier", verifying)
        row = (rate.per_cpu_second(service), rate.per_cpu_second(), raw)
        table.add_row(rate.what, *(f"{value:,.0f}" for value in row))
    console.print(table)
    table = Table("what", *figures.rates[0].spent, title="CPU-milliseconds an operation, by process")
    for rate in figures.rates:
        table.add_row(rate.what, *(f"{spent / rate.count * 1000:.1f}" for spent in rate.spent.values()))
    console.print(table)
    table = Table("per second", "p50", "p99", "largest", title="Revoke (200) to seen by the verifier, milliseconds")
    seen = figures.seen_after
    row = (percentile(seen, 50), percentile(seen, 99), seen[-1])
    table.add_row(f"{figures.revoked_per_second:.0f}", *(f"{value * 1000:.0f}" for value in row))
    console.print(table)
    table = Table("process", "MB", title="Resident memory, children included (shared pages count for each)")
    for name, size in figures.resident.items():
        table.add_row(name, f"{size / MEGABYTE:.0f}")
    console.print(table)


if __name__ == "__main__":
    main()
