"""An api works as the service's app role, which row-level security binds, or not at all."""

from collections.abc import Callable

import pytest

from shared.service import Parts, Service, running
from shared.settings import Settings
from tests.support.postgres import CleanDatabase


@pytest.mark.parametrize("privileged", ["owner", "superuser", "worker"])
@pytest.mark.parametrize("role", ["api", "all"])
async def test_an_api_refuses_to_start_as_a_role_that_reads_past_row_level_security(
    clean_database: Callable[[str], CleanDatabase], privileged: str, role: str
) -> None:
    database = clean_database("issuer")
    settings = Settings(
        app_dsn=getattr(database, privileged), worker_dsn=database.worker, eventlog_dsn=database.worker, port=0
    )
    service = Service("probe", "Probe", lambda: settings, lambda _: Parts(routers=[], tasks={}))
    with pytest.raises(PermissionError, match="LAUREL_APP_DSN"):
        async with running(service, settings, role):
            pass
