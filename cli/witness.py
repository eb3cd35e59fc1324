"""`laurel witness`: a witness for others' transparency logs, so that institutions can watch each other.

It cosigns a log's checkpoint only where the log continues what it has cosigned before (C2SP tlog-witness). It keeps a
key and a small file, and nothing of what is in the logs.
"""

import asyncio
import os
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request, Response

from cli.keys import Unusable
from cli.output import say
from cli.witness_state import WitnessState
from shared.transparency import witnessing
from shared.transparency.errors import MalformedNote, MalformedRequest
from shared.transparency.note_keys import CosignatureSigner, NoteVerifier
from shared.transparency.witnessing import Refusal
from shared.web.limits import BodyLimit
from shared.web.server import run_until_told
from shared.web.server import serving as served

BODY_SECONDS = 10.0
_TEXT = "text/plain; charset=utf-8"

witness = typer.Typer(no_args_is_help=True, help="Watch others' transparency logs: cosign what continues them.")


@witness.command()
def key(
    name: Annotated[str, typer.Argument(help="What the witness is called for ever, such as witness.north.example/1.")],
    file: Annotated[Path, typer.Argument(help="Where its private key goes; it must not be there yet.")],
) -> None:
    """Make a witness's key, and print its public half: whoever is to be watched puts that into their policy.

    Example: laurel witness key witness.north.example/1 witness.key
    """
    private = Ed25519PrivateKey.generate()
    try:
        signer = CosignatureSigner(name, private)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(f"{name} {private.private_bytes_raw().hex()}\n")
    except (OSError, MalformedNote) as error:
        raise Unusable(f"{file}: {error}") from error
    say(signer.vkey)


@witness.command()
def serve(
    key_file: Annotated[Path, typer.Option(help="The witness's private key (`laurel witness key`).")],
    logs: Annotated[list[str], typer.Option("--log", help="The key (vkey) of a log to watch; may be repeated.")],
    state: Annotated[Path, typer.Option(help="What it remembers: this file must not be lost.")] = Path("witness.db"),
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen at; 0: a free one.", min=0, max=65535)] = 8010,
) -> None:
    """Answer logs that ask for cosignatures, until ended. A log's key is at its address, /log/vkey.

    The log's operator then puts a line `witness NAME VKEY https://ADDRESS` into LAUREL_LOG_POLICY_FILE, with a quorum
    (docs/record.md, "Witnesses"). For others to reach it, put a web server with https before it.

    Example: laurel witness serve --key-file witness.key --log "$(curl -s https://badges.south.example/log/vkey)"
    """
    signer, known = read_key(key_file), _verifiers(logs)
    try:
        memory = WitnessState(state)
        seen = memory.seen()
    except sqlite3.Error as error:
        raise Unusable(f"{state} can't be used: {error}.") from error
    for origin in known:
        say(f"{origin}: last cosigned at {seen[origin]} leaves" if origin in seen else f"{origin}: not seen before")
    run_until_told(serving(signer, known, memory, host, port))


@asynccontextmanager
async def serving(
    signer: CosignatureSigner, logs: Mapping[str, NoteVerifier], state: WitnessState, host: str, port: int
) -> AsyncIterator[str]:
    """Serve a witness until the block ends; gives its base address."""
    try:
        listener = socket.create_server((host, port), backlog=128)
    except OSError as error:
        raise Unusable(f"{host}:{port}: {error.strerror}") from error
    with listener:
        async with served(app(signer, logs, state), listener):
            bound, number = listener.getsockname()[:2]
            say(f"{signer.name} watches {', '.join(logs)} at http://{bound}:{number}", signer.vkey)
            yield f"http://{bound}:{number}"


def app(signer: CosignatureSigner, logs: Mapping[str, NoteVerifier], state: WitnessState) -> FastAPI:
    """Make the witness's one route."""
    routes = FastAPI(title="Laurel witness", openapi_url=None)
    routes.add_middleware(BodyLimit, witnessing.MAX_REQUEST, BODY_SECONDS)

    @routes.post(witnessing.PATH)
    async def add_checkpoint(request: Request) -> Response:
        return await asyncio.to_thread(_answer, await request.body(), signer, logs, state)

    return routes


def read_key(file: Path) -> CosignatureSigner:
    """Read a witness's private key; raises Unusable."""
    try:
        name, _, key_hex = file.read_text().strip().rpartition(" ")
        return CosignatureSigner(name, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key_hex)))
    except (OSError, ValueError) as error:
        raise Unusable(f"{file} is no witness's key: `laurel witness key NAME {file}` makes one.") from error


def _verifiers(logs: Sequence[str]) -> dict[str, NoteVerifier]:
    try:
        known = [NoteVerifier.parse(each.strip()) for each in logs]
    except MalformedNote as error:
        raise Unusable(f"--log: {error.detail} A log's key is at its address, /log/vkey.") from error
    if len({each.name for each in known}) < len(known):
        raise Unusable("--log: two keys for one log. Which of them is right?")
    return {each.name: each for each in known}


def _answer(body: bytes, signer: CosignatureSigner, logs: Mapping[str, NoteVerifier], state: WitnessState) -> Response:
    try:
        request = witnessing.read_request(body)
    except MalformedRequest as error:
        return _refused(Refusal(400, error.detail))
    checkpoint = witnessing.opened(request, logs)
    if isinstance(checkpoint, Refusal):
        return _refused(checkpoint)
    if refused := state.advance(request, checkpoint):
        return _refused(refused)
    return Response(witnessing.write_cosignatures([signer.sign(checkpoint.text, int(time.time()))]), media_type=_TEXT)


def _refused(refused: Refusal) -> Response:
    if refused.size is not None:
        # Logs compare the type as it stands; as `media_type` it would be given a charset.
        return Response(f"{refused.size}\n", refused.status, {"Content-Type": witnessing.SIZE_TYPE})
    return Response(f"{refused.detail}\n", refused.status, media_type=_TEXT)
