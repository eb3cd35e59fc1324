"""Starts, stops and shows one Laurel on this machine; `make up`, `down`, `status` and `logs` call it."""

import argparse
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.embedded import demo, start, supervision
from deploy.embedded.installation import Installation, SetupError, find


def up(installation: Installation) -> None:
    """Start what does not run, load the demo (unless DEMO=0, or it was removed) and show where to look."""
    with_demo = demo.is_wanted(installation, os.environ.get("DEMO"))
    if start.is_whole(installation) and (demo.is_loaded(installation) or not with_demo):
        print("Laurel runs already; nothing was changed.")
    else:
        start.start(installation)
        if not with_demo:
            start.keep_addresses(installation)
        elif not demo.is_loaded(installation):
            print("A badge's life, as anybody could live it over HTTP:")
            demo.load(installation)
    if not with_demo and demo.is_loaded(installation):
        print("The demo is here from before: '.venv/bin/laurel sandbox remove' ends it.")
    _show_addresses(installation)


def down(installation: Installation) -> None:
    """Stop every process; data stays."""
    ended = supervision.end(installation)
    print(f"Stopped: {', '.join(ended)}." if ended else "Nothing was running.")


def status(installation: Installation) -> None:
    """Tell what runs; the exit code is 1 unless all does."""
    if not supervision.runs(installation):
        sys.exit(f"Laurel at {installation.home} does not run: 'make up' starts it.")
    for each in supervision.standings(installation):
        address = installation.urls.get(each.name, "")
        print(f"{each.name:10} {each.state:9} {each.description:30} {address}".rstrip())
    if not start.is_whole(installation):
        sys.exit("Not all of it is ready: 'make logs' tells more.")


def logs(installation: Installation) -> None:
    """Follow every program's log until interrupted."""
    files = sorted(str(path) for path in installation.logs.glob("*.log"))
    if not files:
        sys.exit(f"There are no logs in {installation.logs} yet.")
    os.execvp("tail", ["tail", "-n", "20", "-F", *files])


def _show_addresses(installation: Installation) -> None:
    print(f"Keys and addresses are in {installation.demo_file}. 'make down' stops it, data stays.")
    credential = demo.read(installation).get("credential_id")
    if credential:
        print(f"A badge that is valid:  {installation.url('registry')}/credentials/{credential}")
    print(f"The verify page:        {installation.url('verifier')}/")
    print(f"Everything else:        {installation.url('console')}/")
    if credential:
        print(f"The operator key, which the next page asks for, is in {installation.operator_key_file}.")
        print(f"That badge's way:       {installation.url('console')}/ops/trace?badge={credential}")


@contextmanager
def _alone(installation: Installation) -> Iterator[None]:
    """Let no two commands change the same installation at once; the later waits."""
    installation.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (installation.home / "command.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Do what the command line says; a SetupError is a message and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "status", "logs"])
    command = parser.parse_args().command
    try:
        installation = find(os.environ)
        if command in ("status", "logs"):
            {"status": status, "logs": logs}[command](installation)
        else:
            with _alone(installation):
                {"up": up, "down": down}[command](installation)
    except SetupError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
