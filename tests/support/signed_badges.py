"""One badge signed in every way that is read: each suite, each profile of tokens, a set and a chain of proofs."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from shared.credentials import base64url, jwt
from shared.credentials.check import check_document, check_token
from shared.credentials.contexts import CREDENTIALS_V1, DATA_INTEGRITY_V2, ED25519_2020_V1, OPEN_BADGES_V3
from shared.credentials.instants import write_instant
from shared.credentials.keys import PrivateKey, encode_multikey, method_id, sign_message
from shared.credentials.known_keys import KnownKey
from shared.credentials.proofs import prove, sign
from shared.credentials.report import BESIDE
from shared.credentials.suites import ECDSA_JCS, ECDSA_RDFC, ED25519_2018, ED25519_2020, EDDSA_JCS, EDDSA_RDFC, Suite
from tests.support.badges import NOW, SIGNED_AT, a_badge, a_key, an_ec_key

ISSUER = "did:web:badges.example:institutions:north"
RSA = rsa.generate_private_key(65537, 2048)
ED, P256, P384 = a_key(), an_ec_key(), an_ec_key(curve="P-384")
KNOWN = tuple(
    KnownKey(
        verification_method=method_id(ISSUER, key.public_key()),
        public_key_multibase=encode_multikey(key.public_key()),
        jwk_url=f"https://badges.example/institutions/north/keys/{number}",
    )
    for number, key in enumerate((ED, P256, P384, RSA))
)

Signed = dict[str, Any] | str


def is_good(signed: Any) -> bool:
    """Tell whether a badge of these, or what became of it, passes every check that decides."""
    check = check_token if isinstance(signed, str) else check_document
    checks = check(signed, now=NOW, known_keys=KNOWN).checks
    return all(each.outcome == "pass" for each in checks if each.name not in BESIDE)


@cache
def signed_badges() -> Mapping[str, Signed]:
    """Return the badges by the way in which they are signed; who changes one takes a copy."""
    badge, old = _unsigned(), _unsigned_in_data_model_1_1
    return {
        **{f"{suite.name} {name}": sign(badge, key, _method(key), SIGNED_AT, suite) for suite, name, key in _PROOFS},
        "eddsa-rdfc-2022 in 1.1": sign(old(DATA_INTEGRITY_V2), ED, _method(ED), SIGNED_AT, EDDSA_RDFC),
        ED25519_2020.name: sign(old(ED25519_2020_V1), ED, _method(ED), SIGNED_AT, ED25519_2020),
        ED25519_2018.name: sign(old(), ED, _method(ED), SIGNED_AT, ED25519_2018),
        "a set": {**badge, "proof": [_proof(badge, EDDSA_RDFC, ED), _proof(badge, ECDSA_RDFC, P256)]},
        "a set with jcs": {**badge, "proof": [_proof(badge, EDDSA_RDFC, ED), _proof(badge, EDDSA_JCS, ED)]},
        "a chain": _chain(badge, EDDSA_RDFC, ED, ECDSA_RDFC, P256),
        "a chain with jcs": _chain(badge, EDDSA_JCS, ED, ECDSA_JCS, P256),
        **{f"vc+jwt {name}": jwt.write_vc(badge, key, _method(key), SIGNED_AT) for name, key in _VC_KEYS.items()},
        "ob3-jwt ES256": jwt.write_ob3(badge, P256, str(KNOWN[1].jwk_url), SIGNED_AT),
        "ob3-jwt RS256": jwt.write_ob3(badge, RSA, str(KNOWN[3].jwk_url), SIGNED_AT),
        "a claim vc": _claim(old()),
    }


_PROOFS: tuple[tuple[Suite, str, PrivateKey], ...] = (
    (EDDSA_RDFC, "Ed25519", ED),
    (EDDSA_JCS, "Ed25519", ED),
    (ECDSA_RDFC, "P-256", P256),
    (ECDSA_RDFC, "P-384", P384),
    (ECDSA_JCS, "P-256", P256),
    (ECDSA_JCS, "P-384", P384),
)
_VC_KEYS: dict[str, PrivateKey] = {"EdDSA": ED, "ES256": P256, "ES384": P384}


def _method(key: PrivateKey) -> str:
    return method_id(ISSUER, key.public_key())


def _unsigned(**arguments: Any) -> dict[str, Any]:
    badge = a_badge(**arguments)
    badge["issuer"]["id"] = badge["credentialSubject"]["achievement"]["creator"]["id"] = ISSUER
    badge["credentialSubject"]["id"] = "did:example:ada"
    return badge


def _unsigned_in_data_model_1_1(*further: str) -> dict[str, Any]:
    badge = _unsigned(status=[]) | {"@context": [CREDENTIALS_V1, OPEN_BADGES_V3, *further]}
    return badge | {"issuanceDate": badge.pop("validFrom"), "expirationDate": badge.pop("validUntil")}


def _proof(document: dict[str, Any], suite: Suite, key: PrivateKey) -> dict[str, Any]:
    return prove(document, key, _method(key), SIGNED_AT, suite)


def _chain(badge: dict[str, Any], first: Suite, its: PrivateKey, second: Suite, key: PrivateKey) -> dict[str, Any]:
    start = _linked(badge, first, its, id="urn:uuid:1b5b1e4e-0000-4000-8000-00000000000a")
    link = _linked({**badge, "proof": [start]}, second, key, previousProof=start["id"])
    return {**badge, "proof": [start, link]}


def _linked(document: dict[str, Any], suite: Suite, key: PrivateKey, **members: str) -> dict[str, Any]:
    """A proof with members beside the usual ones, over a document with the proofs that it builds on."""
    options: dict[str, Any] = {**suite.options(), **members, "created": write_instant(SIGNED_AT)}
    options |= {"verificationMethod": _method(key), "proofPurpose": "assertionMethod"}
    if suite.canonical == "jcs":
        options["@context"] = document["@context"]
    signature = sign_message(key, suite.signing_input(suite.message(document, options, key)))
    return {**options, suite.value: suite.write(signature)}


def _claim(badge: dict[str, Any]) -> str:
    """A token of the data model 1.1, whose claims say what the badge says."""
    header = {"alg": "ES256", "typ": "JWT", "kid": _method(P256)}
    claims = {"iss": ISSUER, "jti": badge["id"], "sub": "did:example:ada", "nbf": int(SIGNED_AT.timestamp())}
    parts = (header, {**claims, "vc": badge})
    text = ".".join(base64url.encode(json.dumps(part).encode()) for part in parts)
    return f"{text}.{base64url.encode(sign_message(P256, text.encode()))}"
