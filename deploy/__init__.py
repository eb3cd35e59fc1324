"""How Laurel is run: embedded on one machine, on Apache Kafka, in containers."""
