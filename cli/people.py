"""`laurel institution` and `laurel sandbox`: whom an operator lets in, and how those made for trying out go again."""

import json
import os
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from cli.connection import Connection, connect
from cli.files import reserved, write
from cli.keys import Unusable, demo_file, read_demo
from cli.output import Json, aligned, give, say

DidMethod = StrEnum("DidMethod", ["web", "key"])

institution = typer.Typer(no_args_is_help=True, help="Institutions: who issues badges.")
sandbox = typer.Typer(no_args_is_help=True, help="What was made for trying out.")

# What stays of demo.json when the demo is gone.
_KEPT = ("urls", "operator_key")
# A sandbox of a million badges; a service that counts for ever does not keep us for ever.
MAX_CALLS = 20_000


@institution.callback()
def institutions() -> None:
    """Take commands, however few there are."""


@sandbox.callback()
def sandboxes() -> None:
    """Take commands, however few there are."""


@institution.command("add")
def add(
    name: Annotated[str, typer.Argument(help="As everybody is to read it.")],
    slug: Annotated[str, typer.Option(help="Its name in addresses: a-z, 0-9 and -.")],
    url: Annotated[str | None, typer.Option(help="Its page on the web.")] = None,
    did: Annotated[
        DidMethod | None,
        typer.Option(
            help="Its identifier: web has keys for every format, key has one and no ecdsa-rdfc-2019 or ob3-jwt. "
            "Absent: web where the issuer has a public https address. `laurel institution move` goes from key to web."
        ),
    ] = None,
    sandbox: Annotated[
        bool,
        typer.Option("--sandbox", help="For trying out: in no figure of freshness, ended by `laurel sandbox remove`."),
    ] = False,
    key_file: Annotated[
        Path | None, typer.Option(help="Write its API key into this new file, not to the screen.", dir_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Register an institution, with the operator's key. Its API key is shown this once.

    Example: laurel institution add "North Academy" --slug north-academy --key-file north.key
    """
    connection = connect(os.environ, needs=["issuer"])
    body = {"name": name, "slug": slug, "sandbox": sandbox, **({"url": url} if url else {})}
    body |= {"did_method": did.value} if did else {}
    with reserved(key_file) if key_file else nullcontext(None) as keep:
        made: dict[str, Any] = connection.post("issuer", "/v1/institutions", body).json()
        if keep:
            keep(made.pop("api_key"))
            made["api_key_file"] = str(key_file)
    if as_json:
        give(made)
        return
    say(f"{name} is registered{', as a sandbox' if sandbox else ''}.", f"  id   {made['id']}", f"  DID  {made['did']}")
    if key_file:
        say(f"  key  in {key_file}, readable by you alone; LAUREL_INSTITUTION_KEY_FILE={key_file} lets laurel use it")
    else:
        say(f"  key  {made['api_key']}   shown this once: keep it")


@institution.command("move")
def move(
    institution_id: Annotated[UUID, typer.Argument(help="The institution's id, as `laurel institution add` told it.")],
    as_json: Json = False,
) -> None:
    """Give an institution that has a did:key a did:web, with its own key. There is no way back.

    What it issued stays as good as it is and can be revoked; what it issues from now on has the new identifier.

    Example: laurel institution move 7c0e1a52-8f0b-4c1d-9f57-0d1c6a1e2b3f
    """
    connection = connect(os.environ, "institution", needs=["issuer"])
    path = f"/v1/institutions/{institution_id}/did"
    moved: dict[str, Any] = connection.post("issuer", path, {"did_method": "web"}).json()
    if as_json:
        give(moved)
        return
    before = [("DID", moved["did"]), *(("before", did) for did in moved["former_dids"])]
    say(f"{moved['slug']} has moved:", *aligned(before))


@sandbox.command("remove")
def remove(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    as_json: Json = False,
) -> None:
    """End every sandbox institution and employer: their keys and badges are revoked, institutions are withdrawn.

    Employers' watches end. What was issued and revoked stays on record; nothing is deleted. Stopped half-way, it goes
    on when it is run again.
    The demo's keys leave demo.json, and `make up` does not load the demo again (`make up DEMO=1` does).

    Example: laurel sandbox remove --yes
    """
    if not yes and not (sys.stdin.isatty() and typer.confirm("Revoke every badge and key of all sandboxes?")):
        raise Unusable("Nothing was removed: say --yes.")
    connection = connect(os.environ, needs=["issuer", "verifier"])
    ended = {service: _remove_all(connection, service) for service in ("issuer", "verifier")}
    forgotten = _forget_demo()
    if as_json:
        give({**ended, "demo_forgotten": forgotten})
        return
    at_issuer, at_verifier = ended["issuer"], ended["verifier"]
    counts = [("institutions withdrawn", at_issuer["tenants"]), ("their API keys revoked", at_issuer["api_keys"])]
    counts += [("badges revoked", at_issuer["credentials"]), ("employers' API keys revoked", at_verifier["api_keys"])]
    counts += [("employers' watches ended", at_verifier["watches"])]
    say("The sandboxes are ended:", *aligned(counts), "What was issued and revoked stays on record.")
    if forgotten:
        say(f"The demo's keys are gone from {demo_file(os.environ)}; 'make up DEMO=1' makes another demo.")


def _remove_all(connection: Connection, service: str) -> dict[str, int]:
    """Let a service end its sandboxes share by share until nothing is left; return the sums."""
    sums = {"tenants": 0, "api_keys": 0, "credentials": 0, "watches": 0}
    for _ in range(MAX_CALLS):
        ended = connection.post(service, "/v1/ops/remove-sandboxes").json()
        # An older service does not count all of it.
        if not any(ended.get(name, 0) for name in sums):
            return sums
        sums = {name: count + ended.get(name, 0) for name, count in sums.items()}
    raise Unusable(f"The {service} finds sandboxes without end; run it again.")


def _forget_demo() -> bool:
    """Take the demo out of demo.json, and note that it was removed; False where there was none."""
    noted = read_demo(os.environ)
    if "credential_id" not in noted and "institution_key" not in noted:
        return False
    kept = {name: noted[name] for name in _KEPT if name in noted}
    kept["demo_removed"] = datetime.now(UTC).isoformat(timespec="seconds")
    write(demo_file(os.environ), json.dumps(kept, indent=2) + "\n", private=True)
    return True
