"""Runs one Apache Kafka broker (KRaft) on loopback: fetches its jars, formats its storage, starts it.

    python -m deploy.kafka.broker --home .laurel/kafka --port 9092 --foreground

Without `--foreground` it is started apart from this process, and its process id is printed once it answers.
"""

import argparse
import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from string import Template

HERE = Path(__file__).parent
DEFAULT_LIBS = HERE.parents[1] / ".laurel" / "kafka" / "libs"
# Any fixed id will do: one broker forms a cluster of its own. Kafka wants 16 bytes in URL-safe base64.
CLUSTER_ID = "TGF1cmVsS2Fma2FLUmFmdA"
OLDEST_JAVA = 17


class MissingTool(RuntimeError):
    """A program that a broker needs is not installed; the message says how to get it."""


def libs_folder() -> Path:
    """Where every stack and test of this checkout shares the jars (`LAUREL_KAFKA_LIBS` overrides)."""
    return Path(os.environ.get("LAUREL_KAFKA_LIBS") or DEFAULT_LIBS)


def java() -> str:
    """The path of a Java 17 or newer, from `JAVA_HOME` or else `PATH`.

    Raises MissingTool where there is none.
    """
    home = os.environ.get("JAVA_HOME")
    program = shutil.which("java", path=f"{home}/bin" if home else None)
    found = _java_version(program) if program else 0
    if program is None or found < OLDEST_JAVA:
        raise MissingTool(
            f"Apache Kafka needs Java {OLDEST_JAVA} or newer ({f'found {found}' if found else 'found none'}): "
            "`apt-get install openjdk-17-jre-headless` (Debian, Ubuntu), `brew install openjdk@17` (macOS)."
        )
    return program


def fetch_jars(cache_dir: Path) -> Path:
    """Copies the jars that pom.xml names into `cache_dir` unless they are there; returns `cache_dir`.

    Maven's own cache is enough when there is no network. Processes that ask at once wait for the first.
    Raises MissingTool without Maven, RuntimeError with Maven's words when it cannot get the jars.
    """
    cache_dir.parent.mkdir(parents=True, exist_ok=True)
    with (cache_dir.parent / f"{cache_dir.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _holds_jars(cache_dir):
            _copy_dependencies(cache_dir)
    return cache_dir


def format_storage(home: Path, libs: Path, port: int, controller_port: int, settings: Mapping[str, str] = {}) -> Path:
    """Writes `home`/server.properties, formats the storage under `home` if it is new; returns the file's path.

    `settings` are further lines for server.properties; where one names a setting of the template, it wins.
    """
    home.mkdir(parents=True, exist_ok=True)
    log_folder = home.resolve() / "log"
    properties = home / "server.properties"
    template = Template((HERE / "server.properties").read_text())
    text = template.substitute(port=port, controller_port=controller_port, log_folder=log_folder)
    properties.write_text(text + "".join(f"{name}={value}\n" for name, value in settings.items()))
    if not (log_folder / "meta.properties").exists():
        tool = [*_java_command(libs), "kafka.tools.StorageTool", "format"]
        _run([*tool, "-t", CLUSTER_ID, "-c", str(properties)], "Kafka could not format its storage")
    return properties


def command(libs: Path, properties: Path) -> list[str]:
    """The command line that runs the broker of `properties` in the foreground; SIGTERM ends it cleanly."""
    return [*_java_command(libs), "-Xmx512m", "kafka.Kafka", str(properties)]


def start_apart(arguments: list[str], port: int, log: Path, within: float = 60) -> int:
    """Starts the broker of `command` so that it outlives this process; returns its process id once `port` answers.

    Raises RuntimeError where something else has the port, the broker ends, or `within` seconds pass.
    """
    if _answers(port):
        raise RuntimeError(f"port {port} is taken")
    with log.open("ab") as output:
        process = subprocess.Popen(arguments, stdout=output, stderr=output, start_new_session=True)
    deadline = time.monotonic() + within
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"the broker did not start; {log} says why")
        time.sleep(0.1)
    return process.pid


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _java_version(program: str) -> int:
    printed = subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stderr
    match = re.search(r'version "(?:1\.)?(\d+)', printed)
    return int(match[1]) if match else 0


def _java_command(libs: Path) -> list[str]:
    # It shares the machine with everything else and is started often: one collector thread, and the quick compiler
    # alone, which brings it up in 3 s instead of 5 and costs a third less CPU.
    tuning = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    return [java(), *tuning, f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}", "-cp", f"{libs}/*"]


def _holds_jars(folder: Path) -> bool:
    # The pom is copied last and beside the jars, so a changed version or a half-made folder is fetched again.
    copied = folder / "pom.xml"
    return copied.exists() and copied.read_bytes() == (HERE / "pom.xml").read_bytes()


def _copy_dependencies(folder: Path) -> None:
    if shutil.which("mvn") is None:
        raise MissingTool(
            "The jars of Apache Kafka are fetched by Maven, which is not installed: "
            "`apt-get install maven` (Debian, Ubuntu), `brew install maven` (macOS)."
        )
    shutil.rmtree(folder, ignore_errors=True)
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder.resolve()}"]
    maven = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), *goal]
    if subprocess.run(maven, capture_output=True, check=False).returncode != 0:
        _run([*maven, "-o"], "Maven can get the jars of Apache Kafka neither online nor from its cache")
    shutil.copy(HERE / "pom.xml", folder)


def _run(arguments: list[str], failure: str) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{failure}:\n{done.stdout}{done.stderr}")


def main() -> None:
    """Prepares and starts the broker that the command line describes."""
    parser = argparse.ArgumentParser("python -m deploy.kafka.broker", description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True, help="the broker's own folder")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--controller-port", type=int, help="default: the port after --port")
    parser.add_argument("--foreground", action="store_true", help="become the broker, for a process manager")
    options = parser.parse_args()
    try:
        libs = fetch_jars(libs_folder())
        controller_port = options.controller_port or options.port + 1
        start = command(libs, format_storage(options.home, libs, options.port, controller_port))
        if options.foreground:
            os.execv(start[0], start)
        print(start_apart(start, options.port, options.home / "broker.log"))
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
