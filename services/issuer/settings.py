"""What the issuer reads from its environment beyond what every service does."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from shared.credentials.status import MIN_BITS
from shared.settings import Settings


class IssuerSettings(Settings):
    """The issuer's settings."""

    port: int = 8001

    # The key-encryption keys (shared/sealing.py): signing keys stand in the database sealed under them.
    kek_file: Path = Path(".laurel/kek")
    # Threads that sign: more of them would only take the interpreter from the event loop.
    signing_threads: int = Field(2, ge=1, le=16)

    # Entries of a new status list; how long a signed one is valid, and how long a reader may keep it.
    status_list_size: int = Field(MIN_BITS, ge=MIN_BITS, le=8 * MIN_BITS)
    status_list_lifetime: timedelta = timedelta(hours=24)
    status_list_ttl: timedelta = timedelta(seconds=60)
    # A changed list is signed once in such a time.
    status_list_window: timedelta = Field(timedelta(milliseconds=100), gt=timedelta(0), le=timedelta(milliseconds=100))
