"""What is known here, at one moment, of a badge's issuer, key and id, and how fresh that is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from services.verifier.domain.history import Change, StandingSince
from shared.credentials.dids import controller_of, jwk_method, jwk_url
from shared.credentials.errors import InvalidKey
from shared.credentials.instants import CLOCK_DIFFERENCE
from shared.credentials.known_keys import KnownKey
from shared.credentials.report import CheckedDocument, CredentialFacts, LogPlace
from shared.ids import PARTITIONS, partition_of


def _place(url: str) -> tuple[str, int | None]:
    parts = urlsplit(url)
    return (parts.hostname or "").rstrip("."), parts.port or {"https": 443, "http": 80}.get(parts.scheme)


@dataclass(frozen=True)
class Rules:
    """What this registry goes by: where all that it publishes begins, and how old a status may be.

    `list_issuers` are those whose status lists are believed beside the ones of a badge's own issuer.
    """

    public_url: str
    max_status_age: timedelta
    list_issuers: frozenset[str] = frozenset()

    def is_ours(self, url: str) -> bool:
        """Tell whether an address is on our own public host, or is none."""
        try:
            return _place(url) == _place(self.public_url)
        except ValueError:
            return True

    @property
    def achievements_url(self) -> str:
        """Where the ids of institutions' achievements begin."""
        return f"{self.public_url}/achievements/"

    @property
    def lists_url(self) -> str:
        """Where the addresses of institutions' status lists begin."""
        return f"{self.public_url}/status-lists/"

    @property
    def credentials_url(self) -> str:
        """Where the badges' ids begin."""
        return f"{self.public_url}/credentials/"


@dataclass(frozen=True)
class Institution:
    """An institution as its state record has it; `standings` is how it stood before, as far as that was told."""

    id: UUID
    name: str
    did: str
    standing: Literal["registered", "withdrawn"]
    sandbox: bool = False  # made for trying out: whatever it issues is a demonstration
    version: int = 1
    standings: tuple[StandingSince, ...] = ()


@dataclass(frozen=True)
class SigningKey:
    """An institution's public key; what it signs between its two times counts."""

    id: UUID
    verification_method: str
    public_key_multibase: str
    created_at: datetime
    retired_at: datetime | None

    @property
    def jwk_method(self) -> str | None:
        """The verification method that is the key as a JsonWebKey; None where it has none."""
        return jwk_method(controller_of(self.verification_method), self.id)

    @property
    def jwk_url(self) -> str | None:
        """Where it stands as a bare JWK, by which tokens of Open Badges name it; None where it stands nowhere."""
        try:
            return jwk_url(controller_of(self.verification_method), self.id)
        except InvalidKey:
            return None


@dataclass(frozen=True)
class Recorded:
    """A credential's status as its state record has it; `traceparents` are those of its history, first to last.

    `lists` are the ids of the status lists in which it has a place; `log` is where its issue stands in the log, None
    while that is not known. `replaced_by`: what was issued in its place, by reason of which it is revoked.
    """

    id: UUID
    institution_id: UUID
    status: Literal["issued", "suspended", "revoked"]
    document_digest: str
    token_digest: str | None = None
    traceparents: tuple[str | None, ...] = ()
    lists: tuple[str, ...] = ()
    version: int = 1
    history: tuple[Change, ...] = ()
    log: LogPlace | None = None
    replaced_by: UUID | None = None

    def says_all(self, facts: CredentialFacts, rules: Rules) -> bool:
        """Tell whether this is all that there is to know of a status.

        A document that its institution wrote itself, and so is not known by an id of ours, may name lists elsewhere.
        """
        kept = {each.list_url for each in facts.status} <= {f"{rules.lists_url}{each}" for each in self.lists}
        return kept or credential_id_in(facts.id) == self.id


@dataclass(frozen=True)
class Known:
    """What is known here, at one moment, of one document's issuer and id.

    `owner` is the institution that the record under this id belongs to. `heard` has, by partition of issuer.state.v1,
    up to when it is here; `held` the keys of which a record waits. `looked_up_at`: when the oldest of what was fetched
    for it elsewhere was asked for, None where nothing was. `as_of`: the time that is asked about, None for now.
    """

    now: datetime
    issuer: Institution | None
    keys: tuple[SigningKey, ...]
    credential_id: UUID | None
    recorded: Recorded | None
    owner: Institution | None
    heard: Mapping[int, datetime]
    held: frozenset[str]
    looked_up_at: datetime | None = None
    as_of: datetime | None = None

    @property
    def at(self) -> datetime:
        """The time that is asked about; one a little ahead of our clock is now."""
        return self.now if self.as_of is None else min(self.as_of, self.now)

    @property
    def asks_of_past(self) -> bool:
        """Whether the answer rests on history, and not on how things stand."""
        return self.at < self.now

    def does_not_recognise(self, checked: CheckedDocument) -> bool:
        """Tell whether an institution of ours signed a document that is not here by its id."""
        digests = (self.recorded.document_digest, self.recorded.token_digest) if self.recorded else ()
        return self.issuer is not None and checked.signed_by_issuer and checked.facts.digest not in (None, *digests)


def credential_id_in(document_id: str | None) -> UUID | None:
    """Return the uuid at the end of `…/credentials/<uuid>`; None for an id of any other form."""
    base, _, last = (document_id or "").rpartition("/")
    try:
        found = UUID(last) if base.endswith("/credentials") else None
    except ValueError:
        return None
    return found if str(found) == last else None


def as_of(facts: CredentialFacts, known: Known) -> datetime | None:
    """Return up to when the issuer's word on all that this answer rests on is here; None where none has come.

    That is the smallest time of the partitions of credential, signing key and institution; where one of them is not
    here, its partition can't be told, and all count.
    """
    keys = _keys(facts, known)
    partitions = {partition_of(key) for key in keys if key} if all(keys) else set(range(PARTITIONS))
    if not partitions <= known.heard.keys():
        return None
    return min(known.heard[each] for each in partitions)


def is_stale(time: datetime | None, known: Known, rules: Rules) -> bool:
    """Tell whether an answer may not rest on what was here at `time`; a time in the future is no better than none.

    Of the past all is known that was known by then, however long ago it was heard.
    """
    return time is None or not known.at - rules.max_status_age <= time <= known.now + CLOCK_DIFFERENCE


def is_held(facts: CredentialFacts, known: Known) -> bool:
    """Tell whether a record of the badge, its key or its issuer waits unread."""
    return any(key in known.held for key in _keys(facts, known))


def signing_keys(facts: CredentialFacts, known: Known) -> list[SigningKey | None]:
    """Return the issuer's key for each name that a signature has for it; None: the issuer is not known to have it."""
    by_name = {name: key for key in known.keys for name in (key.verification_method, key.jwk_method)}
    return [by_name.get(name) for name in facts.verification_methods] or [None]


def known_keys(known: Known) -> tuple[KnownKey, ...]:
    """Return the issuer's keys for the checks, each under every verification method that is published for it."""
    return tuple(
        KnownKey(
            verification_method=method,
            public_key_multibase=key.public_key_multibase,
            retired_at=key.retired_at,
            jwk_url=key.jwk_url if method == key.verification_method else None,
        )
        for key in known.keys
        for method in (key.verification_method, key.jwk_method)
        if method
    )


def _keys(facts: CredentialFacts, known: Known) -> list[str | None]:
    parts = (known.credential_id, *signing_keys(facts, known), known.issuer)
    return [str(part if isinstance(part, UUID) else part.id) if part else None for part in parts]
