"""TLS and SASL settings reach aiokafka."""

import ssl

from shared.messaging.kafka import client_options
from shared.settings import Settings


def test_without_settings_the_connection_is_plain() -> None:
    options = client_options(Settings(kafka_bootstrap="broker:9092"))
    assert options["bootstrap_servers"] == "broker:9092"
    assert options["security_protocol"] == "PLAINTEXT"
    assert "ssl_context" not in options


def test_sasl_and_tls_settings_are_passed_through() -> None:
    settings = Settings(
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="laurel",
        kafka_sasl_password="secret",
    )
    options = client_options(settings)
    assert isinstance(options["ssl_context"], ssl.SSLContext)
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("laurel", "secret")
