"""Reads what strangers have written into a badge: whatever is of another form than expected is passed over."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit


def web_link(url: object) -> str | None:
    """Return a stranger's address where it may be followed: http or https with a host, and nothing else."""
    return url if isinstance(url, str) and _host(url) else None


def objects(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the objects in a member that may hold one or many; whatever is none is passed over."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, Mapping):
            yield each


def text_of(members: object, name: str) -> str | None:
    """Return a member that is a text with something in it, else None."""
    found = members.get(name) if isinstance(members, Mapping) else None
    return found if isinstance(found, str) and found.strip() else None


def domain_of(url: str | None) -> str | None:
    """Return the domain in an http or https address, in the letters that a name server knows it by."""
    host = _host(url or "")
    try:
        return host.encode("idna").decode() if host else None
    except UnicodeError:
        return host


def _host(url: str) -> str | None:
    if not re.match(r"https?://", url, re.IGNORECASE) or re.search(r"[\x00-\x20\x7f\\]", url):
        return None
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
