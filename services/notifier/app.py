"""Puts the notifier together: the only place where its concrete parts are built."""

from services.notifier import handlers
from services.notifier.api import (
    deliveries,
    endpoints,
    event_types,
    mail_settings,
    my_links,
    reader_pages,
    suppressions,
    templates,
)
from services.notifier.letters import Places
from services.notifier.mail import Mails
from services.notifier.operations import operations
from services.notifier.pace import Pace
from services.notifier.post import FolderPost, Post, SmtpPost
from services.notifier.sender import Sender
from services.notifier.settings import NotifierSettings
from services.notifier.webhooks import Webhooks
from shared import ops
from shared.db import Database
from shared.messaging.events import (
    ISSUER_EVENTS,
    ISSUER_STATE,
    REGISTRY_EVENTS,
    VERIFIER_EVENTS,
    VERIFIER_STATE,
    CredentialState,
    EventLogged,
    EventsLogged,
    VerificationCompleted,
)
from shared.messaging.housekeeping import clear_away
from shared.messaging.inbox import Consumer
from shared.rounds import keep_doing
from shared.sealing import Sealer
from shared.service import Parts, Runtime, Service
from shared.web.limits import Rate
from shared.web.outbound import PinnedTransport, open_client

TIDY_SECONDS = 60.0
ROUTERS = (
    endpoints.router,
    deliveries.router,
    event_types.router,
    mail_settings.router,
    suppressions.router,
    templates.router,
    my_links.router,
    my_links.page,
    reader_pages.router,
)
# So many tenants whose receivers hang are needed to keep everybody's webhooks waiting. Mails know no such limit: they
# all go to our own server.
TENANTS_AT_ONCE = 4


def build(runtime: Runtime[NotifierSettings]) -> Parts:
    """Build routes and tasks from what the service runs on."""
    settings, worker, event_log = runtime.settings, runtime.worker, runtime.log
    sealer = Sealer.from_file(settings.kek_file)
    events = [ISSUER_EVENTS, REGISTRY_EVENTS, VERIFIER_EVENTS]
    consumers = (
        Consumer(
            worker,
            event_log,
            handlers.EVENTS_GROUP,
            events,
            handlers.tell,
            ignored=[EventLogged, EventsLogged, VerificationCompleted],
        ),
        Consumer(
            worker,
            event_log,
            handlers.STATE_GROUP,
            [ISSUER_STATE, VERIFIER_STATE],
            handlers.keep,
            claims=False,
            ignored=[CredentialState],
        ),
    )
    mails = Mails(worker, _post(settings), settings.mail_from, _places(settings), sealer)

    async def send_webhooks() -> None:
        async with open_client(PinnedTransport(settings.allow_loopback_webhooks)) as client:
            channel = Webhooks(worker, client, sealer, settings.public_url)
            at_once = settings.webhooks_at_once
            await Sender(worker, channel, at_once, per_tenant=max(1, at_once // TENANTS_AT_ONCE)).run()

    async def tidy() -> None:
        await _tidy(worker)

    return Parts(
        routers=[*ROUTERS, ops.router(operations(worker))],
        tasks={
            **{each.group: each.run for each in consumers},
            "mails": Sender(worker, mails, settings.mails_at_once, pace=_pace(settings)).run,
            "webhooks": send_webhooks,
            "tidy": tidy,
        },
        state={"sealer": sealer, "places": _places(settings), "my_links_rate": Rate(settings.my_links_rate)},
        troubles=lambda: {each.group: trouble for each in consumers if (trouble := each.trouble())},
        foreign_keys={"institution": "/laurel/issuer", "employer": "/laurel/verifier"},
    )


def _places(settings: NotifierSettings) -> Places:
    verifier, own = settings.verifier_url, (settings.notifier_url or "").rstrip("/")
    return Places(
        settings.public_url,
        verifier and f"{verifier.rstrip('/')}/",
        *(f"{own}/{page}" if own else None for page in ("my-links", "unsubscribe", "confirm")),
    )


def _pace(settings: NotifierSettings) -> Pace | None:
    """Return the pace of mails; files need none."""
    if settings.smtp_url is None:
        return None
    return Pace(
        settings.mails_an_hour_to_an_address, settings.mails_a_minute_to_a_domain, settings.mails_at_once_to_a_domain
    )


def _post(settings: NotifierSettings) -> Post:
    return (
        SmtpPost.from_url(settings.smtp_url.get_secret_value())
        if settings.smtp_url
        else FolderPost(settings.mail_folder)
    )


async def _tidy(worker: Database) -> None:
    """Clear away what has served: of the inbox as relays do elsewhere (the notifier has none), and of requests."""

    async def once() -> float:
        async with worker.session() as connection:
            await clear_away(connection)
        async with worker.transaction() as tx:
            await handlers.forget_what_has_served(tx)
        return TIDY_SECONDS

    await keep_doing(once, "tidying_waits")


SERVICE = Service("notifier", "Laurel notifier", NotifierSettings, build)
