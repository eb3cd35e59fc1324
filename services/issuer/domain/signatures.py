"""Which of an institution's keys signed a credential, by the names that its proofs and its token have for them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from services.issuer.domain.row import Row
from shared.credentials import jwt
from shared.credentials.dids import controller_of, jwk_method, jwk_url
from shared.credentials.errors import CredentialError, InvalidKey
from shared.credentials.shape import items


def keys_of(document: Mapping[str, Any], token: str | None, keys: Iterable[Row]) -> tuple[list[UUID], UUID | None]:
    """Return the ids of those of `keys` that made the proofs, each once and in their order, and of the token's."""
    by_name = {name: key["id"] for key in keys for name in _names(key)}
    methods = [each.get("verificationMethod") for each in items(document.get("proof", []))]
    return list(dict.fromkeys(by_name[each] for each in methods if each in by_name)), by_name.get(_kid(token))


def _names(key: Row) -> Iterator[str | None]:
    method, did = key["verification_method"], controller_of(key["verification_method"])
    yield method
    yield jwk_method(did, key["id"])
    try:
        yield jwk_url(did, key["id"])
    except InvalidKey:
        return  # that of a did:key stands nowhere


def _kid(token: str | None) -> str | None:
    try:
        return jwt.read(token).kid if token else None
    except CredentialError:
        return None  # nobody can read it, nor rely on it
