"""An Open Badges 3.0 credential, built from what an institution knows; it is signed elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.credentials.contexts import CREDENTIALS_V2, OPEN_BADGES_V3
from shared.credentials.errors import CredentialError
from shared.credentials.identity import email_identity, name_identity
from shared.credentials.instants import write_instant

DEMO_PREFIX = "DEMO "

# The type that each object of the Open Badges vocabulary carries, by the member it stands in. The JSON schema
# wants some as an array and some as a string.
_TYPES: dict[str, str | tuple[str, ...]] = {
    "achievement": ("Achievement",),
    "alignment": ("Alignment",),
    "creator": ("Profile",),
    "evidence": ("Evidence",),
    "image": "Image",
    "otherIdentifier": "IdentifierEntry",
    "related": ("Related",),
    "result": ("Result",),
    "resultDescription": ("ResultDescription",),
    "rubricCriterionLevel": ("RubricCriterionLevel",),
}
_SETS = {"alignment", "evidence", "otherIdentifier", "related", "result", "resultDescription"}


@dataclass(frozen=True, slots=True)
class Issuer:
    """The institution that signs: its DID, its name and its address on the web."""

    id: str
    name: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """The learner: an `id` (a DID, say) or an `email` to be hashed with `salt`; a `name` stays readable."""

    id: str | None = None
    email: str | None = None
    name: str | None = None
    salt: str = ""


def open_badge(
    *,
    credential_id: str,
    issuer: Issuer,
    achievement: Mapping[str, Any],
    recipient: Recipient,
    valid_from: datetime,
    valid_until: datetime | None = None,
    evidence: Sequence[Mapping[str, Any]] = (),
    results: Sequence[Mapping[str, Any]] = (),
    status: Sequence[Mapping[str, Any]] = (),
    demo: bool = False,
) -> dict[str, Any]:
    """Return an unsigned OpenBadgeCredential in VCDM 2.0.

    `achievement`, `evidence` and `results` are in the Open Badges vocabulary, without types: those are set
    here, sets become arrays, and null and empty members are left out. A demo badge says so in its names.
    Raises CredentialError `recipient_missing` without an id and without an address, `salt_missing` without salt.
    """
    named = _named(achievement, issuer.id, demo=demo)
    subject = {
        "id": recipient.id,
        "identifier": _identities(recipient),
        "achievement": named,
        "result": list(results),
    }
    return {
        "@context": [CREDENTIALS_V2, OPEN_BADGES_V3],
        "id": credential_id,
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": named["name"],
        "issuer": _lean({"id": issuer.id, "type": ["Profile"], "name": issuer.name, "url": issuer.url}),
        "validFrom": write_instant(valid_from),
        **({"validUntil": write_instant(valid_until)} if valid_until else {}),
        "credentialSubject": {"type": ["AchievementSubject"], **_typed(_lean(subject))},
        **_typed(_lean({"evidence": list(evidence)})),
        # One object when there is one: strict validators take no array.
        **({"credentialStatus": dict(status[0]) if len(status) == 1 else list(status)} if status else {}),
    }


def achievement_document(
    achievement: Mapping[str, Any], *, creator: str | None = None, demo: bool = False
) -> dict[str, Any]:
    """Return an achievement as it stands in badges, as a document of its own: what its `id` leads to."""
    named = _typed({"achievement": _lean(_named(achievement, creator, demo=demo))})["achievement"]
    return {"@context": [CREDENTIALS_V2, OPEN_BADGES_V3], **named}


def _named(achievement: Mapping[str, Any], creator: str | None, *, demo: bool) -> dict[str, Any]:
    name = (DEMO_PREFIX if demo else "") + achievement["name"]
    return {**achievement, "name": name, "creator": {"id": creator}}


def _identities(recipient: Recipient) -> list[dict[str, Any]]:
    if recipient.id is None and recipient.email is None:
        raise CredentialError("A badge needs its recipient's id or address.", "recipient_missing")
    if recipient.email is not None and not recipient.salt:
        raise CredentialError("An address is hashed only with a salt.", "salt_missing")
    by_email = [email_identity(recipient.email, recipient.salt)] if recipient.email is not None else []
    by_name = [name_identity(recipient.name)] if recipient.name and recipient.name.strip() else []
    return by_email + by_name


def _lean(value: Any) -> Any:
    """Leave out what carries nothing: null, empty strings, arrays and objects, at every depth."""
    if isinstance(value, Mapping):
        members = {name: _lean(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if not _is_empty(member)}
    if isinstance(value, list | tuple):
        return [item for item in map(_lean, value) if not _is_empty(item)]
    return value


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _typed(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _typed_member(name, member) for name, member in members.items()}


def _typed_member(name: str, member: Any) -> Any:
    if name in _SETS and isinstance(member, Mapping):
        member = [member]
    if isinstance(member, list):
        return [_typed_value(name, item) for item in member]
    return _typed_value(name, member)


def _typed_value(name: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    types = _TYPES.get(name)
    own = {} if types is None else {"type": types if isinstance(types, str) else list(types)}
    return own | _typed(value)
