"""The verifier's decisions, pure: what is known, what it means for a badge, what the report says."""
