"""ETags of versioned resources, and the headers that ask by them: If-Match, If-None-Match (RFC 9110 section 13.1)."""

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


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Tell whether the caller has the representation `tag` already: the answer is 304 then (section 13.1.2)."""
    if if_none_match is None:
        return False
    known = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return "*" in known or tag in known
