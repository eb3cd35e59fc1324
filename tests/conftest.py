"""Loads the real parts of tests/support."""

import os

import pytest
from hypothesis import settings

pytest_plugins = ["tests.support.postgres", "tests.support.kafka"]

# Timing never decides a test: the machine is shared.
settings.register_profile("laurel", deadline=None)
settings.load_profile("laurel")

# Tests talk to this machine alone: no client need read the authorities of the whole world first (25 ms each time).
os.environ.setdefault("SSL_CERT_DIR", "/nonexistent")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files of few and long tests: begun last, one of them would keep a single core busy at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(("tests/e2e/", "tests/browser/")))
