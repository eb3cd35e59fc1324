"""Badges of an institution that had another DID before: its own under both, in whatever order that is told."""

from typing import Any

from tests.integration.verifier.builders import Institution, now
from tests.integration.verifier.conftest import Verifier, outcomes
from tests.support.records import beats


def said(report: dict[str, Any]) -> tuple[str, str | None]:
    return report["verdict"], report["reason"]


def moved() -> tuple[Institution, Institution]:
    """One institution, as it was and as it is now."""
    before = Institution()
    return before, Institution(id=before.id, did="did:web:badges.example:institutions:oak")


async def test_a_badge_of_before_is_valid_and_revocable_as_one_of_after_is(served: Verifier) -> None:
    before, after = moved()
    old, new = before.badge(), after.badge()
    await served.know(before, old)
    await served.feed(after.state(version=2, former_dids=(before.did,)), after.key_state())
    await served.feed(before.key_state(version=2, retired_at=now()))
    await served.feed(after.credential(new))
    for badge, issuer in ((old, before), (new, after)):
        report = await served.verify(badge)
        assert (said(report), report["issuer"]["id"]) == (("valid", None), issuer.did)
        assert report["issuer"]["registered_name"] == "Oak College"
        await served.feed(after.credential(badge, "revoked"))
        assert said(await served.verify(badge)) == ("invalid", "revoked")


async def test_what_the_old_key_signs_after_the_move_is_refused(served: Verifier) -> None:
    before, after = moved()
    late = before.badge()
    await served.know(before, late)
    await served.feed(after.state(version=2, former_dids=(before.did,)))
    await served.feed(before.key_state(version=2, retired_at=before.founded))
    assert said(await served.verify(late)) == ("invalid", "key_retired")


async def test_while_the_old_keys_record_has_not_come_a_badge_of_before_is_undecided_and_nobody_elses(
    served: Verifier,
) -> None:
    before, after = moved()
    old = before.badge()
    await served.feed(after.state(version=2, former_dids=(before.did,)), after.credential(old))
    await served.hear(beats())
    report = await served.verify(old)
    assert (report["verdict"], outcomes(report)["key"]) == ("unknown", "unknown")
    assert "fail" not in outcomes(report).values()
