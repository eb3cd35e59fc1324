"""Puts the issuer together: the only place where its concrete parts are built."""

from functools import partial

from services.issuer.api import ROUTERS, jobs, revocations
from services.issuer.api.job_rows import read_row
from services.issuer.handlers import expiring, ledger, past_signatures, recording, sandbox
from services.issuer.handlers.issuing import Issuing
from services.issuer.handlers.job_chunks import Chunks
from services.issuer.handlers.job_uploads import Uploads
from services.issuer.handlers.refeed import refeed
from services.issuer.jobs import JobWorker
from services.issuer.lists import ListSigner, Terms
from services.issuer.revoking import Revoker
from services.issuer.settings import IssuerSettings
from services.issuer.signer import Signer
from shared import ops
from shared.messaging.events import ISSUER_STATE
from shared.messaging.relay import Relay
from shared.sealing import Sealer
from shared.service import Parts, Runtime, Service


def build(runtime: Runtime[IssuerSettings]) -> Parts:
    """Build routes and tasks from what the service runs on."""
    settings, worker = runtime.settings, runtime.worker
    signer = Signer(Sealer.from_file(settings.kek_file))
    terms = Terms(
        settings.public_url,
        lifetime=settings.status_list_lifetime,
        ttl=settings.status_list_ttl,
        window=settings.status_list_window,
    )

    async def relay() -> None:
        await Relay(worker, await runtime.log.publisher(), ISSUER_STATE, "/laurel/issuer").run()

    async def refeed_all() -> int:
        return await refeed(worker)

    issuing = Issuing(runtime.app, signer, settings)
    # Jobs, and revocations that issue once more, sign by threads of their own: who issues one badge does not wait.
    chunks = Chunks(runtime.app, worker, Issuing(runtime.app, signer, settings), read_row)
    operations = ops.Operations(ledger.lines, refeed=refeed_all, remove_sandboxes=partial(sandbox.remove, worker))
    return Parts(
        routers=[*ROUTERS, ops.router(operations)],
        tasks={
            "relay": relay,
            "status_lists": ListSigner(worker, signer, terms).run,
            "record": partial(recording.keep_complete, worker),
            "past_signatures": partial(past_signatures.keep_finding, worker),
            "expiring": partial(expiring.keep_telling, worker),
            "revocations": Revoker(worker, runtime.app, Issuing(runtime.app, signer, settings)).run,
            "issuance_jobs": JobWorker(worker, chunks, settings).run,
        },
        state={"signer": signer, "issuing": issuing, "uploads": Uploads(runtime.app, issuing, settings)},
        larger_bodies={revocations.PATH: revocations.MAX_BYTES},
        streamed_bodies={jobs.PATH: settings.job_max_bytes},
    )


SERVICE = Service("issuer", "Laurel issuer", IssuerSettings, build)
