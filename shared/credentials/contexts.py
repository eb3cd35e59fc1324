"""The JSON-LD contexts we know, each pinned by the SHA-256 of its bytes; no context is ever fetched."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from shared.credentials.errors import UnsupportedContext

CREDENTIALS_V1 = "https://www.w3.org/2018/credentials/v1"
CREDENTIALS_V2 = "https://www.w3.org/ns/credentials/v2"
OPEN_BADGES_V3 = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
OPEN_BADGES_EXTENSIONS = "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"
DID_V1 = "https://www.w3.org/ns/did/v1"
MULTIKEY_V1 = "https://w3id.org/security/multikey/v1"
OPEN_BADGES_SCHEMAS = "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/"
OPEN_BADGES_3_0_1 = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json"
ED25519_2020_V1 = "https://w3id.org/security/suites/ed25519-2020/v1"
DATA_INTEGRITY_V2 = "https://w3id.org/security/data-integrity/v2"
# 3.0.1 redefines protected terms of the data model 2.0, so no credential can use both.
OPEN_BADGES_VERSIONS = frozenset({OPEN_BADGES_V3, "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.2.json"})

_BADGE_FILES = "openbadgeslib/ob3/contexts"
_PYLD_FILES = "pyld/documentloader/frozen/bundled"
# URL: (file in a package of another project, SHA-256 of the file). An update of the package that changes a
# file fails here, loudly, instead of changing what signatures mean.
_PINNED = {
    CREDENTIALS_V2: (
        f"{_BADGE_FILES}/credentials-v2.json",
        "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734",
    ),
    OPEN_BADGES_3_0_1: (
        f"{_BADGE_FILES}/ob-v3p0-context-3.0.1.json",
        "5f3d9dd6288ef437ff8286cf95ffbff609c748a66f24a1e9450c45ca64be1571",
    ),
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.2.json": (
        f"{_BADGE_FILES}/ob-v3p0-context-3.0.2.json",
        "00666ad080ba407687ed1846b7f5e7495f5019042b202a727de47c48a1755c53",
    ),
    OPEN_BADGES_V3: (
        f"{_BADGE_FILES}/ob-v3p0-context-3.0.3.json",
        "3d34f4d4ef1bce691106e63798beb5e7b862ba841423f5ee1e53ab7ddf3bca84",
    ),
    OPEN_BADGES_EXTENSIONS: (
        f"{_BADGE_FILES}/ob-v3p0-extensions.json",
        "87c06c81bc2317663bf288d740d94fddd2818c4342b186270ff6371dfaa63f93",
    ),
    DATA_INTEGRITY_V2: (
        f"{_BADGE_FILES}/security-data-integrity-v2.json",
        "67f21e6e33a6c14e5ccfd2fc7865f7474fb71a04af7e94136cb399dfac8ae8f4",
    ),
    MULTIKEY_V1: (
        f"{_BADGE_FILES}/security-multikey-v1.json",
        "ba2c182de2d92f7e47184bcca8fcf0beaee6d3986c527bf664c195bbc7c58597",
    ),
    CREDENTIALS_V1: (
        f"{_PYLD_FILES}/credentials-v1.jsonld",
        "00d7dd6d3ad8b920e3e550dd3a3d9090bffcac84cdbf943da6924b3e0a5c8bb8",
    ),
    DID_V1: (
        f"{_PYLD_FILES}/did-v1.jsonld",
        "62c1054bf404d6dd3a4b26b64f830fd72095f6a26edc4469908c94351352ce5f",
    ),
    "https://w3id.org/security/v1": (
        f"{_PYLD_FILES}/security-v1.jsonld",
        "e2d146cd556f6fa5f14996c6f1749667d5a14073fa30f0643990068e2c0b1bac",
    ),
    "https://w3id.org/security/v2": (
        f"{_PYLD_FILES}/security-v2.jsonld",
        "4cb186bc29c08af6e40c58178c22dd84d542f2871a063afed6e648b47abc3cf6",
    ),
    ED25519_2020_V1: (
        f"{_PYLD_FILES}/security-ed25519-2020-v1.jsonld",
        "b9e1ab971fd8bf2c7553e0c4a9438e0b9450afde1ea1ca5b2492368b9f549588",
    ),
    "https://w3id.org/security/suites/jws-2020/v1": (
        f"{_PYLD_FILES}/security-jws-2020-v1.jsonld",
        "00ee65bb7307f9a01c3170b823083b0d4de68223520834b2c5eb7a09bae5dea6",
    ),
}
KNOWN = frozenset(_PINNED)
# What may stand behind the data model's context, second and then further on, by the data model's version.
_SECOND = {CREDENTIALS_V2: OPEN_BADGES_VERSIONS, CREDENTIALS_V1: OPEN_BADGES_VERSIONS | {OPEN_BADGES_3_0_1}}
_FURTHER = frozenset({OPEN_BADGES_EXTENSIONS, ED25519_2020_V1, DATA_INTEGRITY_V2})


@cache
def pinned() -> Mapping[str, Any]:
    """Return every pinned context document by URL; raises UnsupportedContext if a file is not what was pinned."""
    return MappingProxyType({url: json.loads(raw(url)) for url in _PINNED})


@cache
def raw(url: str) -> bytes:
    """Return the bytes of a pinned context document, as their publisher wrote them; raises as `pinned` does."""
    return _read(url)


@dataclass(frozen=True, slots=True)
class Terms:
    """Where documents' terms may come from: `contexts` by URL, the pinned ones where it is None, and their own.

    `inline`: a document may bring contexts itself, as far as they are safe (shared.credentials.own_terms).
    """

    contexts: Mapping[str, Any] | None = None
    inline: bool = False

    def knows(self, url: str) -> bool:
        """Tell whether a context is known by its URL."""
        return url in (KNOWN if self.contexts is None else self.contexts)


PINNED_ALONE = Terms()


def from_file(path: Path | None) -> Mapping[str, Any] | None:
    """Return the pinned contexts and, beside them, those of a JSON file (URL: document); None for no file.

    What stands in the file is believed: it is for tests. It replaces no pinned one.
    """
    return None if path is None else MappingProxyType({**json.loads(path.read_bytes()), **pinned()})


def is_open_badges(context: Any) -> bool:
    """Tell whether a context is one of Open Badges 3.0."""
    return isinstance(context, str) and context.startswith("https://purl.imsglobal.org/spec/ob/v3p0/")


def are_a_badges(contexts: Any) -> bool:
    """Tell whether contexts are an Open Badge's, in their order: the data model's, Open Badges', few others."""
    if not isinstance(contexts, list) or len(contexts) < 2 or not all(isinstance(each, str) for each in contexts):
        return False
    if contexts[0] not in _SECOND:
        return False
    return contexts[1] in _SECOND[contexts[0]] and set(contexts[2:]) <= _FURTHER


