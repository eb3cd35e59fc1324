"""The four services as processes of their own, on databases and topics of their own, for tests from outside."""

import asyncio
import base64
import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil

from tests.support import warm
from tests.support.poll import eventually
from tests.support.ports import free_port
from tests.support.postgres import CleanDatabase
from tests.support.warm import SERVICES

OPERATOR_KEY = "operator-key-of-a-test"


class Process:
    """One role of one service; it may be killed and started again on the same port."""

    def __init__(self, service: str, role: str, environment: Mapping[str, str], folder: Path) -> None:
        self.service = service
        self.role = role
        self.port = int(environment["LAUREL_PORT"])
        self.log = folder / f"{service}-{role}.log"
        self._environment = {**os.environ, **environment}
        self._process: psutil.Process | None = None

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process's id, while it runs."""
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Start it; `ready` tells when it can work."""
        self._process = warm.start(self.service, self.role, self._environment, self.log)

    def beside(self, role: str, port: int, folder: Path) -> "Process":
        """One more process of the same service, with the same settings, in a role and at a port of its own."""
        return Process(self.service, role, {**self._environment, "LAUREL_PORT": str(port)}, folder)

    def move_to(self, database: CleanDatabase) -> None:
        """Let it use another database from its next start on."""
        self._environment |= _roles(database)

    async def ready(self) -> None:
        """Return when it says that it can work; AssertionError with its log where it ended."""
        async with httpx.AsyncClient() as client:
            await eventually(lambda: self._is_ready(client), within=240)

    def sigkill(self) -> None:
        """Kill it as a machine's failure would."""
        self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """End it as its process manager would; meanwhile this process answers its last words (spans)."""
        await asyncio.to_thread(self._end, signal.SIGTERM)

    async def _is_ready(self, client: httpx.AsyncClient) -> bool:
        if self._process is None or not self._process.is_running():
            raise RuntimeError(f"{self.service} {self.role} ended:\n{self.log.read_text()[-4000:]}")
        try:
            return (await client.get(f"{self.url}/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)
            self._process = None


class Stack:
    """The processes by (service, role), and what outsiders need to know."""

    def __init__(
        self,
        processes: Mapping[tuple[str, str], Process],
        databases: Mapping[str, CleanDatabase],
        mail_folder: Path,
    ) -> None:
        self.processes = processes
        self.databases = databases
        self.mail_folder = mail_folder
        self.operator_key = OPERATOR_KEY
        front = {service: role for service, role in processes if role != "worker"}
        self.urls = {service: processes[service, role].url for service, role in front.items()}

    async def start(self) -> None:
        """Start every process and wait until all can work."""
        for process in self.processes.values():
            process.start()
        await asyncio.gather(*[process.ready() for process in self.processes.values()])

    async def stop(self) -> None:
        """End every process."""
        await asyncio.gather(*[process.stop() for process in self.processes.values()])

    def logs(self) -> str:
        """All that the processes have printed."""
        return "\n".join(process.log.read_text() for process in self.processes.values() if process.log.exists())


@asynccontextmanager
async def standing(
    folder: Path,
    database: Callable[[str], CleanDatabase],
    event_log: Mapping[str, str],
    split: bool = False,
    **settings: str,
) -> AsyncIterator[Stack]:
    """Run a stack until the block ends: `split` runs api and worker apart; `settings` are LAUREL_* of every process."""
    databases = {service: database(service) for service in SERVICES}
    kek = folder / "kek"
    kek.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    ports = {
        (service, role): free_port() for service in SERVICES for role in (("api", "worker") if split else ("all",))
    }
    front = {service: port for (service, role), port in ports.items() if role != "worker"}
    common = {
        "LAUREL_OPERATOR_KEY": OPERATOR_KEY,
        "LAUREL_PUBLIC_URL": f"http://127.0.0.1:{front['registry']}",
        "LAUREL_ISSUER_URL": f"http://127.0.0.1:{front['issuer']}",
        "LAUREL_VERIFIER_URL": f"http://127.0.0.1:{front['verifier']}",
        "LAUREL_NOTIFIER_URL": f"http://127.0.0.1:{front['notifier']}",
        "LAUREL_KEK_FILE": str(kek),
        "LAUREL_MAIL_FOLDER": str(folder / "mail"),
        "LAUREL_ALLOW_LOOPBACK_WEBHOOKS": "true",
        "LAUREL_ALLOW_LOOPBACK_FETCHES": "true",
        "LAUREL_CHECK_WORKERS": "1",
        "LAUREL_ANONYMOUS_RATE": "100000/minute",
        "LAUREL_MY_LINKS_RATE": "100000/hour",
        **event_log,
        **{f"LAUREL_{name.upper()}": value for name, value in settings.items()},
    }
    processes = {
        (service, role): Process(service, role, _environment(common, databases[service], port), folder)
        for (service, role), port in ports.items()
    }
    stack = Stack(processes, databases, folder / "mail")
    try:
        await stack.start()
        yield stack
    finally:
        await stack.stop()


def _environment(common: Mapping[str, str], database: CleanDatabase, port: int) -> dict[str, str]:
    return {**common, "LAUREL_PORT": str(port), **_roles(database)}


def _roles(database: CleanDatabase) -> dict[str, str]:
    return {
        "LAUREL_OWNER_DSN": database.owner,
        "LAUREL_APP_DSN": database.app,
        "LAUREL_WORKER_DSN": database.worker,
    }
