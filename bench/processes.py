"""What processes have cost so far: CPU-seconds and resident memory, their children included, as Linux counts them."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Cost:
    """CPU-seconds (user and system) and resident bytes of a process and all its descendants."""

    cpu_seconds: float
    resident_bytes: int


def cost(process: int) -> Cost:
    """Return what the process and its descendants have cost; shared pages count for each of them."""
    stats = [stat for each in (process, *_descendants(process)) if (stat := _stat(each))]
    ticks = sum(int(stat[11]) + int(stat[12]) for stat in stats)
    # Descendants that ended meanwhile are counted with the parent that waited for them.
    ticks += int(stats[0][13]) + int(stats[0][14])
    return Cost(ticks / TICKS, sum(int(stat[21]) for stat in stats) * PAGE)


def costs(processes: Mapping[str, int]) -> dict[str, Cost]:
    """Return what each named process has cost."""
    return {name: cost(process) for name, process in processes.items()}


def _descendants(process: int) -> Iterator[int]:
    with suppress(FileNotFoundError):  # it has ended meanwhile
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from _descendants(int(child))


def _stat(process: int) -> list[str]:
    """Return what Linux says of a process; nothing of one that has ended meanwhile."""
    try:
        # The second field is the command's name in brackets and may hold anything; what follows it is counted from 0.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return []
