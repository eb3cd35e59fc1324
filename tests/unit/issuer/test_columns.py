"""Columns are what their names say, in several languages, or what somebody says that they are."""

import pytest

from services.issuer.domain.columns import columns_of, mapping_of, unsaid
from shared.errors import Invalid


@pytest.mark.parametrize(
    "header",
    [
        ["Name", "E-Mail"],
        ["FULL NAME", "email address"],
        ["Vollständiger Name", "E-Mail-Adresse"],
        ["Nom complet", "Courriel"],
        ["Nombre y apellidos", "Correo electrónico"],
        ["Nome e cognome", "Indirizzo e-mail"],
        ["learner_name", " Mail "],
    ],
)
def test_names_and_addresses_are_found_by_their_names(header: list[str]) -> None:
    assert columns_of(header, {}) == ["name", "email"]


def test_a_name_may_come_in_two_parts() -> None:
    assert columns_of(["Vorname", "Nachname", "Mail"], {}) == ["given_name", "family_name", "email"]


def test_what_is_said_of_a_column_goes_before_what_its_name_says() -> None:
    header = ["Mail", "Private mail", "Class"]
    columns = columns_of(header, {"Private mail": "email", "Class": ""})
    assert columns == ["", "email", ""]
    assert mapping_of(header, columns) == {"Private mail": "email"}
    assert unsaid(header, columns, {"Private mail": "email", "Class": ""}) == ["Mail"]


def test_what_a_file_of_errors_has_besides_is_not_read_again() -> None:
    header = ["email", "row", "column", "code", "error"]
    columns = columns_of(header, {})
    assert columns == ["email", "", "", "", ""]
    assert unsaid(header, columns, {}) == []


@pytest.mark.parametrize(
    ("header", "said", "code"),
    [
        (["email", "E-Mail"], {}, "column_twice"),
        (["name", "class"], {}, "recipient_column_missing"),
        (["email"], {"Mail": "email"}, "mapping_column_missing"),
        (["email"], {"email": "address"}, "mapping_unknown"),
        (["a", "b"], {"a": "email", "b": "email"}, "column_twice"),
        # It would be missing in the file of errors, and the error's code be read for it when that is sent again.
        (["Code", "email"], {"Code": "row_id"}, "mapping_reserved"),
    ],
)
def test_a_header_that_cannot_be_meant_is_refused(header: list[str], said: dict[str, str], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        columns_of(header, said)
    assert caught.value.code == code
