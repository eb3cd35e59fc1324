"""The VC-API's routes answer as the W3C's test suites want: 200 for what is verified, 400 and each reason otherwise.

The traps are those of w3c-ccg/vc-api-verifier-test-suite, w3c/vc-data-model-2.0-test-suite, w3c/vc-di-eddsa-test-suite,
w3c/vc-jose-cose-test-suite and w3c/vc-bitstring-status-list-test-suite.
"""

import json
from pathlib import Path
from typing import Any

from shared.credentials.contexts import CREDENTIALS_V2, Terms, from_file
from shared.credentials.jwt import write_vc
from shared.credentials.keys import PrivateKey
from shared.credentials.proofs import prove, sign
from shared.credentials.suites import ECDSA_RDFC, EDDSA_RDFC
from tests.integration.verifier.builders import Institution
from tests.integration.verifier.conftest import Verifier
from tests.support.badges import SIGNED_AT, a_badge, a_key, a_method, an_ec_key
from tests.support.presentations import a_credential, a_presentation, enveloped, signed

P256 = an_ec_key()
EXAMPLES = "https://www.w3.org/ns/credentials/examples/v2"
CREDENTIAL = "https://www.w3.org/2018/credentials#"
EXPIRED = {"validFrom": "2020-01-01T00:00:00Z", "validUntil": "2021-01-01T00:00:00Z"}
STATUS = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation", "statusListIndex": "3"}
UNREACHABLE = {**STATUS, "id": "urn:a:1", "statusListCredential": "https://lists.invalid/1"}


def a_signed_badge(key: PrivateKey | None = None) -> dict[str, Any]:
    """One of a stranger, who can't revoke it."""
    badge = {name: value for name, value in a_badge(key).items() if name != "credentialStatus"}
    elsewhere = badge | {"id": "https://elsewhere.example/credentials/1"}
    return sign(elsewhere, key or a_key(), a_method(key or a_key()), SIGNED_AT)


def a_signed_credential(**members: Any) -> dict[str, Any]:
    return sign(a_credential(**members), a_key(), a_method(a_key()), SIGNED_AT, terms=Terms(inline=True))


def without(document: dict[str, Any], *path: str) -> dict[str, Any]:
    altered: dict[str, Any] = json.loads(json.dumps(document))
    within = altered
    for name in path[:-1]:
        within = within[name]
    del within[path[-1]]
    return altered


def with_proof(**members: Any) -> dict[str, Any]:
    signed_one = a_signed_credential()
    return {**signed_one, "proof": {**signed_one["proof"], **members}}


def a_token(header: dict[str, Any] | None = None, **members: Any) -> str:
    return write_vc(a_credential(P256, **members), P256, a_method(P256), SIGNED_AT)


