"""Real parts for tests: PostgreSQL, Apache Kafka, and waiting without timing."""
