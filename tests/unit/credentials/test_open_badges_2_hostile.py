"""Whatever stands in a badge of Open Badges 2.0, or where it leads: there is an answer, and never a better one."""

import random
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.credentials.check import Needs
from shared.credentials.open_badges_2 import check_assertion, is_assertion
from shared.credentials.open_badges_2_issuer import GONE
from shared.credentials.report import CheckedDocument
from tests.support.badges import at, paths
from tests.support.open_badges_2 import (
    ASSERTION,
    CLASS,
    ISSUER,
    KEY,
    a_class,
    a_profile,
    an_assertion,
    behind_signed,
    hosted,
    signed,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ODD: list[Any] = [
    None, True, 0, -1, 1e300, "", "x", "https://", "https://[", "https://old.example/../x",
    ASSERTION, CLASS, ISSUER, KEY, "\U0001f600" * 500, "https://old.example\\@evil.example/",
    [], [[]], {}, {"id": None}, {"id": []}, {"type": {}},
    {"id": ISSUER, "type": [["Issuer"]]}, [ISSUER, ISSUER], {"@id": ISSUER}, a_class(), a_profile(),
]  # fmt: skip


def answer(badge: Any, pages: dict[str, Any]) -> CheckedDocument:
    """The answer, after as many rounds as a badge gets."""
    fetched: dict[str, Any] = {}
    for _ in range(8):
        found = check_assertion(badge, now=NOW, fetched=fetched)
        if not isinstance(found, Needs):
            return found
        assert set(found.urls) - fetched.keys(), "what is there is not asked for again"
        fetched |= {url: pages.get(url) for url in found.urls}
    raise AssertionError("a badge asks without end")


def is_valid(found: CheckedDocument) -> bool:
    return found.signed_by_issuer and not any(check.outcome in ("fail", "unknown") for check in found.checks)


def with_odd(document: Any, path: Any, odd: Any) -> Any:
    changed = deepcopy(document)
    *above, last = path
    at(changed, above)[last] = odd
    return changed


@pytest.mark.parametrize("place", [ASSERTION, CLASS, ISSUER])
def test_an_odd_value_anywhere_in_a_hosted_badge_has_an_answer(place: str) -> None:
    pages = hosted()
    for path in [path for path in paths(pages[place]) if path]:
        for odd in ODD:
            answer(an_assertion(), {**pages, place: with_odd(pages[place], path, odd)})
            if place == ASSERTION:
                answer(with_odd(pages[place], path, odd), pages)


@pytest.mark.parametrize("place", list(behind_signed()))
def test_an_odd_value_anywhere_behind_a_signed_badge_has_an_answer(place: str) -> None:
    pages = behind_signed()
    for path in [path for path in paths(pages[place]) if path]:
        for odd in ODD:
            answer(signed(), {**pages, place: with_odd(pages[place], path, odd)})


@pytest.mark.parametrize("odd", [*ODD, GONE], ids=lambda odd: "gone" if odd is GONE else repr(odd))
def test_an_odd_page_has_an_answer_and_none_of_them_is_a_valid_badge(odd: Any) -> None:
    for badge, pages in ((an_assertion(), hosted()), (signed(), behind_signed())):
        for place in pages:
            assert odd == pages[place] or not is_valid(answer(badge, {**pages, place: odd}))


def test_odd_values_in_a_signed_assertion_have_an_answer() -> None:
    for path in [path for path in paths(an_assertion()) if path]:
        for odd in ODD:
            members = with_odd(an_assertion(verification={"type": "SignedBadge", "creator": KEY}), path, odd)
            token = signed(**members)
            if is_assertion(members):
                answer(token, behind_signed())


def test_a_token_with_any_of_its_characters_changed_is_never_valid() -> None:
    token, random_ = signed(), random.Random(7)
    assert is_valid(answer(token, behind_signed()))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    for place in random_.sample(range(len(token)), 300):
        other = random_.choice([each for each in letters if each != token[place]])
        assert not is_valid(answer(f"{token[:place]}{other}{token[place + 1 :]}", behind_signed()))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (an_assertion(issuedOn="2027-01-31"), "a date and time with its time zone"),
        (an_assertion(verification={"type": "blockchain"}), "an object whose type is HostedBadge or SignedBadge"),
        ({"@context": "https://w3id.org/openbadges/v2", **a_class()}, "This is a badge's class"),
        ({"@context": "https://w3id.org/openbadges/v2", **a_profile()}, "This is the profile of an issuer"),
    ],
)
def test_what_is_no_assertion_of_2_0_is_told_what_is_wanted(given: dict[str, Any], told: str) -> None:
    assert is_assertion(given)
    structure = answer(given, {}).checks[0]
    assert (structure.outcome, told in structure.detail) == ("fail", True)
