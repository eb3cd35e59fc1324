"""What the Kafka broker of deploy/kafka needs, and what it says when that is missing."""

from pathlib import Path

import pytest

from deploy.kafka.broker import HERE, MissingTool, fetch_jars, java


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


def test_a_missing_java_is_told_with_the_command_that_installs_it(path: Path) -> None:
    with pytest.raises(MissingTool, match=r"Java 17 or newer \(found none\): `apt-get install openjdk"):
        java()


@pytest.mark.parametrize(("printed", "found"), [('openjdk version "11.0.20"', 11), ('java version "1.8.0_401"', 8)])
def test_an_old_java_is_told_apart_from_none(path: Path, printed: str, found: int) -> None:
    program(path, "java", f"echo '{printed}' >&2")
    with pytest.raises(MissingTool, match=rf"\(found {found}\)"):
        java()


@pytest.mark.parametrize("printed", ['openjdk version "17.0.15" 2025-04-15', 'openjdk version "26-ea" 2026-03-17'])
def test_a_recent_java_is_taken(path: Path, printed: str) -> None:
    program(path, "java", f"echo '{printed}' >&2")
    assert java() == str(path / "java")


def test_a_missing_maven_is_told_with_the_command_that_installs_it(path: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingTool, match="`apt-get install maven`"):
        fetch_jars(tmp_path / "libs")


def test_maven_works_from_its_cache_when_there_is_no_network(path: Path, tmp_path: Path) -> None:
    program(
        path,
        "mvn",
        f'case "$*" in *" -o") echo jar > {tmp_path}/libs.jar ;; *) exit 1 ;; esac; /bin/mkdir -p {tmp_path}/libs',
    )
    fetch_jars(tmp_path / "libs")
    assert (tmp_path / "libs.jar").exists()


def test_what_maven_says_is_told_when_it_fails(path: Path, tmp_path: Path) -> None:
    program(path, "mvn", "echo 'no such artefact' >&2; exit 1")
    with pytest.raises(RuntimeError, match="no such artefact"):
        fetch_jars(tmp_path / "libs")


def test_jars_are_fetched_once_and_again_when_the_pom_changes(path: Path, tmp_path: Path) -> None:
    libs, calls = tmp_path / "libs", tmp_path / "calls"
    program(path, "mvn", f"echo called >> {calls}; /bin/mkdir -p {libs}")
    fetch_jars(libs)
    fetch_jars(libs)
    assert calls.read_text() == "called\n"
    (libs / "pom.xml").write_text((HERE / "pom.xml").read_text().replace("4.3.1", "4.2.0"))
    fetch_jars(libs)
    assert calls.read_text() == "called\ncalled\n"
