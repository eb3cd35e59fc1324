"""`python -m services.issuer api|worker|all|migrate|topics`."""

from services.issuer.app import SERVICE
from shared.service import main

main(SERVICE)
