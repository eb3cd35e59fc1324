"""Institutions as DIDs: the did:web name of an institution and the document that lists its keys."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlsplit

from shared.credentials.contexts import DID_V1, MULTIKEY_V1
from shared.credentials.errors import InvalidKey
from shared.credentials.keys import PublicKey, encode_multikey, method_id

_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def did_web(base_url: str, slug: str) -> str:
    """Return the did:web whose document stands at `<base_url>/institutions/<slug>/did.json`.

    Raises InvalidKey unless the base is https without user, query or fragment (did:web method).
    """
    base = urlsplit(base_url)
    if base.scheme != "https" or not base.hostname or base.username or base.query or base.fragment:
        raise InvalidKey("A did:web needs an https address.")
    if not _SLUG.fullmatch(slug):
        raise InvalidKey("An institution's slug has lower-case letters, digits and hyphens.")
    host = base.hostname if base.port in (None, 443) else f"{base.hostname}%3A{base.port}"
    path = [quote(segment, safe="") for segment in base.path.split("/") if segment]
    return ":".join(["did:web", host, *path, "institutions", slug])


def did_document(did: str, keys: Iterable[PublicKey]) -> dict[str, Any]:
    """Return the DID document of an institution whose keys may sign badges (DID 1.0, Controlled Identifiers 1.0).

    Every id is absolute and `assertionMethod` holds strings: common verifiers look for nothing else.
    """
    methods = [
        {
            "id": method_id(did, key),
            "type": "Multikey",
            "controller": did,
            "publicKeyMultibase": encode_multikey(key),
        }
        for key in keys
    ]
    return {
        "@context": [DID_V1, MULTIKEY_V1],
        "id": did,
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
    }


def controller_of(verification_method: str) -> str:
    """Return the DID that a verification method's DID URL belongs to: all before the fragment."""
    return verification_method.partition("#")[0]
