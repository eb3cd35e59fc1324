"""How many examples Hypothesis makes: a sample in every run, `EXAMPLES=10` times as many in `make fuzz`."""

import os

from hypothesis import settings


def examples(count: int) -> settings:
    """Let Hypothesis make so many examples, or as many times more as the environment says."""
    return settings(max_examples=count * int(os.environ.get("EXAMPLES", "1")), deadline=None)
