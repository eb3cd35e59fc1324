"""`python -m services.registry api|worker|all|migrate|topics`."""

from services.registry.app import SERVICE
from shared.service import main

main(SERVICE)
