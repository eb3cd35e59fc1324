"""Every route of every service, called with what its OpenAPI document allows and with what it does not."""

from collections.abc import AsyncIterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.e2e.conftest import embedded_settings
from tests.support.people import bearer, register_employer, register_institution
from tests.support.postgres import PostgresServer
from tests.support.stack import SERVICES, standing

# None of 500 and more, none that the document does not tell of.
PROMISED = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 10


@pytest.fixture(scope="module")
async def keys(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> AsyncIterator[dict[str, str]]:
    """A running stack's addresses, and a key of each kind of caller, under their kinds' names."""
    event_log = await embedded_settings(postgres.create)
    async with standing(tmp_path_factory.mktemp("contract"), postgres.create, event_log) as stack:
        institution = await register_institution(stack.urls, stack.operator_key)
        employer = await register_employer(stack.urls, stack.operator_key)
        await institution.issue(await institution.achievement())
        yield {
            **stack.urls,
            "operator_key": stack.operator_key,
            "institution_key": institution.client.headers["Authorization"].removeprefix("Bearer "),
            "employer_key": employer.headers["Authorization"].removeprefix("Bearer "),
        }
        await employer.aclose()


# Rebuilding takes the projections away from under the other calls.
LEFT_OUT = "/v1/ops/(rebuild|refeed)"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", SERVICES)
def test_no_answer_is_a_failure_of_ours_or_contradicts_the_openapi_document(service: str, keys: dict[str, str]) -> None:
    schema = schemathesis.openapi.from_url(f"{keys[service]}/openapi.json").exclude(path_regex=LEFT_OUT)
    operations = [found.ok() for found in schema.get_all_operations()]
    broken = {operation.label: found for operation in operations if (found := first_broken_promise(operation, keys))}
    assert operations
    assert not broken, "\n\n".join(broken.values())


def first_broken_promise(operation: APIOperation, keys: dict[str, str]) -> str | None:
    """Call one route as each kind of caller, and as nobody; return what it did that it may not."""

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def call(case: schemathesis.Case) -> None:
        for caller in ("institution_key", "employer_key", "operator_key"):
            case.call_and_validate(headers=bearer(keys[caller]), checks=PROMISED)
        case.call_and_validate(checks=PROMISED)

    try:
        call()
    except (FailureGroup, Failure) as failure:
        return f"{operation.label}: {failure}"
    return None


@pytest.mark.parametrize("service", SERVICES)
async def test_docs_and_openapi_are_served_and_each_route_tells_of_problems(keys: dict[str, str], service: str) -> None:
    async with httpx.AsyncClient(base_url=keys[service]) as anyone:
        assert (await anyone.get("/docs")).status_code == 200
        paths = (await anyone.get("/openapi.json")).json()["paths"]
    operations = [operation for path in paths.values() for operation in path.values()]
    assert operations
    assert all({"4XX", "5XX"} <= operation["responses"].keys() for operation in operations)
