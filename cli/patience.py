"""Asks again where asking again may help: for what may be asked twice."""

import time
from collections.abc import Callable
from typing import TypeVar

from cli.connection import Refused, Silent

# Seconds before each next try; a service that restarts is back by then.
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
MAX_PAUSE = 60.0
_PASSING = {429, 502, 503, 504}

T = TypeVar("T")


def patiently(ask: Callable[[], T]) -> T:
    """Ask, and ask again after a pause where the trouble may pass. Raises as `ask`."""
    for pause in PAUSES:
        try:
            return ask()
        except Silent:
            time.sleep(pause)
        except Refused as error:
            if error.status not in _PASSING and error.code != "request_in_progress":
                raise
            time.sleep(min(pause if error.retry_after is None else error.retry_after, MAX_PAUSE))
    return ask()
