"""Whom whoever checks a receipt believes: the verifier's keys, the log's, witnesses."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from cli.files import read
from cli.keys import Unusable
from cli.log.files import Finding
from cli.receipt.form import PublishedKey, PublishedKeys, Receipt
from shared.credentials.errors import CredentialError
from shared.credentials.keys import decode_multikey
from shared.transparency.checkpoints import Checkpoint, parse_checkpoint
from shared.transparency.errors import TransparencyError
from shared.transparency.note_keys import MAX_TIME, NoteVerifier
from shared.transparency.notes import Verified, parse_note
from shared.transparency.policy import Log, Policy, parse_policy


@dataclass(frozen=True)
class Trust:
    """Whom somebody believes; what is None, nobody was named for.

    `verifier_key` is a multikey, `published` what the verifier publishes, `max_age` how many seconds before the answer
    a cosignature counts from.
    """

    verifier_key: str | None = None
    published: Sequence[PublishedKey] | None = None
    policy: Policy | None = None
    max_age: int = MAX_TIME

    def knows_the_key(self, receipt: Receipt) -> bool:
        """Tell whether the receipt's key is believed; False where nobody was named.

        Raises Finding where it is another than those that are, or had been retired.
        """
        key = receipt.key
        if self.verifier_key is not None and key.public_key_multibase != self.verifier_key:
            raise Finding("It is signed with another key than the one that you trust.")
        if self.published is None:
            return self.verifier_key is not None
        known = [each for each in self.published if (each.id, each.public_key_multibase) == _named(receipt)]
        if not known:
            raise Finding("It is signed with a key that is none of those that the verifier has published.")
        if known[0].retired_at is not None and known[0].retired_at < receipt.made_at:
            raise Finding("It is dated after the time when its key was retired.")
        return True

    def open(self, receipt: Receipt, now: int) -> tuple[Checkpoint, list[Verified]]:
        """Return the receipt's checkpoint and the cosignatures of known witnesses.

        Where no log is believed nobody's signature was checked. Raises TransparencyError; UntrustedCheckpoint also
        where the witnesses' cosignatures are too few, or too old when the answer was given. `now`: POSIX seconds.
        """
        note = receipt.checkpoint.encode()
        if self.policy is None:
            return parse_checkpoint(parse_note(note).text), []
        since = max(0, int(receipt.report.verified_at.timestamp()) - self.max_age)
        return self.policy.open(note, since=since, until=now)


def _named(receipt: Receipt) -> tuple[object, str]:
    return receipt.key.id, receipt.key.public_key_multibase


def read_trust(
    *, verifier_key: str | None, keys: str | None, vkey: str | None, policy: str | None, max_age: int
) -> Trust:
    """Return whom options name; raises Unusable for what names nobody."""
    if verifier_key is not None and keys is not None:
        raise Unusable("Give the verifier's key with --verifier-key, or its published keys with --keys.")
    if vkey is not None and policy is not None:
        raise Unusable("Give the log's key with --vkey, or a policy with --policy.")
    if verifier_key is not None:
        ed25519(verifier_key, Unusable)
    return Trust(verifier_key, _published(keys), _policy(vkey, policy), max_age)


def ed25519(multikey: str, error: type[Exception] = Finding) -> Ed25519PublicKey:
    """Return the Ed25519 key that a Multikey is; raises `error` for anything else."""
    try:
        key = decode_multikey(multikey)
    except CredentialError as wrong:
        raise error(f"The verifier's key is no key: {wrong.detail}") from wrong
    if not isinstance(key, Ed25519PublicKey):
        raise error("The verifier's key is not of Ed25519.")
    return key


def _published(file: str | None) -> Sequence[PublishedKey] | None:
    if file is None:
        return None
    try:
        return PublishedKeys.model_validate_json(read(file)).receipt_keys
    except ValidationError as error:
        raise Unusable(f"{file} is not what a verifier publishes at /.well-known/laurel-verifier.json.") from error


def _policy(vkey: str | None, file: str | None) -> Policy | None:
    try:
        if file is not None:
            return parse_policy(read(file))
        return None if vkey is None else Policy((Log(NoteVerifier.parse(vkey)),))
    except TransparencyError as error:
        raise Unusable(f"There is no log to trust: {error.detail}") from error
