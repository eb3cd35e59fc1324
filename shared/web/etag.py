"""ETags of versioned resources, and the If-Match header that guards a change (RFC 9110 section 13.1.1)."""

from shared.errors import PreconditionFailed


def etag(version: int | str) -> str:
    """Return the strong entity tag of a resource at `version`."""
    return f'"{version}"'


def refuse_stale(if_match: str | None, version: int) -> None:
    """Raise PreconditionFailed where `if_match` is sent and names neither this version nor `*`."""
    if if_match is None or if_match.strip() == "*":
        return
    if etag(version) not in [tag.strip() for tag in if_match.split(",")]:
        raise PreconditionFailed("version_changed", f"It has changed since: it is now at version {version}.")
