"""A process's memory stays flat, whatever it is sent."""

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.integration.issuer.conftest import Site, environment
from tests.support.stack import Process

HEAD = b"POST /v1/credentials HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECE = 256 * 1024
CHUNK = b"%x\r\n" % PIECE + b"x" * PIECE + b"\r\n"
MEGABYTE = 1_000_000


async def pour(url: str) -> int:
    """Send an endless body over one connection until the server cuts it; return how many bytes went out."""
    address, sent = urlsplit(url), 0
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(HEAD)
    try:
        while True:
            writer.write(CHUNK)
            await writer.drain()
            sent += len(CHUNK)
    except ConnectionError:
        return sent
    finally:
        writer.close()


async def test_two_hundred_megabytes_of_bodies_without_end_leave_memory_flat(site: Site, tmp_path: Path) -> None:
    process = Process("issuer", "api", environment(site), tmp_path)
    process.start()
    try:
        await process.ready()
        await pour(process.url)
        server = psutil.Process(process.pid)
        before = most = server.memory_info().rss
        sent, deadline = 0, time.monotonic() + 120
        while sent < 200 * MEGABYTE:
            assert time.monotonic() < deadline, f"only {sent} bytes were taken"
            sent += sum(await asyncio.gather(*[pour(process.url) for _ in range(4)]))
            most = max(most, server.memory_info().rss)
    finally:
        await process.stop()
    assert most - before < 30 * MEGABYTE
