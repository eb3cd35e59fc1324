"""What goes to the worker processes and comes back from them, as JSON."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from shared.credentials.containers import Given
from shared.credentials.identity import Kind, Match
from shared.credentials.known_keys import KnownKey
from shared.credentials.presentations import Shown
from shared.credentials.report import CheckedDocument


class Text(BaseModel):
    """What stands at an address, None where there was none to be had; its age in seconds at the time of the job.

    `gone`: its host says that it is there no more. `redirects`: how many were allowed on the way.
    """

    model_config = ConfigDict(frozen=True)

    text: str | None
    age: float = 0.0
    gone: bool = False
    redirects: int = 0


class Job(BaseModel):
    """A badge to look into: at which time, under which keys of known issuers, and whose it should be.

    `as_of` is the time that is asked about, where that is before `now`. `fetched` has, by address, what a strangers'
    badge needs beside (shared.credentials.check); `max_status_age` in seconds is how old it may be where it says how
    the badge stands. `vc_api`: whoever asks decides himself on terms of the credential's own, and on proofs by others
    than its issuer.
    """

    model_config = ConfigDict(frozen=True)

    badge: Any  # its JSON document, or the text of its token
    now: datetime
    as_of: datetime | None = None
    known_keys: tuple[KnownKey, ...] = ()
    expected_recipient: Mapping[Kind, str] | None = None
    fetched: Mapping[str, Text] = {}
    max_status_age: float = 60.0
    vc_api: bool = False
    list_issuers: frozenset[str] = frozenset()  # whose status lists are believed beside the issuer's own


class Presenting(BaseModel):
    """A presentation to look into, but not its credentials; `fetched` and `vc_api` are as a job has them."""

    model_config = ConfigDict(frozen=True)

    presentation: Any  # its JSON document, or the text of its token
    now: datetime
    challenge: str | None = None
    domain: str | None = None
    fetched: Mapping[str, Text] = {}
    vc_api: bool = False


class Unpacking(BaseModel):
    """A file out of which a credential is to be taken, as it came."""

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    raw: bytes


class Reading(BaseModel):
    """A text as it came, of which is asked whether every reader would take it for the same JSON."""

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    json_text: bytes


class Found(BaseModel):
    """What a document shows; `recipient` is None where nobody was expected."""

    model_config = ConfigDict(frozen=True)

    checked: CheckedDocument
    recipient: Match | None


class Wanted(BaseModel):
    """What must be fetched before the document can be checked, after how many redirects at most."""

    model_config = ConfigDict(frozen=True)

    urls: tuple[str, ...]
    redirects: int = 0


class Unpacked(BaseModel):
    """What was in a file."""

    model_config = ConfigDict(frozen=True)

    given: Given


class Sound(BaseModel):
    """A text is JSON that any parser may read: handing its value from process to process would cost far more."""

    model_config = ConfigDict(frozen=True)

    sound: Literal[True] = True


class Refused(BaseModel):
    """Not exactly one credential could be taken out of a file, or a text is not sound; the code says why."""

    model_config = ConfigDict(frozen=True)

    code: str
    detail: str


class Failed(BaseModel):
    """No answer: the document took too much memory, or something is wrong with us (`error` names its kind)."""

    model_config = ConfigDict(frozen=True)

    failed: Literal["too_complex", "error"]
    error: str | None = None


Outcome = Found | Wanted | Shown | Unpacked | Sound | Refused | Failed


class Answer(BaseModel):
    """What comes back for one job."""

    outcome: Outcome


AnyJob = Job | Presenting | Unpacking | Reading
