"""What the issuer reads from its environment beyond what every service does."""

from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from shared.credentials.status import MIN_BITS
from shared.settings import Settings


class IssuerSettings(Settings):
    """The issuer's settings."""

    port: int = 8001

    # The key-encryption keys (shared/sealing.py): signing keys stand in the database sealed under them.
    kek_file: Path = Path(".laurel/kek")
    # For conformance suites on this machine alone: the slug of one institution that issues by VC-API without an API
    # key, and may have a did:key for each kind of key.
    vc_api_open_institution: str | None = None
    # Threads that sign: more of them would only take the interpreter from the event loop.
    signing_threads: int = Field(2, ge=1, le=16)

    # Entries of a new status list; how long a signed one is valid, and how long a reader may keep it.
    status_list_size: int = Field(MIN_BITS, ge=MIN_BITS, le=8 * MIN_BITS)
    status_list_lifetime: timedelta = timedelta(hours=24)
    status_list_ttl: timedelta = timedelta(seconds=60)
    # A changed list is signed once in such a time.
    status_list_window: timedelta = Field(timedelta(milliseconds=100), gt=timedelta(0), le=timedelta(milliseconds=100))

    # Issuance jobs: rows that a worker takes at once, how many such chunks it has under way, for how long a chunk is
    # its own before another worker takes it over, and when an upload of which nothing comes counts as broken off.
    job_chunk_rows: int = Field(500, ge=1, le=5_000)
    job_chunks: int = Field(2, ge=1, le=8)
    job_lease: timedelta = Field(timedelta(seconds=60), gt=timedelta(0))
    job_upload_silence: timedelta = Field(timedelta(seconds=90), gt=timedelta(0))
    # For how long after its end a job's rows, and so the learners' names, are kept.
    job_rows_kept: timedelta = Field(timedelta(days=30), ge=timedelta(0))
    # An institution's share: chunks under way in all workers, jobs that have not ended, and the rows of these.
    job_chunks_per_institution: int = Field(4, ge=1)
    job_open_per_institution: int = Field(50, ge=1)
    job_rows_per_institution: int = Field(3_000_000, ge=1)
    job_max_bytes: int = Field(512 << 20, ge=1)

    @model_validator(mode="after")
    def _open_to_this_machine_alone(self) -> Self:
        if self.vc_api_open_institution is not None and not _is_loopback(self.host):
            raise ValueError("LAUREL_VC_API_OPEN_INSTITUTION needs LAUREL_HOST to be a loopback address")
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
