"""What the verifier reads from its environment beyond what every service does."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from shared.settings import Settings


class VerifierSettings(Settings):
    """The verifier's settings."""

    port: int = 8003
    # How often one address may verify without a key.
    anonymous_rate: str = "120/minute"

    # The processes that look into documents: how many, how many documents may wait for them, and what one document
    # may cost. Memory is what a process may have beside its code; a warm one has some 30 MiB.
    check_workers: int = Field(2, ge=1)
    check_queue: int = Field(64, ge=1)
    check_cpu_seconds: float = Field(2.0, gt=0)
    check_memory_mib: int = Field(256, ge=64)

    # Whose status lists are believed beside an issuer's own: DIDs or https identifiers, with commas between them.
    trusted_list_issuers: Annotated[frozenset[str], NoDecode] = frozenset()

    # The keys that sign receipts stand in the database sealed under the keys of this file (shared/sealing.py).
    kek_file: Path = Path(".laurel/kek")
    # Where the transparency log's files stand (unset: below the public address), and the log's key as in its `vkey`
    # (unset: the first one that is met is believed from then on).
    log_url: str | None = None
    log_vkey: str | None = None
    # Whether badges of this registry must be shown to be in that log, where nobody says (`require_inclusion`).
    require_inclusion: bool = False

    # How long a watch lasts where its employer does not say, how long at the longest, and how many one may have open.
    watch_default: timedelta = Field(timedelta(days=365), gt=timedelta(0))
    watch_longest: timedelta = Field(timedelta(days=730), gt=timedelta(0))
    watches_per_employer: int = Field(10_000, ge=1)
    # How often one institution may ask how many employers a change would reach: the fewer, the less two answers that
    # differ by one badge tell (docs/decisions/0029).
    reach_rate: str = "60/hour"

    # Lets links lead to this machine itself, over http and to any port: for the embedded default and for tests.
    allow_loopback_fetches: bool = False

    # The VC-API's routes answer 400 where something is not verified, as its test suites want. The newer text of that
    # specification wants 200 there, and 400 only where there is nothing that can be looked into.
    vc_api_answers_200: bool = False

    @field_validator("trusted_list_issuers", mode="before")
    @classmethod
    def _each_an_identifier(cls, given: str | Iterable[str]) -> frozenset[str]:
        named = given.split(",") if isinstance(given, str) else given
        issuers = frozenset(each.strip() for each in named if each.strip())
        if wrong := [each for each in issuers if not each.startswith(("did:", "https://"))]:
            raise ValueError(f"no DID and no https identifier: {wrong[0]}")
        return issuers
