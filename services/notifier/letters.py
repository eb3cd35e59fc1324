"""What mails say of badges: strangers' words on one line each, in short, with a warning where they hide something."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from markdown_it import MarkdownIt
from markdown_it.token import Token

from services.notifier.domain import ENGLISH, MAX_LINKS, credential_link
from services.notifier.headers import one_line
from services.notifier.store.links import Links
from services.notifier.store.parcels import Letter
from services.notifier.words import day, spoken, words
from shared.credentials.quoting import conceals, quoted

MAX_NAME = 150
MAX_URL = 2000
# The badge's page has the whole of it.
MAX_PROSE = 300
MAX_RESULTS = 10
# Enough Markdown for that many characters of text.
_MARKDOWN_READ = 10 * MAX_PROSE
_RIGHT_TO_LEFT = ("R", "AL", "AN")
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"

_WEB_ADDRESS = re.compile(r"https?://[^\s\x00-\x20]+")

_markdown = MarkdownIt("commonmark", {"html": False}).disable("image")


@dataclass(frozen=True, slots=True)
class Places:
    """Where a mail's links lead: badges' pages; the verify page and pages of this service, where there are any."""

    public_url: str
    verifier: str | None = None
    my_links: str | None = None
    unsubscribe: str | None = None
    confirm: str | None = None


class Fact(NamedTuple):
    """One line of a mail: a label of ours, and what a stranger says."""

    label: str
    text: str


def said(letter: Letter, credential_id: UUID, places: Places) -> dict[str, Any]:
    """Return what the templates of a badge's mails ask for; nothing in it spans lines."""
    badge, url = letter.credential["credentialSubject"]["achievement"]["name"], letter.institution_url
    language, ours = spoken(letter.language), words(spoken(letter.language))
    by_operator = letter.actor_role == "operator"
    link = credential_link(places.public_url, credential_id, letter.owner_token)
    return {
        "name": addressee(letter.credential),
        "badge": short(badge, MAX_NAME),
        "badge_quoted": quoted(badge),
        "badge_shown": shown(badge, MAX_NAME, language),
        "earned": earned(letter.credential, language),
        "institution": short(letter.institution, MAX_NAME),
        # Where it can be reached; a DID is nothing that a learner can write to.
        "reached": one_line(url) if url else None,
        "whom": [
            Fact(ours["issued_by"], shown(letter.institution, MAX_NAME, language)),
            *([Fact(ours["on_the_web"], shown(url, MAX_URL, language))] if url else []),
            Fact(ours["signed_as"], signer(letter.credential)),
        ],
        # Who revoked it, as a sentence begins.
        "revoker": ours["operator"] if by_operator else short(letter.institution, MAX_NAME),
        "by_operator": by_operator,
        "reason": ours["by_operator"] if by_operator else ours["reasons"].get(letter.reason, ours["reasons"]["other"]),
        "note": shown(letter.note, MAX_PROSE, language) if letter.note else None,
        "link": link,
        "public_link": credential_link(places.public_url, credential_id),
        "verifier": places.verifier,
        "my_links": places.my_links,
        **_expiry(letter.facts, link, language),
    }


def _expiry(facts: Mapping[str, Any], link: str, language: str) -> dict[str, Any]:
    """Return when a badge runs out, and where to ask for a new one: the institution's page, or the badge's own."""
    days = {name: datetime.fromisoformat(facts[name]) for name in ("valid_until", "renewable_until") if name in facts}
    url = facts.get("renewal_url", "")
    return {
        "days": facts.get("days", 0),
        "runs_out": day(days["valid_until"], language) if "valid_until" in days else "",
        "renewal_until": day(days["renewable_until"], language) if "renewable_until" in days else None,
        "renewal_link": url if _WEB_ADDRESS.fullmatch(url) else link,
    }


def listed(found: Links, places: Places) -> dict[str, Any]:
    """Return what the templates of the mail with an address's links ask for."""
    badges = [
        {
            "badge": shown(each.badge, MAX_NAME, found.language),
            "institution": shown(each.institution, MAX_NAME, found.language),
            "day": day(each.issued_at, found.language),
            "link": credential_link(places.public_url, each.credential_id, each.owner_token),
        }
        for each in found.badges
    ]
    return {"badges": badges, "most": MAX_LINKS, "my_links": places.my_links}


def earned(credential: Mapping[str, Any], language: str = ENGLISH) -> list[Fact]:
    """Return what a signed badge says was earned: description, criteria, results, until when it holds."""
    ours = words(language)
    achievement, subject = credential["credentialSubject"]["achievement"], credential["credentialSubject"]
    said = [
        (ours["what_it_says"], achievement.get("description") or ""),
        (ours["what_it_took"], _criteria(achievement.get("criteria") or {})),
        *[(ours["result"], each) for each in _results(subject.get("result") or [], achievement)],
    ]
    facts = [Fact(label, shown(text, MAX_PROSE, language)) for label, text in said if text.strip()]
    until = credential.get("validUntil")
    return [*facts, Fact(ours["valid_until"], day(datetime.fromisoformat(until), language))] if until else facts


def signer(credential: Mapping[str, Any]) -> str:
    """Return the identifier of who signed a badge: a DID, whose domain is part of it where it has one."""
    issuer = credential["issuer"]
    return one_line(issuer if isinstance(issuer, str) else issuer["id"])


def addressee(credential: Mapping[str, Any]) -> str | None:
    """Return the name that a badge carries of its learner; None where it carries none, or a hash of it."""
    identities = credential["credentialSubject"].get("identifier") or []
    for each in identities if isinstance(identities, list) else [identities]:
        if each.get("identityType") == "name" and each.get("hashed") is not True:
            return short(each["identityHash"], MAX_NAME) or None
    return None


def plain(markdown: str) -> str:
    """Return the text of Markdown without its marks, and without the addresses of its links."""
    return _plain(markdown[:_MARKDOWN_READ])


# A cohort's badges say one thing.
@lru_cache(256)
def _plain(markdown: str) -> str:
    blocks = (" ".join(_text(token).split()) for token in _markdown.parse(markdown))
    return " ".join(each if each[-1] in ".,:;!?" else f"{each};" for each in blocks if each).rstrip(";")


def short(text: str, limit: int) -> str:
    """Return a text on one line, cut after `limit` characters."""
    line = one_line(text)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def shown(text: str, limit: int, language: str = ENGLISH) -> str:
    """Return a text as `short` does, and say so where it holds characters that nobody sees or that turn it round."""
    return f"{short(text, limit)} {words(language)['warning']}" if conceals(text) else short(text, limit)


def apart(text: str) -> str:
    """Return a text for a line of plain text: what is written from right to left turns nothing round but itself."""
    turns = not text.isascii() and any(unicodedata.bidirectional(each) in _RIGHT_TO_LEFT for each in text)
    return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_ISOLATE}" if turns else text


def _text(token: Token) -> str:
    if token.children is None:
        return token.content
    return "".join(" " if each.type.endswith("break") else each.content for each in token.children)


def _criteria(criteria: Mapping[str, Any]) -> str:
    told, address = criteria.get("narrative"), criteria.get("id")
    return plain(told) if told else address or ""


def _results(results: list[Mapping[str, Any]], achievement: Mapping[str, Any]) -> Iterator[str]:
    described = {each.get("id"): each.get("name") for each in achievement.get("resultDescription") or []}
    for result in results[:MAX_RESULTS]:
        name = described.get(result.get("resultDescription"))
        said = result.get("value") or result.get("status") or result.get("achievedLevel") or ""
        yield f"{name}: {said}" if name else said
