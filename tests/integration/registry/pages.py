"""Badges' pages as a browser meets them."""

from html.parser import HTMLParser
from typing import Any

import httpx

from tests.integration.registry.builders import Badge, achievement, institution
from tests.integration.registry.conftest import Registry

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


class Page(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and its text."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(answer.text)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.text += " "

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def links(self) -> list[str]:
        return [each["href"] or "" for each in self.all("a")]

    @property
    def told(self) -> dict[str, str]:
        """What it says in its head."""
        said = (
            (each.get("property") or each.get("name") or "", each.get("content") or "") for each in self.all("meta")
        )
        return dict(said)

    @property
    def tone(self) -> str:
        """How its verdict looks."""
        marked = [
            each["class"] or "" for each in self.all("section") if (each.get("class") or "").startswith("verdict")
        ]
        assert len(marked) == 1, marked
        return marked[0].removeprefix("verdict ")


async def open_page(registry: Registry, badge: Badge, **query: str) -> Page:
    answer = await registry.client.get(f"/credentials/{badge.id}", params=query, headers=BROWSER)
    assert answer.status_code == 200, answer.text
    assert answer.headers["vary"] == "Accept"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers
    return Page(answer)


async def known(registry: Registry, badge: Badge, **members: Any) -> Badge:
    """A badge that is recorded with its achievement and institution, and of which the newest word is here."""
    await registry.feed(
        badge.issued(),
        institution(badge.institution_id, **members),
        achievement(badge.institution_id, badge.achievement_id),
    )
    await registry.hear()
    return badge
