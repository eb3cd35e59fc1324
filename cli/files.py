"""Files that a command reads and writes; what is secret or personal is for its owner alone."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from cli.keys import Unusable

# What a service takes at most (shared/settings.py `max_body_bytes`).
MAX_DOCUMENT = 1 << 20
# What people take for a badge's file, by how it begins.
_KINDS = {
    b"\xff\xd8\xff": "a JPEG image",
    b"%PDF": "a PDF document",
}


def read(name: str, limit: int = MAX_DOCUMENT) -> bytes:
    """Return what a file holds, or standard input for `-`. Raises Unusable where it can't be read or is too large."""
    try:
        if name == "-":
            raw = sys.stdin.buffer.read(limit + 1)
        else:
            with Path(name).open("rb") as file:
                raw = file.read(limit + 1)
    except OSError as error:
        raise Unusable(f"{name} can't be read: {error.strerror or error}") from error
    if len(raw) > limit:
        raise Unusable(f"{name} has more than {limit >> 20} MiB; that is more than is taken.")
    return raw


def read_json(name: str, raw: bytes, taken: str = "JSON") -> Any:
    """Return what a JSON text says; raises Unusable where it is none, which says what is `taken`.

    The service reads it anew, and strictly.
    """
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Unusable(f"{name} {_instead_of_json(raw, error)} What is taken: {taken}.") from error


def _instead_of_json(raw: bytes, error: Exception) -> str:
    if not raw.strip():
        return "is empty."
    if kind := _kind(raw):
        return f"is {kind}. Such files are not read."
    if isinstance(error, json.JSONDecodeError) and raw.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")):
        return f"begins as JSON does and is none: {error}."
    return "is none of what is read."


def _kind(raw: bytes) -> str | None:
    """Say what a file is that holds no JSON, where its first bytes tell."""
    start = raw[:1000].removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((kind for sign, kind in _KINDS.items() if start.startswith(sign)), None)


def write(path: Path, text: str, *, private: bool = False) -> None:
    """Write a file whole, for its owner alone where `private`; raises Unusable."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        half.touch(mode=0o600 if private else 0o666)
        half.write_text(text, encoding="utf-8", newline="")
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise Unusable(f"{path} can't be written: {error.strerror or error}") from error


@contextmanager
def partly(path: Path) -> Iterator[TextIO]:
    """Give a file that is written bit by bit, and takes its place only when it is whole, for its owner alone.

    Raises Unusable.
    """
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        half.touch(mode=0o600)
        with half.open("w", encoding="utf-8", newline="") as file:
            yield file
        half.replace(path)
    except OSError as error:
        raise Unusable(f"{path} can't be written: {error.strerror or error}") from error
    finally:
        half.unlink(missing_ok=True)


@contextmanager
def reserved(path: Path) -> Iterator[Callable[[str], None]]:
    """Give what writes a secret into a new file, made before the secret is; without a secret the file is gone again.

    Raises Unusable where the file exists or can't be made.
    """
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Unusable(f"{path} exists already, and is not overwritten.") from error
    except OSError as error:
        raise Unusable(f"{path} can't be written: {error.strerror}") from error
    with os.fdopen(number, "w") as file:
        try:
            yield lambda text: print(text, file=file, flush=True)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
