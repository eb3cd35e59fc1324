"""Runs inputs, each a real shape with changes, and keeps what should not have happened."""

from dataclasses import dataclass, field
from random import Random

from tests.fuzz.mutations import mutated
from tests.fuzz.shapes import Shape, large_shapes, shapes
from tests.fuzz.targets import look_into

_MAX_FINDINGS = 20
_LARGE = 0.01  # of all inputs: each costs as much as a hundred others


@dataclass(frozen=True)
class Finding:
    """An input that broke a promise, the shape that it was made from, and how."""

    shape: str
    what: str
    raw: bytes


@dataclass
class Run:
    """What a number of inputs came to."""

    count: int = 0
    cpu_seconds: float = 0.0
    slowest: tuple[float, str] = (0.0, "none")
    findings: list[Finding] = field(default_factory=list)

    def feed(self, shape: Shape, raw: bytes) -> None:
        """Send one input through the readers of its kind."""
        outcome = look_into(shape, raw)
        self.count += 1
        self.cpu_seconds += outcome.cpu_seconds
        self.slowest = max(self.slowest, (outcome.cpu_seconds, shape.name))
        if outcome.finding:
            self.findings.append(Finding(shape.name, outcome.finding, raw))

    def __add__(self, other: "Run") -> "Run":
        """Return both as one."""
        findings = self.findings + other.findings
        spent = self.cpu_seconds + other.cpu_seconds
        return Run(self.count + other.count, spent, max(self.slowest, other.slowest), findings)


def run_mutated(count: int, random: Random) -> Run:
    """Send so many inputs through the readers, real shapes with changes; stops early after twenty findings."""
    run = Run()
    known, large = shapes(), large_shapes()
    while run.count < count and len(run.findings) < _MAX_FINDINGS:
        shape = random.choice(large if random.random() < _LARGE else known)
        run.feed(shape, mutated(shape.raw, random))
    return run
