"""Loads the real parts of tests/support."""

pytest_plugins = ["tests.support.postgres", "tests.support.kafka"]
