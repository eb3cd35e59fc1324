"""`python -m console`."""

from console.app import running
from console.settings import ConsoleSettings
from shared import telemetry
from shared.web.server import run_until_told

settings = ConsoleSettings()
telemetry.configure("console", settings.otlp_endpoint)
run_until_told(running(settings))
