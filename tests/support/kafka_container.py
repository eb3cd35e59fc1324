"""Runs the official Apache Kafka image through testcontainers: one KRaft node at a fixed port of loopback."""

import os

import docker
from docker.errors import DockerException, ImageNotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

IMAGE = os.environ.get("LAUREL_KAFKA_IMAGE", "apache/kafka:4.3.1")

# The image turns KAFKA_A_B into server.properties' a.b; the choices are those of deploy/kafka.
SETTINGS = {
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_NODE_ID": "1",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://localhost:9093",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_MESSAGE_MAX_BYTES": "1048588",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    # A test of compaction need not wait for the cleaner's next round.
    "KAFKA_LOG_CLEANER_BACKOFF_MS": "1000",
}


def docker_offers_kafka() -> bool:
    """Whether a Docker engine answers and has the image, or gets it."""
    try:
        client = docker.from_env(timeout=60)
        try:
            client.images.get(IMAGE)
        except ImageNotFound:
            client.images.pull(IMAGE)
    except DockerException:
        return False
    return True


def kafka_container(port: int) -> DockerContainer:
    """A broker that clients reach at 127.0.0.1:`port`; enter it to start it, leave it to end it."""
    # The cleaning container would be one more image to pull; leaving the context ends the broker.
    testcontainers_config.ryuk_disabled = True
    advertised = {"KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}"}
    container = DockerContainer(IMAGE, env={**SETTINGS, **advertised})
    container.ports["9092/tcp"] = ("127.0.0.1", port)  # type: ignore[assignment]  # docker-py's form for one address
    return container
