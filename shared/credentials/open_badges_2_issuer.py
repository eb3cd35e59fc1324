"""Whose a badge of Open Badges 2.0 is: its class, its issuer's profile, what the profile covers, and its keys.

Source: Open Badges 2.0, "BadgeClass", "Profile", "CryptographicKey", "VerificationObject (Profile)".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from shared.credentials.errors import CredentialError, InvalidKey
from shared.credentials.keys import P256, PublicKey, rsa_key
from shared.credentials.shape import MAX_TEXT, id_of, items

Object = Mapping[str, Any]

# How often an assertion's host may send us on (its id is often an address that stays while the host changes).
REDIRECTS = 3
# A PEM of 4096 bits has 800 characters.
_MAX_PEM = 4_000


class _Gone:
    """There is something no more."""


GONE: Final = _Gone()


class Missing(Exception):
    """Something must be fetched first."""

    def __init__(self, url: str, redirects: int) -> None:
        super().__init__(url)
        self.url = url
        self.redirects = redirects


class Web:
    """What was fetched, by address."""

    def __init__(self, fetched: Mapping[str, Any]) -> None:
        self._fetched = fetched

    def at(self, url: str, redirects: int = 0) -> Any:
        """Return what stands at an address; None for what is not to be had, or not by https. Raises Missing."""
        if not is_address(url):
            return None
        if url not in self._fetched:
            raise Missing(url, redirects)
        return self._fetched[url]

    def typed(self, url: str, *types: str) -> Object | None:
        """Return the object at an address that has it as its id and one of the types, else None; raises Missing."""
        found = self.at(url)
        fits = isinstance(found, dict) and found.get("id") == url and set(types) & _texts(found.get("type"))
        return found if fits else None


@dataclass(frozen=True, slots=True)
class Named:
    """The class of a badge, and the profile of its issuer."""

    kind: Object
    profile: Object

    @property
    def has_class_of_its_own(self) -> bool:
        """Whether the class names no address, or one that the profile covers."""
        return self.kind.get("id") is None or covers(self.profile, self.kind["id"])

    def refuse_others(self, assertion_id: str) -> None:
        """Raise CredentialError (`issuer_mismatch`) unless the profile covers assertion and class of a hosted badge."""
        if not covers(self.profile, assertion_id) or not self.has_class_of_its_own:
            detail = "The badge, or its class, stands where its issuer's profile does not say that its badges stand."
            raise CredentialError(detail, "issuer_mismatch")


def is_address(value: Any) -> bool:
    """Tell whether a value is an address that may be asked, and of which every reader makes the same."""
    if not isinstance(value, str) or not value.startswith("https://") or len(value) > MAX_TEXT:
        return False
    return not any(unquote(part) in (".", "..") for part in value.split("?")[0].split("/"))


def badge_class(member: Any, web: Web) -> Object:
    """Return the class that an assertion names or holds; raises CredentialError (`issuer_unresolvable`), Missing."""
    kind: Object | None
    if isinstance(member, dict):
        kind = member if "BadgeClass" in _texts(member.get("type")) else None
    else:
        kind = web.typed(member, "BadgeClass")
    if kind is None:
        raise _unresolvable("What the badge stands for (its class) could not be had.")
    return kind


def issuer_of(kind: Object, web: Web) -> Object:
    """Return the issuer's profile from its own address, whatever a badge has of it: only there it speaks for itself.

    Raises CredentialError (`issuer_unresolvable`) and Missing.
    """
    profile = web.typed(id_of(kind.get("issuer")), "Issuer", "Profile")
    if profile is None:
        raise _unresolvable("The issuer's profile could not be had from its own address.")
    return profile


def covers(profile: Object, url: Any) -> bool:
    """Tell whether an address is among those that a profile says to be its own: by default, all on its own host.

    Where it names both origins and beginnings, both must fit. A beginning holds for its own host alone.
    """
    policy = profile.get("verification")
    policy = policy if isinstance(policy, dict) else {}
    if not {"allowedOrigins", "startsWith"} & policy.keys():
        policy = {"allowedOrigins": profile["id"]}
    if not is_address(url):
        return False
    origins = {_origin(each) for each in _texts(policy.get("allowedOrigins"))}
    beginnings = [each for each in _texts(policy.get("startsWith")) if _origin(each) == _origin(url)]
    return ("allowedOrigins" not in policy or _origin(url) in origins) and (
        "startsWith" not in policy or any(url.startswith(each) for each in beginnings)
    )


def key_of(verification: Object, profile: Object, web: Web) -> tuple[str, PublicKey]:
    """Return name and key with which a badge says to be signed: one of those that the profile lists, and owned by it.

    Raises CredentialError: `unknown_key`, `issuer_mismatch` (another's key), `key_unresolvable`, and as keys do; and
    Missing.
    """
    listed = items(profile.get("publicKey", []))
    creator = id_of(verification.get("creator"))
    if creator is None and len(listed) == 1:
        creator = id_of(listed[0])
    inside = [each for each in listed if isinstance(creator, str) and id_of(each) == creator]
    if not inside:
        raise InvalidKey("The badge is signed with a key that its issuer's profile does not list.", "unknown_key")
    found = inside[0] if isinstance(inside[0], dict) else web.typed(creator, "CryptographicKey")
    if found is None:
        raise InvalidKey("The key could not be had from its address.", "key_unresolvable")
    if found.get("owner") != profile["id"]:
        raise InvalidKey("The key does not name the issuer as its owner.", "issuer_mismatch")
    return creator, key_of_pem(found.get("publicKeyPem"))


def key_of_pem(text: Any) -> PublicKey:
    """Return the RSA key or that on P-256 of a PEM (RFC 7468 section 13); raises InvalidKey."""
    if not isinstance(text, str) or len(text) > _MAX_PEM:
        raise InvalidKey("The key is not a PEM.")
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidKey("The key is not a PEM of a public key.") from None
    if isinstance(key, RSAPublicKey):
        return rsa_key(key)
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == P256.curve.name:
        return key
    raise InvalidKey("The key is of a kind that Open Badges 2.0 does not use.", "unsupported_key")


def _unresolvable(detail: str) -> CredentialError:
    return CredentialError(detail, "issuer_unresolvable")


def _origin(text: str) -> str:
    """Return the host, with its port where one is named, of an address or of what is one's host alone."""
    try:
        return (urlsplit(text).netloc if "://" in text else text).lower()
    except ValueError:
        return ""


def _texts(value: Any) -> set[str]:
    return {each for each in items(value) if isinstance(each, str) and each}
