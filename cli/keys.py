"""Which API key a command uses: from the environment, from a file, or from what `make up` left; never an argument."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Whose = Literal["operator", "institution", "employer"]


class Unusable(Exception):
    """A command can't do its work: the message says what is missing."""


@dataclass(frozen=True)
class Key:
    """An API key, and the name of the place where it was found."""

    text: str = field(repr=False)
    source: str


def find_key(environment: Mapping[str, str], whose: Whose) -> Key | None:
    """Return LAUREL_<WHOSE>_KEY, or what LAUREL_<WHOSE>_KEY_FILE or demo.json holds; None where there is none.

    Raises Unusable for a file that can't be read, and for what can't be a key.
    """
    name = f"LAUREL_{whose.upper()}_KEY"
    if text := environment.get(name):
        return _checked(text, name)
    if path := environment.get(f"{name}_FILE"):
        try:
            return _checked(Path(path).read_text(), f"{name}_FILE ({path})")
        except (OSError, UnicodeDecodeError) as error:
            raise Unusable(f"{name}_FILE: {error}") from error
    noted = read_demo(environment).get(f"{whose}_key")
    return _checked(str(noted), f"{demo_file(environment)} ({whose}_key)") if noted else None


def demo_file(environment: Mapping[str, str]) -> Path:
    """Return where `make up` notes addresses and keys."""
    return Path(environment.get("LAUREL_HOME") or ".laurel") / "demo.json"


def read_demo(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what `make up` noted; nothing where it did not. Raises Unusable where it can't be read."""
    path = demo_file(environment)
    if not path.exists():
        return {}
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Unusable(f"{path} can't be read: {error}") from error
    return found


def _checked(text: str, source: str) -> Key:
    text = text.strip()
    if not text or not text.isascii() or not text.isprintable():
        raise Unusable(f"{source} holds no API key.")
    return Key(text, source)
