"""What stands at the addresses that badges name, and the badges that ask for it: lists, keys, schemas, 2.0's."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from shared.credentials.contexts import CREDENTIALS_V2, OPEN_BADGES_V3
from shared.credentials.dids import did_document
from shared.credentials.keys import method_id
from shared.credentials.proofs import sign
from shared.credentials.status import status_entry
from tests.support import open_badges_2 as old
from tests.support.badges import LIST_URL, SIGNED_AT, a_badge, a_key, an_ec_key, signed

WEB = "did:web:uni.example"
DID_URL = "https://uni.example/.well-known/did.json"
SCHEMA_URL = "https://schemas.example/badge.json"
EXTENSIONS = "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["issuer", "credentialSubject"],
    "properties": {
        "name": {"type": "string", "pattern": "^(?!x)([A-Za-z]+ ?)+$"},
        "validFrom": {"format": "date-time"},
        "evidence": {"items": {"$ref": "#/$defs/evidence"}, "uniqueItems": True},
        "credentialSubject": {"allOf": [{"type": "object"}, {"not": {"required": ["password"]}}]},
    },
    "$defs": {"evidence": {"anyOf": [{"required": ["id"]}, {"required": ["narrative"]}]}},
}


@dataclass(frozen=True)
class Page:
    """One address, and the badge for whose sake it is fetched."""

    address: str
    asked_by: Any


@cache
def pages() -> Mapping[str, Page]:
    """Return the pages by their names; what stands there by itself is in `WORLD`."""
    hosted, by_key = old.an_assertion(), old.signed()
    return {
        "status list": Page(LIST_URL, a_strangers_badge()),
        "controller": Page(DID_URL, a_badge_of_did_web()),
        "JSON schema": Page(SCHEMA_URL, a_badge_with_a_schema()),
        "an endorser's keys": Page(DID_URL, an_endorsed_badge()),
        "an endorsement's list": Page(LIST_URL, an_endorsed_badge()),
        "2.0 assertion": Page(old.ASSERTION, hosted),
        "2.0 class": Page(old.CLASS, hosted),
        "2.0 issuer": Page(old.ISSUER, by_key),
        "2.0 key": Page(old.KEY, by_key),
        "2.0 list": Page(old.LIST, by_key),
    }


@cache
def world() -> Mapping[str, str]:
    """Return what stands at every address by itself but the status list's, whose shapes are many."""
    documents = {
        DID_URL: a_controller(),
        SCHEMA_URL: SCHEMA,
        **old.hosted(),
        **old.behind_signed(),
    }
    return {address: json.dumps(document) for address, document in documents.items()}


def a_strangers_badge() -> dict[str, Any]:
    """Return a good badge of a did:key, whose status stands in a list at `LIST_URL`."""
    return signed(a_badge(status=[status_entry(LIST_URL, 94_567, "revocation")]))


def a_badge_of_did_web() -> dict[str, Any]:
    """Return a good badge whose issuer's keys stand at `DID_URL`."""
    badge = a_badge(status=[])
    badge["issuer"]["id"] = badge["credentialSubject"]["achievement"]["creator"]["id"] = WEB
    return sign(badge, a_key(), method_id(WEB, a_key().public_key()), SIGNED_AT)


def a_badge_with_a_schema() -> dict[str, Any]:
    """Return a good badge that names a JSON schema of somebody's."""
    badge = a_badge(status=[])
    badge["@context"].append(EXTENSIONS)
    return signed(badge | {"credentialSchema": [{"id": SCHEMA_URL, "type": "JsonSchema"}]})


def an_endorsed_badge() -> dict[str, Any]:
    """Return a good badge that somebody endorses whose keys stand at `DID_URL`, by a credential that has a status."""
    badge = a_badge(status=[])
    endorsement = {
        "@context": [CREDENTIALS_V2, OPEN_BADGES_V3],
        "id": "urn:uuid:0d6c2b8e-0000-4000-8000-0000000000e1",
        "type": ["VerifiableCredential", "EndorsementCredential"],
        "issuer": {"id": WEB, "type": ["Profile"], "name": "Guild of firefighters"},
        "name": "Endorsed",
        "validFrom": "2026-11-22T10:00:00Z",
        "credentialSubject": {
            "id": badge["id"],
            "type": ["EndorsementSubject"],
            "endorsementComment": "We ask for it.",
        },
        "credentialStatus": status_entry(LIST_URL, 9, "revocation"),
    }
    badge["endorsement"] = [sign(endorsement, a_key(), method_id(WEB, a_key().public_key()), SIGNED_AT)]
    return signed(badge)


def a_controller() -> dict[str, Any]:
    """Return the document with the keys of `WEB`."""
    return did_document(WEB, [a_key().public_key(), an_ec_key().public_key()], {UUID(int=1): a_key().public_key()})
