"""The whole of Laurel, seen from outside, on either event log."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.messaging.log import open_log
from shared.settings import Settings
from tests.support.listener import Listener, listening
from tests.support.mailbox import Mailbox, taking_mail
from tests.support.postgres import CleanDatabase
from tests.support.service import clean_event_log
from tests.support.stack import Stack, standing


async def embedded_settings(clean_database: Callable[[str], CleanDatabase]) -> dict[str, str]:
    """LAUREL_* settings of an embedded log of the test's own, its topics made."""
    return {"LAUREL_LOG": "embedded", "LAUREL_EVENTLOG_DSN": (await clean_event_log(clean_database)).app}


async def kafka_settings(bootstrap: str, prefix: str) -> dict[str, str]:
    """LAUREL_* settings of topics of the test's own on a Kafka broker, made."""
    log = open_log(Settings(log="kafka", kafka_bootstrap=bootstrap, topic_prefix=prefix))
    await log.create_topics()
    await log.close()
    return {"LAUREL_LOG": "kafka", "LAUREL_KAFKA_BOOTSTRAP": bootstrap, "LAUREL_TOPIC_PREFIX": prefix}


@pytest.fixture
async def embedded_log(clean_database: Callable[[str], CleanDatabase]) -> dict[str, str]:
    """Settings of an embedded log in the session's cluster."""
    return await embedded_settings(clean_database)


@pytest.fixture
async def kafka_log(kafka_bootstrap: str, topic_prefix: str) -> dict[str, str]:
    """Settings of topics on the session's broker."""
    return await kafka_settings(kafka_bootstrap, topic_prefix)


@pytest.fixture(params=["embedded", "kafka"])
def event_log(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of each event log in its turn."""
    settings: dict[str, str] = request.getfixturevalue(f"{request.param}_log")
    return settings


@dataclass(frozen=True)
class Laurel:
    """A stack with everything around it that it talks to."""

    stack: Stack
    listener: Listener
    mailbox: Mailbox


@pytest.fixture
async def laurel(
    tmp_path: Path, clean_database: Callable[[str], CleanDatabase], event_log: dict[str, str]
) -> AsyncIterator[Laurel]:
    """Four services, a mail server, a webhook receiver, a trace collector."""
    async with listening() as listener, taking_mail() as mailbox:
        settings = {"otlp_endpoint": listener.url, "smtp_url": f"smtp://127.0.0.1:{mailbox.port}"}
        async with standing(tmp_path, clean_database, event_log, **settings) as stack:
            yield Laurel(stack, listener, mailbox)
