"""`make fuzz`: nearly real inputs by the ten thousand go through the readers; prints how many, the slowest, findings.

    python -m tests.fuzz [COUNT] [SEED]

The process may use no more memory than a check process of the verifier and what Python's tools take beside it.
"""

import argparse
import resource
import sys
import time
from random import Random

from tests.fuzz.generated import run_generated
from tests.fuzz.run import Run, run_mutated

COUNT = 50_000
GENERATED = 5  # one in so many is not made from a real shape
MEMORY_MIB = 512


def main() -> int:
    """Run, print, and return 1 where something was found."""
    asked = argparse.ArgumentParser("python -m tests.fuzz", description=(__doc__ or "").split("\n", 1)[0])
    asked.add_argument("count", nargs="?", type=int, default=COUNT, help="how many inputs (%(default)s)")
    asked.add_argument("seed", nargs="?", type=int, default=int(time.time()), help="the time, if none is given")
    given = asked.parse_args()
    count, seed = given.count, given.seed
    limit = MEMORY_MIB * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    sys.stdout.write(f"{count} inputs from seed {seed}\n")
    found = run_mutated(count - count // GENERATED, Random(seed)) + run_generated(count // GENERATED, seed)
    show(found)
    return 1 if found.findings else 0


def show(found: Run) -> None:
    """Print what a run came to."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.write(f"{found.count} inputs, {found.cpu_seconds:.0f} s of CPU, at most {peak} MiB\n")
    sys.stdout.write(f"slowest: {found.slowest[0]:.2f} s, {found.slowest[1]}\n")
    for finding in found.findings:
        sys.stdout.write(f"FOUND in {finding.shape}: {finding.what}\n  {finding.raw[:2_000]!r}\n")
    sys.stdout.write(f"{len(found.findings)} findings\n")


if __name__ == "__main__":
    sys.exit(main())
