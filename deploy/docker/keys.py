"""Makes the keys and passwords of a composed stack, once: `python -m deploy.docker.keys /run/laurel`.

operator         the operator's key
sealing          the key under which secrets in the databases are sealed
postgres         the superuser's password
passwords.json   each role's password, for deploy.postgres
pgpass           the same, for whoever connects
"""

import base64
import json
import os
import secrets
import sys
from pathlib import Path

from deploy.postgres import KINDS, SERVICES, Stack


def make(folder: Path) -> list[str]:
    """Make what is missing in `folder`; return the names of what was made."""
    stack = Stack()
    passwords = {f"{service}_{kind}": secrets.token_urlsafe(24) for service in SERVICES for kind in KINDS}
    superuser = secrets.token_urlsafe(24)
    logins = {stack.role(*name.split("_")): password for name, password in passwords.items()}
    texts = {
        "operator": secrets.token_urlsafe(32),
        "sealing": base64.b64encode(secrets.token_bytes(32)).decode(),
        # The three of one mind, or the databases would be made with passwords that nobody knows.
        "postgres": superuser,
        "passwords.json": json.dumps(passwords),
        "pgpass": "\n".join(f"*:*:*:{role}:{word}" for role, word in [("postgres", superuser), *logins.items()]),
    }
    made = [name for name in texts if not (folder / name).exists()]
    if 0 < len({"postgres", "passwords.json", "pgpass"} & set(made)) < 3:
        raise FileNotFoundError(f"{folder} has lost some of its passwords: {', '.join(made)}")
    for name in made:
        _write(folder / name, texts[name] + "\n")
    return made


def _write(path: Path, text: str) -> None:
    # Passwords are read by programs that refuse files which others may read.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


if __name__ == "__main__":
    print("made:", ", ".join(make(Path(sys.argv[1]))) or "nothing, all is there")
