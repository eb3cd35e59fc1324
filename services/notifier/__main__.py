"""`python -m services.notifier api|worker|all|migrate|topics`."""

from services.notifier.app import SERVICE
from shared.service import main

main(SERVICE)
