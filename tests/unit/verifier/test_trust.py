"""What deserves a second look is told, and decides nothing."""

from dataclasses import replace

import pytest

from services.verifier.domain.judgement import judge
from shared.credentials.report import CheckedDocument
from tests.unit.verifier.test_judgement import FACTS, KNOWN, OAK_COLLEGE, RULES, SIGNED, STRANGE


def test_what_an_institution_issues_that_is_there_for_trying_out_is_told_as_a_demonstration_whatever_its_name():
    trying = replace(KNOWN, issuer=replace(OAK_COLLEGE, sandbox=True))
    checks = judge(CheckedDocument(checks=SIGNED, facts=FACTS), trying, RULES, []).checks
    assert [check.code for check in checks if check.name == "demo"] == ["demo"]
    unsigned = judge(CheckedDocument(checks=SIGNED[:2], facts=FACTS), trying, RULES, []).checks
    assert not any(check.name == "demo" for check in unsigned)


def test_a_copied_achievement_is_a_warning():
    facts = FACTS.model_copy(update={"creator_id": "did:key:zSomebodyElse"})
    checks = judge(CheckedDocument(checks=SIGNED, facts=facts), KNOWN, RULES, []).checks
    assert ("creator", "warn") in {(check.name, check.outcome) for check in checks}


@pytest.mark.parametrize(("known", "told"), [(KNOWN, False), (STRANGE, True)])
def test_an_achievement_of_ours_under_a_strangers_signature_is_a_warning_though_no_creator_is_named(known, told):
    facts = FACTS.model_copy(update={"achievement_id": f"{RULES.public_url}/achievements/5f0c/1", "id": "urn:x"})
    checks = judge(CheckedDocument(checks=SIGNED, facts=facts), known, RULES, []).checks
    assert (("creator", "not_the_creator") in {(check.name, check.code) for check in checks}) is told
