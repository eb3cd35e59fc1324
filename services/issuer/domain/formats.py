"""The formats in which badges are signed: the proofs and the token that each stands for, and the keys they take."""

from collections.abc import Collection, Sequence
from typing import Literal, get_args

from shared.credentials.keys import Algorithm
from shared.credentials.suites import ECDSA_RDFC, EDDSA_JCS, EDDSA_RDFC, Suite
from shared.errors import Invalid

TokenFormat = Literal["ob3-jwt", "vc+jwt"]
Format = Literal["eddsa-rdfc-2022", "eddsa-jcs-2022", "ecdsa-rdfc-2019", TokenFormat]
Formats = Sequence[Format]

DEFAULT: Formats = ("eddsa-rdfc-2022",)
# The key that every institution has: its status lists are signed with it.
FIRST_ALGORITHM: Algorithm = "EdDSA"

# In the order of their proofs in a set: common validators take the first one alone.
_SUITES: tuple[tuple[Suite, Algorithm], ...] = ((EDDSA_RDFC, "EdDSA"), (EDDSA_JCS, "EdDSA"), (ECDSA_RDFC, "ES256"))
# Validators of Open Badges take RS256 and ES256 alone.
_TOKENS: dict[TokenFormat, Algorithm] = {"ob3-jwt": "ES256", "vc+jwt": "EdDSA"}


def refuse_two_tokens(formats: Formats) -> None:
    """Raise Invalid (`one_token_per_badge`) where a badge would have a token of each profile."""
    if set(get_args(TokenFormat)) <= set(formats):
        raise Invalid("one_token_per_badge", "A badge has one token: ob3-jwt or vc+jwt, as no token can be both.")


def proofs_of(formats: Formats) -> list[tuple[Suite, Algorithm]]:
    """Return how the JSON document is proved, and by which kind of key, in the order of the proofs.

    A badge that is asked for as a token alone is kept as JSON too, and is proved as one that nothing is said of.
    """
    wanted = set(formats) - _TOKENS.keys() or set(DEFAULT)
    return [each for each in _SUITES if each[0].name in wanted]


def token_of(formats: Formats) -> tuple[TokenFormat, Algorithm] | None:
    """Return the token's profile and the kind of key that signs it; None where no token is asked for."""
    return next(((name, _TOKENS[name]) for name in _TOKENS if name in formats), None)


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
