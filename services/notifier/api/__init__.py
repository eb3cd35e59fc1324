"""The notifier's routes, thin, and their wire schemas."""
