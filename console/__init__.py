"""Pages for people that join what the services publish; it owns no data and knows the services' public APIs alone."""
