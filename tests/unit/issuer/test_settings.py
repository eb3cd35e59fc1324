"""What the issuer refuses to start with."""

import pytest

from services.issuer.settings import IssuerSettings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1"])
def test_an_institution_may_be_open_without_a_key_where_this_machine_alone_can_ask(host: str) -> None:
    assert IssuerSettings(host=host, vc_api_open_institution="suites").vc_api_open_institution == "suites"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "localhost", "badges.example"])  # refused
def test_it_does_not_start_with_an_open_institution_where_others_could_ask(host: str) -> None:
    assert IssuerSettings(host=host).vc_api_open_institution is None
    with pytest.raises(ValueError, match="loopback"):
        IssuerSettings(host=host, vc_api_open_institution="suites")