def context_urls(document: Any) -> Iterator[str]:
    """Yield the URLs in each `@context` of a document; raises UnsupportedContext for an inline context."""
    for contexts in contexts_in(document):
        for entry in contexts:
            if not isinstance(entry, str):
                raise UnsupportedContext("The credential brings a context of its own instead of naming a known one.")
            yield entry


def named_contexts(document: Any) -> Iterator[str]:
    """Yield the URLs in each `@context` of a document, whatever else is in it."""
    return (each for contexts in contexts_in(document) for each in contexts if isinstance(each, str))


def contexts_in(document: Any) -> Iterator[list[Any]]:
    """Yield each `@context` of a document, as an array."""
    if isinstance(document, list):
        for item in document:
            yield from contexts_in(item)
    elif isinstance(document, dict):
        for name, member in document.items():
            if name == "@context":
                yield member if isinstance(member, list) else [member]
            else:
                yield from contexts_in(member)


def _read(url: str) -> bytes:
    path, digest = _PINNED[url]
    package, _, file = path.partition("/")
    spec = find_spec(package)  # finds the package's folder without running its code; importlib.resources would
    if spec is None or spec.origin is None:
        raise UnsupportedContext(f"The package {package}, which carries {url}, is not installed.")
    found = (Path(spec.origin).parent / file).read_bytes()
    if sha256(found).hexdigest() != digest:
        raise UnsupportedContext(f"The installed file for {url} is not the one that was pinned.")
    return found
