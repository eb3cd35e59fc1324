"""Jobs on their way to a worker process: what many badges of a batch rest on is sent to it once.

Both ends count alike: a text that was sent has a number from then on, until all are forgotten.
"""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from services.verifier.jobs import AnyJob, Job, Presenting, Text

# Shorter texts cost no more than their names.
LONG = 2_048
# What a process holds beside its work, in characters: some of the largest lists.
MAX_HELD = 8 * 1024 * 1024


class Parcel(BaseModel):
    """A job without its long texts: `texts` are the new ones by number, `places` says which stands at which address."""

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    forget: bool
    texts: Mapping[int, str]
    places: Mapping[str, int]
    job: AnyJob


class Packer:
    """Packs jobs for one process, and knows which texts it holds."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._characters = 0

    def forget(self) -> None:
        """Take it that the process holds nothing: what came of the last parcel is not known."""
        self._numbers, self._characters = {}, 0

    def packed(self, job: AnyJob) -> bytes:
        """Return a job as it is sent; raises ValueError for what has no form in JSON, and then nothing is held."""
        places = {url: each.text for url, each in _fetched(job).items() if each.text and len(each.text) >= LONG}
        new = [text for text in dict.fromkeys(places.values()) if text not in self._numbers]
        if self._characters + sum(map(len, new)) > MAX_HELD:
            self.forget()
            new = list(dict.fromkeys(places.values()))
        begins_anew = not self._numbers
        self._numbers |= {text: len(self._numbers) + place for place, text in enumerate(new)}
        self._characters += sum(map(len, new))
        parcel = Parcel(
            forget=begins_anew,
            texts={self._numbers[text]: text for text in new},
            places={url: self._numbers[text] for url, text in places.items()},
            job=_with_texts(job, dict.fromkeys(places, "")),
        )
        try:
            return parcel.model_dump_json().encode()
        except ValueError:
            self.forget()
            raise


class Unpacker:
    """Takes jobs out of the parcels that one process gets, and holds what later ones refer to."""

    def __init__(self) -> None:
        self._held: dict[int, str] = {}

    def job(self, message: bytes) -> AnyJob:
        """Return the job in a parcel, whole."""
        parcel = Parcel.model_validate_json(message)
        if parcel.forget:
            self._held.clear()
        self._held |= parcel.texts
        return _with_texts(parcel.job, {url: self._held[number] for url, number in parcel.places.items()})


def _fetched(job: AnyJob) -> Mapping[str, Text]:
    return job.fetched if isinstance(job, Job | Presenting) else {}


def _with_texts(job: AnyJob, texts: Mapping[str, str]) -> AnyJob:
    if not texts:
        return job
    other = {url: _fetched(job)[url].model_copy(update={"text": text}) for url, text in texts.items()}
    return job.model_copy(update={"fetched": {**_fetched(job), **other}})
