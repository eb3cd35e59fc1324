"""Tries docker-compose.yml and the tests' own containers for real: `make test-docker`."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.docker.engine import TOOLS, engine, install
from deploy.docker.standins import build, images
from deploy.embedded import demo
from deploy.embedded.installation import ROOT, Installation, replace_privately
from deploy.embedded.preflight import free_base
from deploy.postgres import SERVICES

IMAGE = "laurel:trial"
PROJECT = "laurel-trial"
HEALTHY_SECONDS = 300
# What runs once and ends; everything else has to be healthy.
ONCE = ("keys", "bootstrap", "migrate", "topics")
KAFKA_TESTS = ["tests/integration/test_support.py", "tests/integration/messaging", "-k", "kafka or consumed"]


def main() -> None:
    """Build, start, walk a badge through its life, compare the ledgers, run tests on a container; end all of it."""
    started = time.monotonic()
    with engine() as found, TemporaryDirectory() as folder:
        environment = found | images(found)
        build(IMAGE, ROOT, environment, BASE=environment["PYTHON_IMAGE"])
        print(f"{time.monotonic() - started:6.1f} s  the image is built", flush=True)
        installation = Installation(Path(folder), free_base(21_000), "kafka")
        try:
            _try_compose(installation, environment | _variables(installation))
        finally:
            _compose(environment, "down", "--volumes", "--timeout", "20")
        _try_testcontainers(environment)
    print(f"{time.monotonic() - started:6.1f} s  all of it passed")


def _try_compose(installation: Installation, environment: dict[str, str]) -> None:
    _compose(environment, "up", "--detach", "--no-build")
    _await_healthy(environment)
    installation.prepare()
    key = _output(environment, "run", "--rm", "--no-deps", "keys", "cat", "/run/laurel/operator")
    replace_privately(installation.operator_key_file, key)
    demo.load(installation)
    own = {**os.environ, "LAUREL_HOME": str(installation.home)}
    subprocess.run([sys.executable, "-m", "cli", "ledger-check"], cwd=ROOT, env=own, check=True)


def _try_testcontainers(environment: dict[str, str]) -> None:
    own = {**environment, "LAUREL_KAFKA_IMAGE": environment["KAFKA_IMAGE"], "TESTCONTAINERS_RYUK_DISABLED": "true"}
    subprocess.run([sys.executable, "-m", "pytest", "-q", *KAFKA_TESTS], cwd=ROOT, env=own, check=True)


def _variables(installation: Installation) -> dict[str, str]:
    ports = {f"{name.upper()}_PORT": str(installation.port_of(name)) for name in ("console", *SERVICES)}
    return {**ports, "LAUREL_PUBLIC_URL": installation.url("registry"), "LAUREL_ISSUER_URL": installation.url("issuer")}


def _await_healthy(environment: dict[str, str]) -> None:
    deadline = time.monotonic() + HEALTHY_SECONDS
    services = set(_output(environment, "config", "--services").split()) - set(ONCE)
    while waiting := [name for name in sorted(services) if not _is_healthy(environment, name)]:
        if time.monotonic() > deadline:
            _compose(environment, "ps")
            _compose(environment, "logs", "--tail", "30", *waiting)
            raise RuntimeError(f"not healthy after {HEALTHY_SECONDS} s: {', '.join(waiting)}")
        time.sleep(2)
    print(f"healthy: {', '.join(sorted(services))}", flush=True)


def _is_healthy(environment: dict[str, str], name: str) -> bool:
    container = _output(environment, "ps", "-q", name).strip()
    state = ["docker", "inspect", "--format", "{{.State.Health.Status}}", container]
    return subprocess.run(state, env=environment, capture_output=True, check=False).stdout.strip() == b"healthy"


def _command(environment: dict[str, str]) -> list[str]:
    plugin = subprocess.run(["docker", "compose", "version"], env=environment, capture_output=True, check=False)
    if plugin.returncode != 0 and not shutil.which("docker-compose"):
        install(TOOLS)
    return ["docker", "compose"] if plugin.returncode == 0 else ["docker-compose"]


def _compose(environment: dict[str, str], *arguments: str) -> None:
    command = [*_command(environment), "--project-name", PROJECT, *arguments]
    subprocess.run(command, cwd=ROOT, env={**environment, "LAUREL_IMAGE": IMAGE}, check=True)


def _output(environment: dict[str, str], *arguments: str) -> str:
    command = [*_command(environment), "--project-name", PROJECT, *arguments]
    return subprocess.check_output(command, cwd=ROOT, env={**environment, "LAUREL_IMAGE": IMAGE}, text=True)


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, subprocess.CalledProcessError) as error:
        sys.exit(f"make test-docker: {error}")
