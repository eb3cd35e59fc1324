"""What the registry reads from its environment beyond what every service does."""

from shared.settings import Settings


class RegistrySettings(Settings):
    """The registry's settings."""

    port: int = 8002
    # Where `/institutions/*` of badges is sent on to; unset where a proxy before us does that.
    issuer_url: str | None = None
    # Where pages send people on to: to check a badge, and to have their links sent. Unset: no such link.
    verifier_url: str | None = None
    notifier_url: str | None = None

    @property
    def demo(self) -> bool:
        """Whether badges made here are demo badges: without a public https address nobody outside can check them."""
        return not self.public_url.startswith("https://")
