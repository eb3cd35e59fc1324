"""All SQL of the notifier and nothing but SQL."""
