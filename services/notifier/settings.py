"""What the notifier reads from its environment beyond what every service does."""

from pathlib import Path

from pydantic import Field, SecretStr

from shared.settings import Settings


class NotifierSettings(Settings):
    """The notifier's settings."""

    port: int = 8004

    # The keys that seal webhook secrets, one a line (shared/sealing.py); the issuer seals its own with the same.
    kek_file: Path = Path(".laurel/kek")

    # smtp://host:port (plain), smtp+starttls://user:password@host:587 or smtps://…; unset: mails become files.
    smtp_url: SecretStr | None = None
    mail_folder: Path = Path(".laurel/mail")
    # An address alone: for whom Laurel writes is put before it.
    mail_from: str = Field("badges@laurel.example", pattern=r"^[^@\s<>\",;:]+@[^@\s<>\",;:]+$")
    mails_at_once: int = Field(8, ge=1)
    # Through an SMTP server, by all senders together: what is more waits. An address may get as many of an hour at
    # once, a domain those of a minute.
    mails_an_hour_to_an_address: int = Field(30, ge=1)
    mails_a_minute_to_a_domain: int = Field(600, ge=1)
    mails_at_once_to_a_domain: int = Field(8, ge=1)

    # Where mails send people: the verify page, and this service's own pages; unset: mails leave that out.
    verifier_url: str | None = None
    notifier_url: str | None = None
    # How often one network address may ask for links of badges.
    my_links_rate: str = "10/hour"

    webhooks_at_once: int = Field(32, ge=1)
    # Lets webhooks go to this machine itself, over http and to any port: for the embedded default and for tests.
    allow_loopback_webhooks: bool = False
