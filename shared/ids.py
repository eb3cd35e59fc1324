"""Identifiers, secrets and the partition that a key belongs to."""

import secrets
from uuid import UUID, uuid4
from zlib import crc32

# Fixed for ever: a key's records would otherwise change partition and lose their order.
PARTITIONS = 16


def new_id() -> UUID:
    """Return a random identifier (UUID version 4): it tells nothing of order or volume."""
    return uuid4()


def new_secret() -> str:
    """Return 32 random bytes as 43 characters of base64url."""
    return secrets.token_urlsafe(32)


def partition_of(key: str) -> int:
    """Return the partition, 0 to 15, of an aggregate's key: CRC-32 of its UTF-8 form modulo 16.

    The outbox, its relay and the heartbeats call it the shard; held records call the key the aggregate.
    """
    return crc32(key.encode()) % PARTITIONS
