"""The promises, tested with real parts."""
