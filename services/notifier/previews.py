"""Shows a mail without sending it: of a badge of the tenant's, or of one that there is not."""

from typing import Any, NamedTuple
from uuid import UUID

from services.notifier import letters, own_words
from services.notifier.letters import Places
from services.notifier.own_words import Problem, TemplateRefused
from services.notifier.store import writing_settings
from services.notifier.store.parcels import Letter, Template
from services.notifier.writing import Written, written
from shared.db import Tx
from shared.errors import NotFound

NOBODYS = UUID(int=0)
# In the place of what only the learner has.
NO_TOKEN = "preview"  # noqa: S105  # it opens nothing
SAMPLE: dict[str, Any] = {
    "issuer": "did:web:example.org",
    "validUntil": "2028-01-01T00:00:00Z",
    "credentialSubject": {
        "identifier": [{"identityType": "name", "hashed": False, "identityHash": "Ada Lovelace"}],
        "achievement": {
            "name": "Fire safety",
            "description": "Knows how to leave a burning house.",
            "criteria": {"narrative": "Left one house."},
        },
    },
}
_FACTS = {"days": 30, "valid_until": "2028-01-01T00:00:00Z"}


class Shown(NamedTuple):
    """A mail as it would be sent, or what keeps it from being written."""

    written: Written | None
    problems: list[Problem]


async def letter(tx: Tx, tenant_id: UUID, credential_id: UUID | None, language: str) -> Letter:
    """Return what a preview is made of; raises NotFound where the badge is not the tenant's."""
    credential = await writing_settings.badge_to_show(tx, credential_id) if credential_id else SAMPLE
    if credential is None:
        raise NotFound("credential_not_found", "There is no badge with this id that a learner was told of.")
    row = await writing_settings.name(tx, tenant_id)
    name, url = (row["name"], row["url"]) if row else ("Example University", None)
    return Letter("", NO_TOKEN, credential, name, url, "withdrawn", None, facts=_FACTS, language=language)


def write(mail: str, letter: Letter, template: Template | None, places: Places) -> Shown:
    """Write the mail in the tenant's words, or in ours where it has none."""
    said, language = letters.said(letter, NOBODYS, places), letter.language or ""
    unsubscribe = f"{places.unsubscribe}/{NO_TOKEN}" if places.unsubscribe else None
    if template is None:
        return Shown(written(mail, said, language, unsubscribe), [])
    try:
        return Shown(own_words.write(template, said, language, unsubscribe, places.verifier), [])
    except TemplateRefused as error:
        return Shown(None, list(error.problems))
