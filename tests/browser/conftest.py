"""Laurel with its console, as people see it in a real Chromium; one for all tests of a file."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from console.app import running
from console.settings import ConsoleSettings
from tests.e2e.conftest import embedded_settings
from tests.support.browser import chromium
from tests.support.mailbox import Mailbox, taking_mail
from tests.support.people import Institution, register_institution
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.stack import OPERATOR_KEY, Stack, standing
from tests.support.warm import ROOT

# A busy machine decides no test; playwright's own five seconds might.
expect.set_options(timeout=60_000)


@dataclass(frozen=True)
class Laurel:
    """Four services, the console, a mail server."""

    stack: Stack
    console: str
    mailbox: Mailbox

    @property
    def urls(self) -> dict[str, str]:
        """Every address, the console's among them."""
        return {**self.stack.urls, "console": self.console}

    async def institution(self, name: str = "Oak College") -> Institution:
        """Register an institution as the operator."""
        return await register_institution(self.stack.urls, OPERATOR_KEY, name)

    def command(self, *words: str, succeeds: int = 0, **environment: str) -> str:
        """Run `laurel`; return what it prints. It must end with the exit code `succeeds`."""
        addresses = {f"LAUREL_URL_{name.upper()}": url for name, url in self.urls.items()}
        done = subprocess.run(
            [str(Path(sys.executable).with_name("laurel")), *words],
            cwd=ROOT,
            env={**os.environ, **addresses, "LAUREL_OPERATOR_KEY": OPERATOR_KEY, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == succeeds, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
async def laurel(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> AsyncIterator[Laurel]:
    """A whole Laurel on the embedded log, whose spans go to its console."""
    folder = tmp_path_factory.mktemp("laurel")
    port = free_port()
    async with AsyncExitStack() as stack:
        mailbox = await stack.enter_async_context(taking_mail())
        settings: dict[str, Any] = {
            "otlp_endpoint": f"http://127.0.0.1:{port}",
            "smtp_url": f"smtp://127.0.0.1:{mailbox.port}",
            "my_links_rate": "10/hour",
        }
        event_log = await embedded_settings(postgres.create)
        services = await stack.enter_async_context(standing(folder, postgres.create, event_log, **settings))
        places = {f"{name}_url": url for name, url in services.urls.items()}
        own = ConsoleSettings(port=port, operator_key=OPERATOR_KEY, span_folder=folder / "spans", **places)
        console = await stack.enter_async_context(running(own))
        yield Laurel(services, console, mailbox)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium."""
    async with chromium() as found:
        yield found
