"""Loads the real parts of tests/support."""

from hypothesis import settings

pytest_plugins = ["tests.support.postgres", "tests.support.kafka"]

# Timing never decides a test: the machine is shared.
settings.register_profile("laurel", deadline=None)
settings.load_profile("laurel")
