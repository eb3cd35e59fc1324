"""`python -m services.verifier api|worker|all|migrate|topics`."""

from services.verifier.app import SERVICE
from shared.service import main

main(SERVICE)
