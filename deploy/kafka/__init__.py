"""A real Apache Kafka broker without Docker, from Maven's jars and the Java that is installed."""
