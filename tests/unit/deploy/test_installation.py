"""An installation is found by its folder, keeps what it was made with, and is refused early where it can't run."""

import shutil
import socket
from pathlib import Path

import pytest

from deploy.embedded import preflight
from deploy.embedded.installation import Installation, SetupError, find
from deploy.embedded.programs import programs
from tests.support.ports import free_port


def environment(home: Path, **variables: str) -> dict[str, str]:
    # make passes variables that nobody set as empty ones.
    return {"LAUREL_HOME": str(home), "PORT": "", "BROKER": "", **variables}


def test_ports_follow_the_base(tmp_path: Path) -> None:
    found = find(environment(tmp_path, PORT="9000"))
    assert list(found.urls.values()) == [f"http://127.0.0.1:{port}" for port in range(9000, 9005)]
    assert find(environment(tmp_path)).url("registry") == "http://127.0.0.1:8002"


def test_kafka_has_ports_of_its_own(tmp_path: Path) -> None:
    assert set(find(environment(tmp_path)).ports) == {"console", "issuer", "registry", "verifier", "notifier"}
    ports = find(environment(tmp_path, BROKER="kafka")).ports
    assert {"kafka", "kafka-controller"} < set(ports)
    assert len(set(ports.values())) == len(ports)


def test_what_it_was_made_with_stays(tmp_path: Path) -> None:
    find(environment(tmp_path, PORT="9000", BROKER="kafka")).prepare()
    assert find(environment(tmp_path)) == Installation(tmp_path.resolve(), 9000, "kafka")
    for other in ({"PORT": "9010"}, {"BROKER": "embedded"}):
        with pytest.raises(SetupError, match="PORT=9000 BROKER=kafka"):
            find(environment(tmp_path, **other))


@pytest.mark.parametrize("variables", [{"PORT": "http"}, {"PORT": "80"}, {"PORT": "65535"}, {"BROKER": "rabbit"}])
def test_values_that_cannot_be_used_are_refused(tmp_path: Path, variables: dict[str, str]) -> None:
    with pytest.raises(SetupError, match="="):
        find(environment(tmp_path, **variables))


def test_keys_are_made_once_and_for_us_alone(tmp_path: Path) -> None:
    installation = find(environment(tmp_path / "home"))
    installation.prepare()
    keys = [installation.operator_key_file, installation.sealing_key_file]
    before = [key.read_text() for key in keys]
    installation.prepare()
    assert before == [key.read_text() for key in keys]
    assert all(path.stat().st_mode & 0o077 == 0 for path in [installation.home, *keys])


def test_a_taken_port_is_named_with_a_base_that_is_free(tmp_path: Path) -> None:
    base = free_port()
    with (
        socket.create_server(("127.0.0.1", base + 2)),
        pytest.raises(SetupError, match=rf"{base + 2} \(registry\)") as it,
    ):
        preflight.check(Installation(tmp_path, base, "embedded"))
    assert "make up PORT=" in str(it.value)


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5_000_000))
    with pytest.raises(SetupError, match="5 MB are free"):
        preflight.check(Installation(tmp_path / "not" / "there" / "yet", free_port(), "embedded"))


def test_a_missing_java_is_named_with_the_way_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(SetupError, match="BROKER=embedded"):
        preflight.check(Installation(tmp_path, preflight.free_base(22_000), "kafka"))


def endpoints(tmp_path: Path) -> dict[str, str | None]:
    made = programs(Installation(tmp_path, 9000, "embedded"), "postgresql://postgres@/postgres?host=/tmp/x")
    return {program.name: program.environment.get("LAUREL_OTLP_ENDPOINT") for program in made}


def test_services_send_their_spans_to_the_console_unless_the_caller_names_a_collector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAUREL_OTLP_ENDPOINT", raising=False)
    console = "http://127.0.0.1:9000"
    given = endpoints(tmp_path)
    assert {given[name] for name in ("issuer", "registry", "verifier", "notifier")} == {console}
    assert given["console"] is None, "it sends none to itself"
    monkeypatch.setenv("LAUREL_OTLP_ENDPOINT", "http://collector:4318")
    assert set(endpoints(tmp_path).values()) == {None}, "the caller's is inherited"


def test_secrets_reach_the_services_by_file(tmp_path: Path) -> None:
    installation = Installation(tmp_path, 9000, "kafka")
    installation.prepare()
    secrets = [path.read_text().strip() for path in (installation.operator_key_file, installation.sealing_key_file)]
    for program in programs(installation, "postgresql://postgres@/postgres?host=/tmp/x"):
        given = [*program.arguments, *program.environment.values()]
        assert not [value for value in given for secret in secrets if secret in value]
