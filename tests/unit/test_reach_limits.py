"""What a dry run names, the verifier counts, and what it counts, console and command line say: one number of badges."""

from cli import revocations as cli
from console import desk
from services.issuer.api import revocations as issuer
from services.verifier.api import reach as verifier


def test_as_many_badges_are_counted_as_a_dry_run_names() -> None:
    assert cli.MAX_REACH == desk.MAX_REACH == issuer.MAX_IDS == verifier.MAX_IDS
