"""Addresses of databases and roles."""

import pytest

from deploy.postgres import Stack, address


@pytest.mark.parametrize(
    ("admin", "expected"),
    [
        ("postgresql://postgres@/postgres?host=/tmp/x", "postgresql://u@/d?host=/tmp/x"),
        ("postgresql:///postgres?host=/tmp/x", "postgresql://u@/d?host=/tmp/x"),
        ("postgresql://postgres:secret@db:5433/postgres", "postgresql://u@db:5433/d"),
        ("postgresql://db", "postgresql://u@db/d"),
    ],
)
def test_another_login_replaces_the_admin_s_and_its_password(admin: str, expected: str) -> None:
    assert address(admin, "d", "u") == expected


def test_the_admin_s_login_stays_where_no_other_is_given() -> None:
    assert address("postgresql://postgres:secret@db/postgres", "d") == "postgresql://postgres:secret@db/d"


def test_a_password_may_hold_any_character() -> None:
    assert address("postgresql://db/x", "d", "u", "p@ss/w:rd?") == "postgresql://u:p%40ss%2Fw%3Ard%3F@db/d"


def test_stacks_with_different_prefixes_share_no_name() -> None:
    one, other = Stack("a", "a_"), Stack("b", "b_")
    assert one.role("issuer", "app") != other.role("issuer", "app")
    assert one.database("issuer") != other.database("issuer")


def test_passwords_do_not_show_when_a_stack_is_printed() -> None:
    assert "secret" not in repr(Stack(passwords={"issuer_app": "secret"}))
