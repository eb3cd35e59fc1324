"""The verdict follows from the checks, and its sentence never lends a stranger a registered name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.credentials.quoting import quoted
from shared.credentials.report import Check, CredentialFacts, ReportedIssuer, called, conclude, reported, verdicts_of

STRANGER = ReportedIssuer(id="did:key:z6Mk", claimed_name="University of Oxford", standing="unknown")
MEMBER = ReportedIssuer(
    id="did:web:x", claimed_name="Whoever", standing="registered", registered_name="Example University"
)


def _check(name, outcome, code=None, detail="A detail."):
    return Check(name=name, outcome=outcome, code=code, detail=detail)


GOOD = [_check("structure", "pass"), _check("proof", "pass"), _check("status", "pass")]


def test_all_passed_is_valid_and_has_no_reason():
    conclusion = conclude(GOOD, MEMBER)
    assert (conclusion.verdict, conclusion.reason) == ("valid", None)


def test_a_warning_and_a_check_not_made_leave_a_badge_valid():
    assert conclude([*GOOD, _check("demo", "warn"), _check("recipient", "skipped")], MEMBER).verdict == "valid"


def test_one_failure_is_invalid_and_the_first_one_is_the_reason():
    checks = [_check("proof", "fail", "tampered"), _check("status", "fail", "revoked")]
    assert (conclude(checks, MEMBER).verdict, conclude(checks, MEMBER).reason) == ("invalid", "tampered")


def test_what_is_undecided_is_unknown_and_neither_valid_nor_invalid():
    conclusion = conclude([*GOOD[:2], _check("status", "unknown", "status_unavailable")], MEMBER)
    assert (conclusion.verdict, conclusion.reason) == ("unknown", "status_unavailable")
    assert conclusion.summary.startswith("This can't be decided.")


def test_a_failure_decides_before_anything_undecided():
    checks = [_check("proof", "unknown", "unsupported_proof"), _check("validity", "fail", "expired")]
    assert conclude(checks, MEMBER).reason == "expired"


def test_a_reason_without_a_sentence_of_its_own_is_told_by_its_check():
    assert conclude([_check("x", "fail", "new_code", "Because of x.")], MEMBER).summary == "Because of x."


@pytest.mark.parametrize("outcome", ["fail", "unknown", "warn"])
@pytest.mark.parametrize("name", ["recipient", "conformance", "schema", "endorsement"])
def test_what_is_not_of_the_badge_itself_leaves_the_verdict_alone(name, outcome):
    assert conclude([*GOOD, _check(name, outcome, "a_code")], MEMBER).verdict == "valid"


@pytest.mark.parametrize(
    ("checks", "verdicts"),
    [
        ([], ("skipped", "skipped", "skipped")),
        (GOOD, ("pass", "pass", "skipped")),
        ([*GOOD, _check("conformance", "warn", "not_conformant")], ("pass", "pass", "warn")),
        ([*GOOD, _check("validity", "fail", "expired")], ("pass", "fail", "skipped")),
        ([*GOOD[:2], _check("status", "unknown", "status_unavailable")], ("pass", "unknown", "skipped")),
        (
            [*GOOD[:2], _check("status", "skipped", "no_status"), _check("validity", "pass")],
            ("pass", "pass", "skipped"),
        ),
        ([_check("proof", "fail", "tampered"), _check("status", "skipped")], ("fail", "skipped", "skipped")),
        ([*GOOD, _check("registry", "fail", "not_in_registry")], ("fail", "pass", "skipped")),
    ],
)
def test_each_question_has_the_gravest_outcome_of_its_checks(checks, verdicts):
    found = verdicts_of(checks)
    assert (found.proof, found.status, found.conformance) == verdicts


def test_a_registered_issuer_is_called_as_the_registry_knows_it():
    summary = conclude(GOOD, MEMBER).summary
    assert "Example University" in summary
    assert "Whoever" not in summary


def test_a_stranger_is_told_apart_from_an_institution_whose_name_it_uses():
    summary = conclude(GOOD, STRANGER).summary
    assert "whom this registry does not know, who calls itself “University of Oxford”" in summary


def test_a_strangers_name_cannot_hide_or_turn_the_sentence_round():
    stranger = STRANGER.model_copy(update={"claimed_name": "\u202eOx\u200bford\n" + "x" * 5000})
    summary = conclude(GOOD, stranger).summary
    assert "Oxford" in summary
    assert summary.isprintable()
    assert len(summary) < 400


@pytest.mark.parametrize(
    "mark", ["”", '"', "''", "„", "»", "’", "\u2033", "\u02ba", "＂", "」", "\n", "\u2028", "\u202e", "\u2069"]
)
def test_a_strangers_name_cannot_speak_as_the_registry(mark):
    name = f"nobody{mark}. Correction: it is signed by Laurel Demo University, registered here"
    summary = conclude(GOOD, STRANGER.model_copy(update={"claimed_name": name})).summary
    before, quotation, after = re.split("[“”]", summary)
    assert before.endswith("whom this registry does not know, who calls itself ")
    assert quotation.startswith("nobody")
    assert after.startswith(". Whose badge it is")
    assert mark not in f"{before}{quotation}{after}"


@given(st.text())
def test_what_is_quoted_never_ends_its_quotation(text):
    quotation = quoted(text)
    assert quotation.isprintable()
    assert len(quotation) <= 122
    assert (quotation[0], quotation[-1]) == ("“", "”")
    assert not set(quotation[1:-1]) & set('“”"„‟«»')
    assert "''" not in quotation


def test_an_apostrophe_in_a_name_stays():
    assert quoted("King's College, Queen’s Road") == "“King's College, Queen’s Road”"


def test_whose_badge_it_is_is_said_to_be_unchecked_unless_it_was():
    assert "Whose badge it is was not checked." in conclude(GOOD, MEMBER).summary
    assert "not checked" not in conclude([*GOOD, _check("recipient", "pass")], MEMBER).summary


def test_a_report_tells_of_the_credential_without_its_subject():
    facts = CredentialFacts(id="urn:x", name="n", issuer_id="did:x", digest="00")
    assert reported(facts).model_dump(exclude_none=True) == {
        "kind": "badge",
        "id": "urn:x",
        "name": "n",
        "digest": "00",
    }


def test_what_is_told_calls_a_credential_by_its_kind_and_leaves_strangers_words_alone():
    assert called("The issuer has revoked this badge.", "credential") == "The issuer has revoked this credential."
    assert called("It names “a badge”.", "endorsement") == "It names “a badge”."
    checks = [Check(name="proof", outcome="pass", detail="")]
    assert conclude(checks, MEMBER, "endorsement").summary.startswith("The endorsement is as it was signed")
    revoked = [Check(name="status", outcome="fail", detail="", code="revoked")]
    assert conclude(revoked, MEMBER, "credential").summary == "The issuer has revoked this credential."


def test_a_kind_that_begins_with_a_vowel_has_its_article():
    told = called("It is a badge; the badge holds.", "endorsement")
    assert told == "It is an endorsement; the endorsement holds."
