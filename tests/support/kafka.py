"""Gives tests a real Apache Kafka: one broker a session, and private brokers for faults.

In this order: `TEST_KAFKA_BOOTSTRAP` (a broker that runs), Docker through testcontainers (where an engine answers
and has or gets the image), Java with Maven through deploy.kafka. With none of them the tests fail and say how to
get one.

Tests share the broker: what keeps them apart is `topic_prefix`, given to `Settings.topic_prefix`. The adapters put
it before every topic; groups must begin with it as well, or two tests' consumers share one.
"""

import asyncio
import os
import signal
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.kafka.broker import command, fetch_jars, format_storage, libs_folder
from tests.support.kafka_container import docker_offers_kafka, kafka_container
from tests.support.poll import eventually
from tests.support.ports import free_port


class PrivateBroker:
    """A broker without Docker that a test may start, stop and kill; port and storage outlive its process."""

    def __init__(self, home: Path, settings: Mapping[str, str] = {}) -> None:
        self.home = home
        self.port = free_port()
        libs = fetch_jars(libs_folder())
        self._command = command(libs, format_storage(home, libs, self.port, free_port(), settings))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Host and port for clients."""
        return f"127.0.0.1:{self.port}"

    async def start(self, within: float = 60) -> None:
        """Return once it answers; RuntimeError with its log where it ends or takes over `within` seconds."""
        self.process = self._spawn()
        deadline = time.monotonic() + within
        while not await is_up(self.bootstrap):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the broker did not start:\n{(self.home / 'broker.log').read_text()}")
            await asyncio.sleep(0.1)

    def stop(self) -> None:
        """End it cleanly."""
        self._signal(signal.SIGTERM)

    def sigkill(self) -> None:
        """Kill it; every acknowledged record must be there after the next start."""
        self._signal(signal.SIGKILL)

    def _spawn(self) -> "subprocess.Popen[bytes]":
        with (self.home / "broker.log").open("ab") as log:
            return subprocess.Popen(self._command, stdout=log, stderr=log)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None, "not started"
        self.process.send_signal(number)
        self.process.wait(60)
        self.process = None


async def is_up(bootstrap: str) -> bool:
    """Whether a broker answers at `bootstrap` and is admitted to its cluster, so that topics can be made."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()
    return bool(cluster["brokers"])


@pytest.fixture(scope="session")
async def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Host and port of the session's broker."""
    if given := os.environ.get("TEST_KAFKA_BOOTSTRAP"):
        assert await is_up(given), f"TEST_KAFKA_BOOTSTRAP names {given}, where no broker answers"
        yield given
    elif docker_offers_kafka():
        port = free_port()
        with kafka_container(port):
            await eventually(lambda: is_up(f"127.0.0.1:{port}"))
            yield f"127.0.0.1:{port}"
    else:
        broker = PrivateBroker(tmp_path_factory.mktemp("kafka"))
        await broker.start()
        yield broker.bootstrap
        broker.stop()


@pytest.fixture
async def topic_prefix(kafka_bootstrap: str) -> AsyncIterator[str]:
    """A prefix of this test's own for topics and groups; its topics are deleted after the test."""
    prefix = f"t{uuid.uuid4().hex[:8]}."
    yield prefix
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topic for topic in await admin.list_topics() if topic.startswith(prefix)])
    finally:
        await admin.close()


@pytest.fixture
async def private_broker(tmp_path: Path) -> AsyncIterator[PrivateBroker]:
    """A broker of the test's own, not started yet."""
    broker = PrivateBroker(tmp_path / "kafka")
    yield broker
    if broker.process is not None:
        broker.stop()
