"""The registry's decisions, pure: which versions are new, which list was in force, what a badge's page says."""
