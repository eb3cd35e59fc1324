"""Pages for people that join what the services publish; it knows their public APIs alone, and owns a day's spans."""
