"""Finds a Docker engine, or starts one of its own for as long as it is needed."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

TOOLS = {"dockerd": "docker.io", "docker": "docker.io", "docker-compose": "docker-compose", "mmdebstrap": "mmdebstrap"}
START_SECONDS = 60


@contextmanager
def engine() -> Iterator[dict[str, str]]:
    """Give the environment in which `docker` reaches an engine; one that had to be started ends with the block.

    Raises RuntimeError with what to do where there is none and none can be started.
    """
    if shutil.which("docker") and _answers(dict(os.environ)):
        yield dict(os.environ)
        return
    install(TOOLS)
    if os.geteuid() != 0:
        raise RuntimeError("No Docker engine answers, and only root can start one: start Docker, then try again.")
    with _own_engine() as environment:
        yield environment


def install(tools: dict[str, str]) -> None:
    """Install those of `tools` (program: Debian package) that are missing; RuntimeError where that can't be done."""
    missing = sorted({package for program, package in tools.items() if not shutil.which(program)})
    if not missing:
        return
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise RuntimeError(f"Docker is needed: install it, or as root on Debian: {' '.join(command)}")
    print(f"Installing {', '.join(missing)}.", flush=True)
    subprocess.run(["apt-get", "update", "-qq"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def _own_engine() -> Iterator[dict[str, str]]:
    # At a socket of its own: other programs on this machine must not find an engine that is about to go.
    folder = Path(mkdtemp(prefix="laurel-docker-", dir="/var/tmp"))
    environment = {**os.environ, "DOCKER_HOST": f"unix://{folder}/sock"}
    folders = ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["dockerd", "-H", environment["DOCKER_HOST"], *folders], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(environment):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"dockerd did not start:\n{(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.5)
        print("Started a Docker engine.", flush=True)
        yield environment
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(environment: dict[str, str]) -> bool:
    return subprocess.run(["docker", "info"], env=environment, capture_output=True, check=False).returncode == 0
