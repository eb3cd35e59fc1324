"""Salts and personal data travel on issuer.events.v1 alone."""

from typing import Any

from shared.messaging.events import ISSUER_EVENTS, MESSAGES, CredentialExpiring

# What stands in no other topic: what opens a commitment, and what is about a person.
SECRETS = {"salt", "owner_token", "email", "note", "client_id"}


def names_in(schema: Any) -> set[str]:
    """The names of all members that a JSON schema describes, at any depth."""
    if isinstance(schema, list):
        return {name for each in schema for name in names_in(each)}
    if not isinstance(schema, dict):
        return set()
    own = set(schema.get("properties", ()))
    return own | {name for each in schema.values() for name in names_in(each)}


def test_no_message_of_another_topic_has_a_member_for_a_salt_or_for_personal_data() -> None:
    found = {kind.TYPE: names_in(kind.model_json_schema()) & SECRETS for kind in MESSAGES}
    elsewhere = {kind.TYPE for kind in MESSAGES if kind.TOPIC != ISSUER_EVENTS}
    assert {name for name, secrets in found.items() if secrets and name in elsewhere} == set()


def test_every_event_of_the_issuers_that_changes_something_has_a_salt() -> None:
    for kind in MESSAGES:
        if kind.TOPIC == ISSUER_EVENTS and kind is not CredentialExpiring:
            assert kind.model_fields["salt"].is_required(), kind.TYPE
