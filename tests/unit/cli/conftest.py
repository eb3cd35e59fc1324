"""Services that answer as a test says."""

from collections.abc import Iterator

import pytest

from tests.unit.cli.answering import Services, answering


@pytest.fixture
def answers() -> Iterator[Services]:
    with answering() as services:
        yield services
