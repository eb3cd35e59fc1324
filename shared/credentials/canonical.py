"""The two canonical forms of a document, and its digest: what is hashed before it is signed or compared."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import rfc8785

from shared.credentials import jsonld, rdf_canon
from shared.credentials.errors import MalformedJson
from shared.credentials.rdf_canon import HashName


def rdfc(
    document: Mapping[str, Any],
    contexts: Mapping[str, Any] | None = None,
    hash_name: HashName = "sha256",
    *,
    inline: bool = False,
) -> str:
    """Return a JSON-LD document's canonical N-Quads (RDFC-1.0), under the pinned contexts or those given.

    With `inline`, under its own as well. Raises DataLoss, UnsupportedContext or TooComplex (jsonld.to_quads).
    """
    return rdf_canon.canonicalize(jsonld.to_quads(document, contexts, inline=inline), hash_name)


def jcs(document: Any) -> bytes:
    """Return a JSON document's canonical bytes (RFC 8785); raises MalformedJson for what has none."""
    try:
        return rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise MalformedJson("The document has no canonical JSON form.") from error


def digest(document: Any) -> bytes:
    """Return the SHA-256 of the document's RFC 8785 form: equal whatever the order of its members."""
    return sha256(jcs(document)).digest()
