"""Large bodies in JSON are read in a worker process: a megabyte of odd JSON would keep everybody waiting."""

from typing import Any

from services.verifier.handlers.unpacking import AT_ONCE_BYTES, read_value
from shared.credentials.strict_json import read_json
from shared.web.strict import StrictRequest, StrictRoute


class ForeignRequest(StrictRequest):
    """A request with strangers' documents in it."""

    async def _read(self, body: bytes) -> Any:
        if len(body) <= AT_ONCE_BYTES:
            return read_json(body)
        return await read_value(body, self.app.state.desk.workers)


class ForeignRoute(StrictRoute):
    """For routes that take strangers' documents: every JSON body is read strictly, a large one elsewhere."""

    request_class = ForeignRequest
