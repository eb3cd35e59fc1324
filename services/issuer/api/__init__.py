"""The issuer's routes: thin, each one a call of a use case and the shape of its answer."""

from services.issuer.api import (
    achievements,
    api_keys,
    changing,
    credentials,
    institution_settings,
    institutions,
    jobs,
    public,
    revocations,
    vc_api,
)

ROUTERS = (
    institutions.router,
    institution_settings.router,
    api_keys.router,
    achievements.router,
    credentials.router,
    changing.router,
    revocations.router,
    jobs.router,
    public.router,
    vc_api.router,
)
