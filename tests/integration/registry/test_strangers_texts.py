"""What strangers write into badges is text on their pages: nothing of it runs, loads, or pretends to be ours."""

from typing import Any

import pytest

from shared.credentials.identity import name_identity
from shared.messaging.events import Reason
from tests.integration.registry.builders import Badge, achievement, institution
from tests.integration.registry.conftest import Registry
from tests.integration.registry.pages import known, open_page

XSS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title></textarea></style><script>alert(1)</script>",
    "[x](javascript:alert(1)) ![x](https://evil.example/x.png) <javascript:alert(1)> [x]: javascript:alert(1)",
    "{{7*7}}{% include 'x' %}${7*7}",
    "javascript:alert(1)",
    "\r\nSet-Cookie: x=1\x1b[31m",
)


def planted_everywhere(value: Any, text: str) -> Any:
    """`value` with `text` in the place of every text."""
    if isinstance(value, dict):
        return {name: planted_everywhere(member, text) for name, member in value.items()}
    if isinstance(value, list):
        return [planted_everywhere(item, text) for item in value]
    return text if isinstance(value, str) else value


ACHIEVEMENT = {
    "id": "x", "name": "x", "description": "x", "criteria": {"narrative": "x", "id": "x"}, "tag": ["x"],
    "achievementType": "x", "humanCode": "x", "specialization": "x", "fieldOfStudy": "x", "inLanguage": "x",
    "alignment": [dict.fromkeys(
        ("targetName", "targetUrl", "targetFramework", "targetCode", "targetDescription", "targetType"), "x")],
    "resultDescription": [{"id": "x", "name": "x", "resultType": "x", "allowedValue": ["x"], "valueMin": "x"}],
    "micro_credential": {
        "learning_outcomes": ["x"], "assessment_type": "x", "supervision": "x", "identity_check": "x",
        "participation": "x", "quality_assurance": "x", "country": "x",
    },
}  # fmt: skip


@pytest.mark.parametrize("text", XSS)
async def test_in_every_member_it_is_text(registry: Registry, text: str) -> None:
    badge = Badge()
    badge.document["credentialSubject"] = {
        "identifier": [name_identity(f"x{text}x")],
        "result": planted_everywhere(
            [{"resultDescription": "x", "value": "x", "status": "x", "achievedLevel": "x"}], text
        ),
    }
    badge.document["evidence"] = planted_everywhere(
        [{"id": "x", "name": "x", "description": "x", "narrative": "x"}], text
    )
    harmless = await known(registry, Badge(), url="https://north.example")
    await registry.feed(
        badge.issued(),
        institution(badge.institution_id, name=text, url=text, did=f"did:web:{text}"),
        achievement(badge.institution_id, badge.achievement_id, **planted_everywhere(ACHIEVEMENT, text)),
        badge.changed().model_copy(update={"reason": Reason(code="other", note=text)}),
    )
    async with registry.serving():
        plain = await open_page(registry, harmless, owner=harmless.owner_token)
        for page in (await open_page(registry, badge, owner=badge.owner_token), await open_page(registry, badge)):
            allowed = {tag for tag, _ in plain.elements} | {"q", "em", "strong"}
            assert {tag for tag, _ in page.elements} <= allowed
            assert len(page.all("script")) == 1
            assert not [
                name for _, attributes in page.elements for name in attributes if name.startswith(("on", "style"))
            ]
            for address in page.links:
                # A picture of theirs is a link at most: none is loaded.
                ours = ("/", "#", "https://www.linkedin.com/profile/add?", "https://evil.example/x.png")
                assert address.startswith(ours), address
            for image in page.all("img"):
                assert (image["src"] or "").startswith("/")
            assert "49" not in page.text.replace(str(badge.id), "")[:200], "no template of theirs is run"


async def test_a_name_that_hides_its_direction_is_isolated_marked_and_shown_with_its_domain(registry: Registry) -> None:
    badge = Badge()
    await registry.feed(
        badge.issued(),
        institution(badge.institution_id, name="North\u202eymedacA", url="https://north.example"),
        achievement(badge.institution_id, badge.achievement_id, name="Weld\u200bing"),
    )
    await registry.hear()
    async with registry.serving():
        page = await open_page(registry, badge)
    assert '<bdi>North‹U+202E›ymedacA</bdi> <span class="conceals"' in page.answer.text
    assert '<bdi>Weld\u200bing</bdi> <span class="conceals"' in page.answer.text
    assert "(north.example)" in page.text
