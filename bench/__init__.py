"""Measurements beside their anchors, as operations per CPU-second; never asserted in tests."""
