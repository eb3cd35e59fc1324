"""What people call a badge or an achievement by: its id, its address, a file that holds it, its name."""

import re
from pathlib import Path
from uuid import UUID

from cli.connection import Connection
from cli.files import read, read_json
from cli.keys import Unusable

# A hundred thousand addresses.
MAX_LIST = 16 << 20
_UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"


def credential_id(text: str) -> str:
    """Return the id in a uuid, in a badge's address, or in a file that holds a badge. Raises Unusable."""
    found = _in_address(text, "credentials")
    if found is None and Path(text).is_file():
        held = read_json(text, read(text))
        if isinstance(held, dict) and isinstance(answered := held.get("verifiableCredential"), dict):
            held = answered  # what the VC-API answered, whole
        found = _in_address(str(held.get("id")), "credentials") if isinstance(held, dict) else None
    if found is None:
        raise Unusable(f"{text} is no badge: give its id (a uuid), its address, or a file that holds it.")
    return found


def credential_ids(name: str) -> list[str]:
    """Return the ids in a file with one badge a line, its id or address in the first cell; `-` is standard input.

    A first line without one is a heading; empty lines are passed over. Raises Unusable.
    """
    lines = read(name, MAX_LIST).decode("utf-8-sig", "replace").splitlines()
    cells = [(number, re.split("[,;\t]", line)[0].strip().strip('"')) for number, line in enumerate(lines, 1)]
    found = [(number, cell, _in_address(cell, "credentials")) for number, cell in cells if cell]
    wrong = [number for number, _, id_ in found[1:] if id_ is None]
    ids = [id_ for _, _, id_ in found if id_]
    if wrong or not ids:
        where = f"line {wrong[0]} of {name}" if wrong else name
        raise Unusable(f"{where} is no badge: one badge a line is read, its id (a uuid) or its address first.")
    return ids


def achievement_id(connection: Connection, text: str) -> str:
    """Return the id in a uuid or an address, or that of the institution's only achievement of this name.

    Raises Unusable where there is none, or more than one.
    """
    if found := _in_address(text, "achievements"):
        return found
    named = [each for each in connection.items("issuer", "/v1/achievements") if each["content"]["name"] == text]
    if not named:
        raise Unusable(f"{text} is no achievement of this institution: give its id, its address, or its exact name.")
    if len(named) > 1:
        raise Unusable(f"Several achievements are called so; give one's id: {', '.join(each['id'] for each in named)}")
    return str(named[0]["id"])


def plain_uuid(text: str, what: str) -> str:
    """Return a uuid; raises Unusable where the text is none."""
    if not re.fullmatch(_UUID, text):
        raise Unusable(f"{text} is no {what}'s id (a uuid).")
    return text.lower()


def _in_address(text: str, kind: str) -> str | None:
    found = re.fullmatch(rf"(?:https?://\S+/{kind}/)?({_UUID})(?:[/.?#]\S*)?", text.strip())
    return str(UUID(found[1])) if found else None
