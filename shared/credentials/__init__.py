"""The pure credential core: documents, keys and times in; signed documents, checks and reports out."""
