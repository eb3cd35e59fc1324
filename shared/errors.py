"""The errors a use case may raise, each with a stable code; shared/web/problems.py alone knows their HTTP form.

LaurelError
├── Malformed            the request can't be read
├── Unauthorized         who asks is not known
├── Forbidden            who asks is known, and may not
├── NotFound             no such thing, or another tenant's
├── NotAcceptable        there is such a thing, and not in a form that is asked for
├── Conflict             the present state does not allow it
├── Gone                 it was here and has been erased
├── PreconditionFailed   it changed since it was read
├── TooLarge             more bytes than are taken
├── Invalid              readable, and wrong
├── RateLimited          too often
└── Unavailable          a part that is needed does not answer
"""

from typing import Any, Self


class LaurelError(Exception):
    """An expected failure: a stable `code` for programs, a `detail` sentence for people, further `members`."""

    def __init__(self, code: str, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.members = members

    def kept(self) -> Self:
        """Return this error as an outcome to be kept: it lets go of the frames that it came through.

        They refer to what they worked on, and that to the outcome: whole batches would wait for the collector.
        """
        self.__traceback__ = self.__cause__ = self.__context__ = None
        return self


class Malformed(LaurelError):
    """The request can't be read."""


class Unauthorized(LaurelError):
    """Who asks is not known."""


class Forbidden(LaurelError):
    """Who asks is known, and may not."""


class NotFound(LaurelError):
    """There is no such thing, or it is another tenant's."""


class NotAcceptable(LaurelError):
    """There is such a thing, and not in a form that is asked for."""


class Conflict(LaurelError):
    """The present state does not allow it."""


class Gone(LaurelError):
    """It was here and has been erased."""


class PreconditionFailed(LaurelError):
    """It changed since it was read."""


class TooLarge(LaurelError):
    """It has more bytes than are taken."""


class UnsupportedMedia(LaurelError):
    """It has a form that is not taken."""


class Invalid(LaurelError):
    """It is readable, and wrong."""


class RateLimited(LaurelError):
    """It was asked too often; `retry_after` (seconds) says when to come back."""


class Unavailable(LaurelError):
    """A part that is needed does not answer."""
