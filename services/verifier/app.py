"""Puts the verifier together: the only place where its concrete parts are built."""

from functools import partial

from services.verifier import pages
from services.verifier.api import api_keys, employers, freshness, reach, receipts, vc_api, verifications, watches
from services.verifier.domain.known import Rules
from services.verifier.fetch import Fetcher
from services.verifier.fetched import Copies
from services.verifier.handlers import salts, state, watching
from services.verifier.handlers.employers import remove_sandboxes
from services.verifier.handlers.freshness import Canary, tidy
from services.verifier.handlers.inclusion import Inclusion
from services.verifier.handlers.receipts import Receipts
from services.verifier.handlers.verifications import Desk
from services.verifier.handlers.watches import Terms
from services.verifier.log_reader import LogReader
from services.verifier.receipt_keys import ReceiptKeys
from services.verifier.settings import VerifierSettings
from services.verifier.workers import Workers
from shared import ops
from shared.messaging.events import ISSUER_STATE, REGISTRY_STATE, VERIFIER_STATE
from shared.messaging.inbox import Consumer
from shared.messaging.relay import Relay
from shared.ops import Operations
from shared.sealing import Sealer
from shared.service import Parts, Runtime, Service
from shared.web.limits import Rate


def build(runtime: Runtime[VerifierSettings]) -> Parts:
    """Build routes and tasks from what the service runs on."""
    settings, worker, log = runtime.settings, runtime.worker, runtime.log
    consumers = (
        Consumer(worker, log, state.GROUP, [ISSUER_STATE, REGISTRY_STATE, VERIFIER_STATE], state.follow, claims=False),
        salts.consumer(worker, log),
    )
    checkers = Workers(
        settings.check_workers,
        settings.check_queue,
        settings.check_cpu_seconds,
        settings.check_memory_mib,
        settings.extra_contexts,
    )
    fetcher = Fetcher(settings.allow_loopback_fetches)
    rules = Rules(settings.public_url.rstrip("/"), settings.max_status_age, settings.trusted_list_issuers)

    keys = ReceiptKeys(worker, Sealer.from_file(settings.kek_file))
    reader = LogReader(worker, settings.log_url or f"{settings.public_url}/log", settings.log_vkey)

    inclusion = Inclusion(runtime.app, reader, settings.require_inclusion)

    async def relay() -> None:
        await Relay(worker, await log.publisher(), VERIFIER_STATE, "/laurel/verifier").run()

    def troubles() -> dict[str, str]:
        found = {"checkers": checkers.trouble(), **{each.group: each.trouble() for each in consumers}}
        return {name: trouble for name, trouble in found.items() if trouble}

    operations = Operations(
        state.ledger,
        rebuild=lambda: state.rebuild(worker),
        refeed=lambda: state.refeed(worker),
        remove_sandboxes=partial(remove_sandboxes, worker),
    )
    return Parts(
        routers=[
            pages.router,
            verifications.router,
            receipts.router,
            watches.router,
            reach.router,
            vc_api.router,
            freshness.router,
            employers.router,
            api_keys.router,
            ops.router(operations),
        ],
        tasks={
            "relay": relay,
            "tidy": partial(tidy, worker),
            "watches": partial(watching.watch_over, worker, rules),
            **{each.group: each.run for each in consumers},
        },
        route_tasks={"checkers": checkers.run, "receipt_keys": keys.make_first},
        state={
            "desk": Desk(runtime.app, checkers, rules, fetcher, Copies(fetcher), inclusion),
            "receipts": Receipts(runtime.app, reader, keys),
            "canary": Canary(runtime.app, rules),
            "vc_api_answers_200": settings.vc_api_answers_200,
            "anonymous_rate": Rate(settings.anonymous_rate),
            "reach_rate": Rate(settings.reach_rate),
            "watch_terms": Terms(settings.watch_default, settings.watch_longest, settings.watches_per_employer),
        },
        troubles=troubles,
        foreign_keys={"institution": "/laurel/issuer"},
        larger_bodies={verifications.BATCH: verifications.MAX_BATCH_BYTES, reach.PATH: reach.MAX_BYTES},
    )


SERVICE = Service("verifier", "Laurel verifier", VerifierSettings, build)