async def post(served: Verifier, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    answer = await served.client.post(path, json=body)
    assert answer.headers["content-type"] == "application/json"
    said: dict[str, Any] = answer.json()
    return answer.status_code, said


async def verify(served: Verifier, credential: Any, **options: Any) -> tuple[int, dict[str, Any]]:
    body = {"verifiableCredential": credential, **({"options": options} if options else {})}
    return await post(served, "/credentials/verify", body)


async def present(served: Verifier, presentation: Any, **options: Any) -> tuple[int, dict[str, Any]]:
    body = {"verifiablePresentation": presentation, **({"options": options} if options else {})}
    return await post(served, "/presentations/verify", body)


def codes(said: dict[str, Any]) -> set[str]:
    return {each["code"] for each in said["problemDetails"]}


GOOD: dict[str, Any] = {
    "a badge": a_signed_badge(),
    "any credential": a_signed_credential(),
    "own terms": a_signed_credential(
        **{"@context": [CREDENTIALS_V2, {"T": "https://example.org/#T"}], "type": ["VerifiableCredential", "T"]}
    ),
    "a text with direction": a_signed_credential(name={"@value": "Ada", "@language": "en", "@direction": "ltr"}),
    "enveloped": enveloped(a_token()),
    "no id": a_signed_credential(id="urn:uuid:0d6c2b8e-1111-4222-8333-444455556666"),
}


async def test_what_is_verified_is_answered_with_200(served: Verifier) -> None:
    for name, credential in GOOD.items():
        for options in ({}, {"checks": ["proof"]}, {"checks": [], "unheard": "of"}):
            said = await verify(served, credential, **options)
            assert said == (200, {"verified": True, "problemDetails": []}), name


def altered(member: str, *values: Any) -> dict[str, Any]:
    return {f"{member} {value}": {**a_signed_credential(), member: value} for value in values}


def lacking(*path: str) -> dict[str, Any]:
    return {f"no {'.'.join(path)}": without(a_signed_credential(), *path)}


def claiming(context: Any) -> dict[str, Any]:
    """With a context and a type that nobody signed."""
    return a_signed_credential() | {"@context": [CREDENTIALS_V2, context], "type": ["VerifiableCredential", "T"]}


TRAPS: dict[str, Any] = {
    **lacking("@context"), **lacking("type"), **lacking("issuer"), **lacking("credentialSubject"), **lacking("proof"),
    **lacking("proof", "type"), **lacking("proof", "created"), **lacking("proof", "verificationMethod"),
    **lacking("proof", "proofValue"), **lacking("proof", "proofPurpose"),
    **altered("@context", "string", {}, None, 10, True, [[]], [{}], [None], [10]),
    **altered("type", "string", {}, None, 10, True, [[]], [{}], [None], [10]),
    **altered("issuer", [], None, 10, True, {}, "not-a-url"),
    **altered("credentialSubject", "string", None, 10, True, [], {}, [{}]),
    **altered("proof", "string", None, 10, True, [], {}),
    "another proof type": with_proof(type="UnknownProofType"),
    "another cryptosuite": with_proof(cryptosuite="UnknownCryptosuite"),
    "another method": with_proof(verificationMethod="did:key:invalidVm"),
    "another purpose": with_proof(proofPurpose="invalidPurpose"),
    "created without offset": with_proof(created="2026-01-01T00:00:00"),
    "expires without offset": with_proof(expires="2026-01-01T00:00:00"),
    "not multibase": with_proof(proofValue=a_signed_credential()["proof"]["proofValue"][1:]),
    "a longer value": with_proof(proofValue=a_signed_credential()["proof"]["proofValue"] + "1111"),
    "null value": with_proof(proofValue=None),
    "tampered": a_signed_credential() | {"name": "Another"},
    "previous proof not there": with_proof(previousProof="urn:uuid:38329423-2179-4b2e-88cb-a7c7d9dc4544"),
    "previous proof a number": with_proof(previousProof=456321),
    "undefined type": a_signed_credential() | {"type": ["VerifiableCredential", "T"]},
    "undefined term": a_signed_credential() | {"nickname": "A"},
    "type to no URL": claiming({"T": "https ://x"}),
    "no vocabulary": claiming({"@vocab": None}),
    "a base": claiming({"@base": "https://x/"}),
    "a vocabulary": claiming({"@vocab": "https://example.org/#"}),
    "a language value with more": a_signed_credential() | {"name": {"@value": "A", "@language": "en", "url": "https://x/"}},
    "unknown context": a_signed_credential() | {"@context": [CREDENTIALS_V2, "https://unknown.example/"]},
    "another name": a_signed_credential() | {"@context": [CREDENTIALS_V2, {"ends": f"{CREDENTIAL}validUntil"}]},
    "envelope without context": enveloped(a_token()) | {"@context": []},
    "envelope of examples": enveloped(a_token()) | {"@context": EXAMPLES},
    "envelope of no data": enveloped(a_token()) | {"id": a_token()},
    "envelope called credential": enveloped(a_token()) | {"type": "VerifiableCredential"},
    "envelope without type": without(enveloped(a_token()), "type"),
    "a token changed": enveloped(a_token()[:-4] + "AAAA"),
    "a presentation": signed(a_presentation()),
}  # fmt: skip


async def test_what_is_not_verified_is_answered_with_400_and_why(served: Verifier) -> None:
    for name, credential in TRAPS.items():
        status, said = await verify(served, credential, checks=["proof"])
        assert (status, said["verified"]) == (400, False), name
        assert said["problemDetails"]
        for each in said["problemDetails"]:
            assert each.keys() == {"type", "title", "detail", "code"}
            assert each["type"].startswith("https://www.w3.org/")


BODIES: list[Any] = [
    None, 7, "x", [], {}, {"verifiableCredential": None}, {"verifiableCredential": "x"}, {"verifiableCredential": [1]},
    {"verifiableCredential": {}}, {"verifiableCredential": a_signed_badge(), "options": 7},
    {"verifiableCredential": a_signed_badge(), "options": {"checks": ["palm"]}},
    {"verifiableCredential": a_signed_badge(), "options": {"checks": "proof"}},
]  # fmt: skip


async def test_a_body_that_is_none_is_answered_with_verified_too(served: Verifier) -> None:
    for body in BODIES:
        for path in ("/credentials/verify", "/presentations/verify"):
            status, said = await post(served, path, body)
            assert (status, said["verified"]) == (400, False), body
    answer = await served.client.post("/credentials/verify", content=b'{"a": 1, "a": 2}')
    assert (answer.status_code, answer.json()["verified"]) == (400, False)


async def test_only_what_was_asked_counts(served: Verifier) -> None:
    expired = a_signed_credential(**EXPIRED)
    assert (await verify(served, expired, checks=["proof"]))[0] == 200
    assert (await verify(served, expired, checks=["proof", "credentialStatus"]))[0] == 200
    for options in ({}, {"checks": ["validity"]}):
        status, said = await verify(served, expired, **options)
        assert (status, codes(said)) == (400, {"expired"})
        assert said["problemDetails"][0]["type"] == "https://www.w3.org/TR/vc-data-model#RANGE_ERROR"
    token = enveloped(write_vc(a_credential(P256) | {"exp": 1_600_000_000}, P256, a_method(P256), SIGNED_AT))
    assert (await verify(served, token, checks=["proof"]))[0] == 200
    assert codes((await verify(served, token))[1]) == {"expired"}


async def test_a_status_that_can_not_be_learnt_is_a_reason_and_an_unknown_issuer_is_none(served: Verifier) -> None:
    unreachable = a_signed_credential(credentialStatus=UNREACHABLE)
    status, said = await verify(served, unreachable)
    assert (status, codes(said)) == (400, {"status_unavailable"})
    assert said["problemDetails"][0]["type"].endswith("#STATUS_RETRIEVAL_ERROR")
    assert (await verify(served, unreachable, checks=["proof"]))[0] == 200
    context = {"CredentialStatusList2017": "https://example.org/#CredentialStatusList2017"}
    status = {"id": "urn:a:1", "type": "CredentialStatusList2017"}
    other = a_signed_credential(**{"@context": [CREDENTIALS_V2, context], "credentialStatus": status})
    assert (await verify(served, other, checks=["proof", "credentialStatus"]))[0] == 400
    assert (await verify(served, other, checks=["proof"]))[0] == 200


async def test_a_revoked_badge_of_ours_is_not_verified(served: Verifier) -> None:
    oak = Institution()
    badge = oak.badge()
    await served.know(oak, badge)
    assert (await verify(served, badge))[0] == 200
    await served.feed(oak.credential(badge, status="revoked", version=2))
    status, said = await verify(served, badge)
    assert (status, codes(said)) == (400, {"revoked"})
    assert (await verify(served, badge, checks=["proof"]))[0] == 200


async def test_proofs_name_the_occasion_and_the_purpose_that_were_expected(served: Verifier) -> None:
    assert codes((await verify(served, a_signed_credential(), challenge="x"))[1]) == {"challenge_mismatch"}
    assert codes((await verify(served, a_signed_credential(), domain="x"))[1]) == {"domain_mismatch"}
    wrong = await verify(served, a_signed_credential(), expectedProofPurpose="authentication")
    assert (wrong[0], codes(wrong[1])) == (400, {"wrong_proof_purpose"})
    assert (await verify(served, a_signed_credential(), expectedProofPurpose="assertionMethod"))[0] == 200
    token = enveloped(a_token())
    assert codes((await verify(served, token, challenge="x"))[1]) == {"challenge_mismatch"}
    assert codes((await verify(served, token, expectedProofPurpose="authentication"))[1]) == {"wrong_proof_purpose"}
    asserting = await present(served, signed(a_presentation()), expectedProofPurpose="assertionMethod")
    assert (asserting[0], codes(asserting[1])) == (400, {"wrong_proof_purpose"})
    assert codes((await verify(served, token, domain="x"))[1]) == {"domain_mismatch"}
    assert (await verify(served, token, expectedProofPurpose="assertionMethod"))[0] == 200


def a_chain(*, both_by_others: bool = False) -> dict[str, Any]:
    """A first proof by somebody else, and one by the issuer over it (VC-DI 1.0 section 2.1.2)."""
    document = a_credential(a_key(3) if both_by_others else None)
    first = {**prove(document, P256, a_method(P256), SIGNED_AT, ECDSA_RDFC, further={"id": "urn:uuid:1"})}
    over = {"previousProof": "urn:uuid:1"}
    second = prove(document, a_key(), a_method(a_key()), SIGNED_AT, EDDSA_RDFC, previous=[first], further=over)
    return {**document, "proof": [first, second]}


async def test_a_proof_by_another_may_stand_beside_the_issuers_here_and_not_on_v1(served: Verifier) -> None:
    chain = a_chain()
    assert await verify(served, chain, checks=["proof"]) == (200, {"verified": True, "problemDetails": []})
    assert (await served.verify(chain))["reason"] == "issuer_mismatch"
    assert codes((await verify(served, a_chain(both_by_others=True)))[1]) == {"issuer_mismatch"}
    cut = {**chain, "proof": chain["proof"][1:]}
    assert codes((await verify(served, cut))[1]) == {"proof_malformed"}
    swapped = {**chain, "proof": [{**chain["proof"][0], "created": "2026-01-02T00:00:00Z"}, chain["proof"][1]]}
    assert (await verify(served, swapped))[0] == 400


async def test_own_terms_and_others_signatures_are_for_this_route_alone(served: Verifier) -> None:
    assert (await served.verify(GOOD["own terms"]))["reason"] == "inline_context"
    inline = {"@context": [*a_badge()["@context"], {"achievement": "https://attacker.example/"}]}
    assert codes((await verify(served, a_signed_badge() | inline))[1]) == {"inline_context"}


OCCASION = {"challenge": "a challenge", "domain": "verifier.example"}


async def test_a_presentation_is_verified_with_all_that_is_in_it(served: Verifier) -> None:
    good = signed(a_presentation(a_signed_badge(), a_signed_credential(), enveloped(a_token())))
    for options in ({}, OCCASION, {"checks": []}, {**OCCASION, "checks": ["proof"]}):
        status, said = await present(served, good, **options)
        assert (status, said["verified"], said["problemDetails"]) == (200, True, []), said
        assert [each["verified"] for each in said["credentialResults"]] == [True, True, True]
    assert (await present(served, signed(a_presentation())))[0] == 200
    bad = signed(a_presentation(a_signed_badge(), a_signed_credential() | {"name": "Another"}))
    status, said = await present(served, bad)
    assert (status, [each["verified"] for each in said["credentialResults"]]) == (400, [True, False])
    assert codes(said) == {"tampered"}
    ended = signed(a_presentation(a_signed_credential(**EXPIRED)))
    assert codes((await present(served, ended))[1]) == {"expired"}
    assert (await present(served, ended, checks=["proof"]))[0] == 200


PRESENTED: dict[str, tuple[Any, dict[str, Any], set[str]]] = {
    "another challenge": (signed(a_presentation()), {"challenge": "x"}, {"challenge_mismatch"}),
    "another domain": (signed(a_presentation()), {"domain": "x"}, {"domain_mismatch"}),
    "unsigned": (a_presentation(a_signed_badge()), {}, {"proof_missing"}),
    "another holder": (signed(a_presentation(holder=a_key(8))), {}, {"holder_mismatch"}),
    "changed": (signed(a_presentation(a_signed_badge())) | {"id": "urn:a:1"}, {}, {"tampered"}),
    "a text in it": (a_presentation("https://a.example/1"), {}, {"malformed"}),
    "no context": (without(signed(a_presentation()), "@context"), {}, {"malformed"}),
    "no type": (without(signed(a_presentation()), "type"), {}, {"malformed"}),
    "its id a token": (a_presentation(id=f"data:application/vp+jwt,{a_token()}"), {}, {"malformed"}),
    "a credential": (a_signed_badge(), {}, {"malformed"}),
    "a credential without type": (a_presentation(without(a_signed_badge(), "type")), {}, {"malformed"}),
}


async def test_a_presentation_that_is_not_verified_says_why(served: Verifier) -> None:
    for name, (presentation, options, expected) in PRESENTED.items():
        status, said = await present(served, presentation, **options)
        assert (status, said["verified"]) == (400, False), name
        assert expected <= codes(said), name
        if name == "unsigned":
            assert said["problemDetails"][0]["detail"] == "The presentation carries no signature."


async def test_the_one_credential_of_a_presentation_is_answered_for_on_v1(served: Verifier) -> None:
    badge = a_signed_badge()
    alone = await served.verify(signed(a_presentation(badge)))
    assert (alone["verdict"], alone["credential"]["id"]) == ("valid", badge["id"])
    check = next(each for each in alone["checks"] if each["name"] == "presentation")
    assert (check["outcome"], check["code"]) == ("warn", "holder_not_subject")
    own = a_credential(credentialSubject={"id": a_presentation()["holder"]})
    own = sign(own, a_key(), a_method(a_key()), SIGNED_AT)
    report = await served.verify(signed(a_presentation(own)))
    check = next(each for each in report["checks"] if each["name"] == "presentation")
    assert (report["verdict"], check["outcome"]) == ("valid", "pass")
    assert report["summary"].startswith("The credential is as it was signed")
    unsigned = await served.verify(a_presentation(badge))
    assert unsigned["verdict"] == "valid"
    assert "presentation_unsigned" in {each["code"] for each in unsigned["checks"]}
    altered = await served.verify(signed(a_presentation(badge)) | {"id": "urn:a:1"})
    assert (altered["verdict"], altered["reason"]) == ("invalid", "tampered")
    assert (await served.verify(enveloped(a_token())))["verdict"] == "valid"


OTHERS: list[tuple[Any, int, str]] = [
    (signed(a_presentation(a_signed_badge(), a_signed_badge(a_key(2)))), 422, "several_credentials"),
    (signed(a_presentation()), 422, "no_credential"),
    (a_presentation("x"), 400, "malformed"),
    (enveloped("x") | {"id": "urn:a:1"}, 400, "malformed"),
]


async def test_a_presentation_of_another_number_is_a_problem_on_v1(served: Verifier) -> None:
    for given, status, code in OTHERS:
        answer = await served.client.post("/v1/verifications", json={"credential": given})
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_settings_answer_200_and_know_contexts_for_tests(verifier: Verifier, tmp_path: Path) -> None:
    file = tmp_path / "contexts.json"
    file.write_text(json.dumps({EXAMPLES: {"@context": {"@vocab": "https://www.w3.org/ns/credentials/examples#"}}}))
    own = a_credential(**{"@context": [CREDENTIALS_V2, EXAMPLES], "credentialSubject": {"seat": "A1"}})
    known = sign(own, a_key(), a_method(a_key()), SIGNED_AT, terms=Terms(from_file(file)))
    async with verifier.serving(vc_api_answers_200=True, extra_contexts=file):
        assert (await verify(verifier, known))[0] == 200
        assert (await present(verifier, signed(a_presentation(known), terms=Terms(from_file(file)))))[0] == 200
        status, said = await verify(verifier, TRAPS["tampered"])
        assert (status, said["verified"]) == (200, False)
        assert (await verify(verifier, TRAPS["no issuer"]))[0] == 400
        assert (await verify(verifier, None))[0] == 400


async def test_what_was_sent_comes_back_to_whoever_asks_for_it(served: Verifier) -> None:
    credential, presentation = a_signed_credential(), signed(a_presentation())
    assert (await verify(served, credential, returnCredential=True))[1]["verifiableCredential"] == credential
    assert (await present(served, presentation, returnPresentation=True))[1]["verifiablePresentation"] == presentation


async def test_envelopes_are_opened_in_batches_too(served: Verifier) -> None:
    body = {"credentials": [enveloped(a_token()), enveloped(a_token()) | {"id": "urn:a:1"}, signed(a_presentation())]}
    answer = await served.client.post("/v1/verifications/batch", json=body, headers=await served.employer())
    verdicts = [(each["verdict"], each["reason"]) for each in answer.json()["results"]]
    assert verdicts == [("valid", None), ("invalid", "malformed"), ("unknown", "unsupported_format")]


async def test_nothing_is_recorded_of_strangers_credentials_and_all_are_counted_by_address(verifier: Verifier) -> None:
    async with verifier.serving(anonymous_rate="2/minute"):
        assert (await verify(verifier, a_signed_credential()))[0] == 200
        assert (await present(verifier, signed(a_presentation(a_signed_credential()))))[0] == 200
        answer = await verifier.client.post("/credentials/verify", json={})
        assert answer.status_code == 429
    three = signed(a_presentation(*(a_signed_credential(id=f"urn:uuid:{number}") for number in range(3))))
    async with verifier.serving(anonymous_rate="2/minute"):
        answer = await verifier.client.post("/presentations/verify", json={"verifiablePresentation": three})
        assert answer.status_code == 429
    assert await verifier.worker.pool.fetchval("select count(*) from verifications") == 0
