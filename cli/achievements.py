"""`laurel achievement`: what badges are issued for."""

import os
from typing import Annotated, Any
from uuid import uuid4

import typer

from cli.connection import Refused, Silent, connect
from cli.files import read, read_json
from cli.keys import Unusable
from cli.output import Json, give, say

achievement = typer.Typer(no_args_is_help=True, help="Achievements: what badges are issued for.")

# All that the European recommendation on micro-credentials asks for, and the members that make a badge good to read.
SAMPLE: dict[str, Any] = {
    "name": "First Aid at Work",
    "description": "Gives first aid to adults until help arrives, and knows when to call for it.",
    "criteria": {
        "narrative": "Attended both days, and treated *three acted emergencies* correctly before two examiners."
    },
    "achievement_type": "MicroCredential",
    "language": "en",
    "credits_available": 0.5,
    "tags": ["first aid", "health"],
    "micro_credential": {
        "learning_outcomes": ["Assesses an emergency", "Resuscitates an adult", "Stops heavy bleeding"],
        "workload_hours": 16,
        "eqf_level": 3,
        "assessment_type": "practical examination",
        "supervision": "onsite",
        "identity_check": "identity card, on site",
        "participation": "onsite",
        "quality_assurance": "Course and examiners are checked every year by an outside body.",
        "country": "AT",
    },
}


@achievement.command("add")
def add(
    file: Annotated[str, typer.Argument(help="JSON: the body of POST /v1/achievements. - is standard input.")],
    publish: Annotated[bool, typer.Option("--publish/--no-publish", help="Publish it, or leave a draft.")] = True,
    as_json: Json = False,
) -> None:
    """Define an achievement and publish it, with the institution's key; say which European elements it lacks.

    What is published never changes again; badges are issued from it. `laurel achievement sample` prints one.

    Example: laurel achievement add first-aid.json
    """
    raw = read(file)
    if not isinstance(content := read_json(file, raw), dict):
        raise Unusable(f"{file} holds no achievement: it is a JSON object, see 'laurel achievement sample'.")
    connection = connect(os.environ, "institution", needs=["issuer"])
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    made: dict[str, Any] = connection.post("issuer", "/v1/achievements", raw, idempotency_key=str(uuid4())).json()
    if publish:
        try:
            made = connection.post("issuer", f"/v1/achievements/{made['id']}/publish").json()
        except (Refused, Silent) as error:
            raise Unusable(f"The draft {made['id']} was made and not published: {error}") from error
    if as_json:
        give(made)
        return
    say(f"{'Published' if publish else 'Draft'}: {content['name']}, version {made['version']}", f"  id  {made['id']}")
    if publish:
        say(*_lacks(made["missing"]))


@achievement.command("sample")
def sample() -> None:
    """Print an achievement with all that is recommended, as JSON to change and add.

    Example: laurel achievement sample > first-aid.json
    """
    give(SAMPLE)


def _lacks(missing: list[str]) -> list[str]:
    if not missing:
        return ["It states all that is recommended for European micro-credentials."]
    return ["Recommended for European micro-credentials, and missing:", *[f"  {path}" for path in missing]]
