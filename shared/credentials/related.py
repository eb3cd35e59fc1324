"""Resources that a credential names with their digests (VCDM 2.0 section 5.3)."""

import re
from base64 import b64decode
from collections.abc import Iterator
from hashlib import new
from typing import Any

from shared.credentials import contexts
from shared.credentials.errors import CredentialError
from shared.credentials.multibase import decode_base58, decode_base64url

Digest = tuple[str, bytes]
"""The name of a hash function, and what it gave."""

_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}
_BY_SIZE = {size: name for name, size in _SIZES.items()}
_MULTIHASH = {b"\x12\x20": "sha256", b"\x20\x30": "sha384", b"\x13\x40": "sha512"}
# One hash expression of Subresource Integrity, section 3.5; options after a question mark mean nothing yet.
_SRI = re.compile(r"(sha256|sha384|sha512)-([A-Za-z0-9+/_-]{43,86}={0,2})(\?[\x21-\x7e]*)?")
_MAX_DIGEST = 1_000  # characters: room for a few


def refuse_other_resources(resources: Any) -> None:
    """Raise CredentialError `malformed` for a `relatedResource` that is not in its form; None stands for none.

    Each has an id of its own, and `digestSRI` or `digestMultibase`. A context that is pinned here must be the one that
    was meant: a digest that is not its own is refused. Nothing is fetched.
    """
    if resources is None:
        return
    found = resources if isinstance(resources, list) else [resources]
    if not found or not all(isinstance(each, dict) for each in found):
        raise _malformed("relatedResource is not an object, or an array of objects.")
    ids = [each.get("id") for each in found]
    if not all(isinstance(each, str) and ":" in each for each in ids):
        raise _malformed("relatedResource.id is not a URL.")
    if len(set(ids)) != len(ids):
        raise _malformed("relatedResource.id is not unique.")
    for resource in found:
        _refuse_other_digests(resource)


def _refuse_other_digests(resource: dict[str, Any]) -> None:
    readers = {"digestSRI": _of_integrity, "digestMultibase": _of_multibase}
    given = {name: readers[name] for name in readers if name in resource}
    if not given:
        raise _malformed("relatedResource has neither digestSRI nor digestMultibase.")
    for name, read in given.items():
        values = resource[name] if isinstance(resource[name], list) else [resource[name]]
        digests = [digest for value in values for digest in _read(value, read, name)]
        if not digests:
            raise _malformed(f"relatedResource.{name} is not a digest.")
        if resource["id"] in contexts.KNOWN and not any(_fits(resource["id"], each) for each in digests):
            raise _malformed(f"relatedResource.{name} is not the digest of the context that is known here.")


def _read(value: Any, read: Any, name: str) -> Iterator[Digest]:
    if not isinstance(value, str) or len(value) > _MAX_DIGEST:
        raise _malformed(f"relatedResource.{name} is not a digest.")
    try:
        yield from read(value)
    except ValueError as error:
        raise _malformed(f"relatedResource.{name} is not a digest.") from error


def _of_integrity(text: str) -> Iterator[Digest]:
    for expression in text.split():
        match = _SRI.fullmatch(expression)
        raw = b64decode(match[2].replace("-", "+").replace("_", "/")) if match else b""
        if match is None or len(raw) != _SIZES[match[1]]:
            raise ValueError(expression)
        yield match[1], raw


def _of_multibase(text: str) -> Iterator[Digest]:
    """A multihash; or, as some write, the digest alone, which is told by its length."""
    raw = decode_base58(text) if text.startswith("z") else decode_base64url(text)
    name = _MULTIHASH.get(raw[:2])
    if name is not None and len(raw) == 2 + _SIZES[name]:
        yield name, raw[2:]
    elif len(raw) in _BY_SIZE:
        yield _BY_SIZE[len(raw)], raw
    else:
        raise ValueError(text)


def _fits(url: str, digest: Digest) -> bool:
    return new(digest[0], contexts.raw(url)).digest() == digest[1]


def _malformed(detail: str) -> CredentialError:
    return CredentialError(detail, "malformed")
