"""What the VC-API's routes say of what is wrong, and the examples by which they are described."""

import pytest

from services.issuer.api.vc_api import IssueRequest, StatusRequest
from services.verifier.api.vc_api import VerifyCredential, VerifyPresentation
from services.verifier.domain.vc_api import problem
from shared.credentials.checks import failed, undecided


def test_a_proof_that_could_not_be_checked_is_not_said_not_to_hold() -> None:
    assert problem(undecided("proof", "unsupported_suite", ".")).title == "The proof could not be checked"
    assert problem(failed("proof", "tampered", ".")).title == "The proof does not hold"


@pytest.mark.parametrize("body", [VerifyCredential, VerifyPresentation, IssueRequest, StatusRequest])
def test_a_routes_example_is_a_whole_body_that_it_takes(
    body: type[VerifyCredential] | type[VerifyPresentation] | type[IssueRequest] | type[StatusRequest],
) -> None:
    (example,) = body.model_json_schema()["examples"]
    assert body.model_validate(example)
