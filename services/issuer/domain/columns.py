"""Which column of a file of learners is what: as it was said, or guessed by its name in several languages."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from shared.errors import Invalid

Target = Literal[
    "name", "given_name", "family_name", "email", "id", "valid_from", "valid_until", "renewable_until",
    "row_id", "nth", "json",
]  # fmt: skip
TARGETS: tuple[Target, ...] = get_args(Target)
# What a file of errors has besides what was sent: it is not read again.
TOLD = ("row", "column", "code", "error")

# English, German, French, Spanish, Italian, Dutch, Portuguese; without accents, `_` for what is no letter.
_NAMES: Mapping[Target, str] = {
    "name": "name full_name fullname learner learner_name recipient recipient_name student student_name participant "
    "vollstandiger_name vor_und_nachname teilnehmer nom_complet nombre_completo nombre_y_apellidos nome_completo "
    "nome_e_cognome volledige_naam naam nome",
    "given_name": "given_name first_name firstname forename vorname prenom nombre nome_proprio voornaam",
    "family_name": "family_name last_name lastname surname nachname familienname nom nom_de_famille apellido apellidos "
    "cognome achternaam sobrenome apelido",
    "email": "email e_mail mail email_address e_mail_address mail_address emailaddress learner_email recipient_email "
    "student_email e_mail_adresse email_adresse mailadresse courriel adresse_e_mail adresse_mail adresse_electronique "
    "correo correo_electronico posta_elettronica indirizzo_e_mail e_mailadres emailadres endereco_de_email",
    "id": "id did recipient_id learner_id subject_id",
    "valid_from": "valid_from validfrom issued_on issue_date gultig_ab gultig_von valable_du valido_desde valido_dal",
    "valid_until": "valid_until validuntil valid_to expires expires_on expiry expiry_date expiration_date gultig_bis "
    "valable_jusqu_au valido_hasta valido_fino_al geldig_tot",
    "renewable_until": "renewable_until erneuerbar_bis renouvelable_jusqu_au renovable_hasta rinnovabile_fino_al",
    "row_id": "row_id row_key external_id",
    "nth": "nth",
    "json": "json",
}
_GUESSES: dict[str, Target] = {name: target for target, names in _NAMES.items() for name in names.split()}
# The address, the id, or a whole row that has one of them.
_SAY_WHOSE = {"email", "id", "json"}


def columns_of(header: Sequence[str], said: Mapping[str, str]) -> list[str]:
    """Return what each column is, '' for one that is ignored.

    `said` maps names of columns to what they are ('' to ignore them); the other columns are guessed by their names.
    Raises Invalid where a column that was said is not there or is one of TOLD, two columns are the same, or none says
    whose badge it is.
    """
    _refuse_unknown(header, said)
    taken = set(said.values())
    found = [said[name] if name in said else _guess(name, taken) for name in header]
    for target in TARGETS:
        places = [place for place, each in enumerate(found) if each == target]
        if len(places) > 1:
            detail = f"Two columns are '{target}': the {places[0] + 1}. and the {places[1] + 1}."
            raise Invalid("column_twice", detail, row=1, column=header[places[1]])
    if not _SAY_WHOSE & set(found):
        detail = "There is no column for the email and none for the id; one of them must say whose badge it is."
        raise Invalid("recipient_column_missing", detail, row=1)
    return found


def unsaid(header: Sequence[str], columns: Sequence[str], said: Mapping[str, str]) -> list[str]:
    """Return the names of columns that are ignored without anybody having said so."""
    ignored = [name for name, column in zip(header, columns, strict=True) if not column]
    return [name for name in ignored if name not in said and normal(name) not in TOLD]


def mapping_of(header: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    """Return what each column that is read is, by its name in the file."""
    return {name: column for name, column in zip(header, columns, strict=True) if column}


def normal(name: str) -> str:
    """Return a column's name in small letters without accents, `_` for what is neither letter nor digit."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return re.sub(r"[\W_]+", "_", "".join(each for each in plain if not unicodedata.combining(each))).strip("_")


def _guess(name: str, taken: set[str]) -> str:
    target = _GUESSES.get(normal(name), "")
    return "" if target in taken else target


def _refuse_unknown(header: Sequence[str], said: Mapping[str, str]) -> None:
    for name, target in said.items():
        if target and target not in TARGETS:
            detail = f"'{target[:50]}' is nothing that a column can be: {', '.join(TARGETS)}, or nothing to be ignored."
            raise Invalid("mapping_unknown", detail, column=name)
        if target and normal(name) in TOLD:
            detail = f"The columns {', '.join(TOLD)} are those that a file of errors adds: give this one another name."
            raise Invalid("mapping_reserved", detail, column=name)
        if name not in header:
            detail = f"The mapping names a column that the file lacks: '{name[:50]}'."
            raise Invalid("mapping_column_missing", detail, column=name)
