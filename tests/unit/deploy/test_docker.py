"""What the composed stack rests on: keys that are made once, and images that both its files name alike."""

import json
from pathlib import Path

import pytest

from deploy.docker.keys import make
from deploy.docker.standins import HERE, IMAGES
from deploy.embedded.installation import ROOT
from tests.support import kafka_container


def test_keys_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    assert set(make(tmp_path)) == {"operator", "sealing", "postgres", "passwords.json", "pgpass"}
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert make(tmp_path) == []
    assert before == {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_every_role_finds_the_password_that_it_is_made_with(tmp_path: Path) -> None:
    make(tmp_path)
    lines = [line.split(":") for line in (tmp_path / "pgpass").read_text().splitlines()]
    known = {role: password for _, _, _, role, password in lines}
    assert known.pop("postgres") == (tmp_path / "postgres").read_text().strip()
    passwords = json.loads((tmp_path / "passwords.json").read_text())
    assert known == {f"laurel_{name}": password for name, password in passwords.items()}


def test_passwords_that_were_lost_in_part_are_not_made_anew(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "pgpass").unlink()
    with pytest.raises(FileNotFoundError, match="pgpass"):
        make(tmp_path)


@pytest.mark.parametrize("variable", IMAGES)
def test_an_image_has_one_name_everywhere_and_a_stand_in(variable: str) -> None:
    assert f"${{{variable}:-{IMAGES[variable]}}}" in (ROOT / "docker-compose.yml").read_text()
    assert (HERE / IMAGES[variable].partition(":")[0].rpartition("/")[2] / "Dockerfile").exists()


def test_tests_and_the_composed_stack_use_one_kafka() -> None:
    assert IMAGES["KAFKA_IMAGE"] == kafka_container.IMAGE
    assert f"BASE={IMAGES['PYTHON_IMAGE']}\n" in (ROOT / "Dockerfile").read_text()
