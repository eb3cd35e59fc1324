"""Puts the registry together: the only place where its concrete parts are built."""

from services.registry import (
    api,
    handlers,
    log_files,
    log_operations,
    log_times,
    openings,
    pages,
    pictures,
    proofs,
    public,
)
from services.registry.log import LogKeeper, SecondPlaces, Terms
from services.registry.operations import operations
from services.registry.settings import RegistrySettings
from shared import ops
from shared.db import Database
from shared.messaging.events import ISSUER_EVENTS, ISSUER_STATE, REGISTRY_STATE, VERIFIER_EVENTS, VERIFIER_STATE
from shared.messaging.inbox import Consumer
from shared.messaging.relay import Relay
from shared.rounds import keep_doing
from shared.service import Parts, Runtime, Service

STATE = "laurel.registry.state"
DROP_LISTS_SECONDS = 3600.0


def build(runtime: Runtime[RegistrySettings]) -> Parts:
    """Build routes and tasks from what the service runs on."""
    settings, worker, log = runtime.settings, runtime.worker, runtime.log
    consumers = (
        Consumer(worker, log, "laurel.registry.record", [ISSUER_EVENTS], handlers.record_changes),
        Consumer(worker, log, "laurel.registry.verifications", [VERIFIER_EVENTS], handlers.store_verifications),
        Consumer(worker, log, STATE, [ISSUER_STATE, VERIFIER_STATE], handlers.copy_state, claims=False),
    )

    places = SecondPlaces(log, settings.log_checkpoint_file)
    terms = Terms(settings.log_origin, settings.kek_file, settings.log_policy(), settings.log_round_seconds)
    keeper = LogKeeper(worker, log, places, terms)

    async def relay() -> None:
        await Relay(worker, await log.publisher(), REGISTRY_STATE, "/laurel/registry").run()

    async def drop_lists() -> None:
        await _drop_lists(worker)

    def troubles() -> dict[str, str]:
        found = {**{each.group: each.trouble() for each in consumers}, "transparency_log": keeper.trouble()}
        return {name: trouble for name, trouble in found.items() if trouble}

    routers = [
        api.router,
        pictures.router,
        proofs.router,
        openings.router,
        log_times.router,
        pages.router,
        public.router,
        log_files.router,
        ops.router(operations(worker, STATE)),
        log_operations.router(places, settings.kek_file),
    ]
    return Parts(
        routers=[*routers, public.redirects] if settings.issuer_url else routers,
        tasks={
            "relay": relay,
            "drop_lists": drop_lists,
            "log": keeper.run,
            **{each.group: each.run for each in consumers},
        },
        troubles=troubles,
        foreign_keys={"institution": "/laurel/issuer", "employer": "/laurel/verifier"},
    )


async def _drop_lists(worker: Database) -> None:
    async def once() -> float:
        async with worker.transaction() as tx:
            await handlers.drop_old_lists(tx)
        return DROP_LISTS_SECONDS

    await keep_doing(once, "old_lists_wait")


SERVICE = Service("registry", "Laurel registry", RegistrySettings, build)
