"""The formats in which credentials are signed: the proofs and the token each stands for, and the keys they take."""

from collections.abc import Collection, Sequence
from typing import Literal

from shared.credentials.keys import Algorithm
from shared.credentials.suites import ECDSA_JCS, ECDSA_RDFC, ED25519_2020, EDDSA_JCS, EDDSA_RDFC, Suite
from shared.errors import Invalid

TokenProfile = Literal["ob3-jwt", "vc+jwt"]
# Those in which badges are asked for.
Format = Literal["eddsa-rdfc-2022", "eddsa-jcs-2022", "ecdsa-rdfc-2019", "ob3-jwt", "ob3-jwt-rs256", "vc+jwt"]
# Those that an address of the VC-API binds, each with its kind of key.
SuiteName = Literal[
    "eddsa-rdfc-2022",
    "eddsa-jcs-2022",
    "ecdsa-rdfc-2019",
    "ecdsa-rdfc-2019-p384",
    "ecdsa-jcs-2019",
    "ecdsa-jcs-2019-p384",
    "Ed25519Signature2020",
    "vc+jwt",
    "vc+jwt-es256",
    "vc+jwt-es384",
]
AnyFormat = Format | SuiteName
Formats = Sequence[AnyFormat]

DEFAULT: tuple[SuiteName, ...] = ("eddsa-rdfc-2022",)
# The key that every institution has: its status lists are signed with it.
FIRST_ALGORITHM: Algorithm = "EdDSA"

# In the order of their proofs in a set: common validators take the first one alone.
_PROOFS: dict[AnyFormat, tuple[Suite, Algorithm]] = {
    "eddsa-rdfc-2022": (EDDSA_RDFC, "EdDSA"),
    "eddsa-jcs-2022": (EDDSA_JCS, "EdDSA"),
    "ecdsa-rdfc-2019": (ECDSA_RDFC, "ES256"),
    "ecdsa-rdfc-2019-p384": (ECDSA_RDFC, "ES384"),
    "ecdsa-jcs-2019": (ECDSA_JCS, "ES256"),
    "ecdsa-jcs-2019-p384": (ECDSA_JCS, "ES384"),
    "Ed25519Signature2020": (ED25519_2020, "EdDSA"),
}
# Validators of Open Badges take RS256 and ES256 alone.
_TOKENS: dict[AnyFormat, tuple[TokenProfile, Algorithm]] = {
    "ob3-jwt": ("ob3-jwt", "ES256"),
    "ob3-jwt-rs256": ("ob3-jwt", "RS256"),
    "vc+jwt": ("vc+jwt", "EdDSA"),
    "vc+jwt-es256": ("vc+jwt", "ES256"),
    "vc+jwt-es384": ("vc+jwt", "ES384"),
}
# How the JSON document beside a lone token is proved, where not as usual: by the token's own key.
_BESIDE: dict[AnyFormat, AnyFormat] = {"vc+jwt-es256": "ecdsa-rdfc-2019", "vc+jwt-es384": "ecdsa-rdfc-2019-p384"}


def refuse_two_tokens(formats: Formats) -> None:
    """Raise Invalid (`one_token_per_badge`) where a badge would have a token of each profile."""
    if len(_TOKENS.keys() & set(formats)) > 1:
        raise Invalid("one_token_per_badge", "A badge has one token: ob3-jwt or vc+jwt, as no token can be both.")


def proofs_of(formats: Formats) -> list[tuple[Suite, Algorithm]]:
    """Return how the JSON document is proved, and by which kind of key, in the order of the proofs.

    What is asked for as a token alone is kept as JSON too, and is proved as one that nothing is said of.
    """
    beside = next((_BESIDE[name] for name in formats if name in _BESIDE), DEFAULT[0])
    return [_PROOFS[name] for name in _PROOFS if name in formats] or [_PROOFS[beside]]


def token_of(formats: Formats) -> tuple[TokenProfile, Algorithm] | None:
    """Return the token's profile and the kind of key that signs it; None where no token is asked for."""
    return next((_TOKENS[name] for name in _TOKENS if name in formats), None)


def names_its_subject(formats: Formats) -> bool:
    """Tell whether there is a token that needs its subject's id: one of Open Badges 3.0."""
    token = token_of(formats)
    return token is not None and token[0] == "ob3-jwt"


def algorithms_of(formats: Formats) -> list[Algorithm]:
    """Return the kinds of key that are needed, the one that every institution has before all others."""
    token = token_of(formats)
    kinds = [FIRST_ALGORITHM, *(kind for _, kind in proofs_of(formats)), *([token[1]] if token else [])]
    return list(dict.fromkeys(kinds))


def refuse_without_keys(formats: Formats, did: str, present: Collection[Algorithm]) -> None:
    """Raise Invalid where an institution has no key for a format.

    The code is `format_needs_did_web` where it can't have one, else `format_needs_key`.
    """
    missing = [kind for kind in algorithms_of(formats) if kind not in present]
    if missing and did.startswith("did:key:"):
        detail = f"This takes a key of the kind {missing[0]}, and a did:key institution has its one Ed25519 key."
        raise Invalid("format_needs_did_web", detail)
    if missing:
        how = f'POST /v1/institutions/{{id}}/signing-keys with {{"algorithm": "{missing[0]}"}} makes one.'
        raise Invalid("format_needs_key", f"The institution has no key of the kind {missing[0]} yet. {how}")
