"""Events from one service's transaction into another's, each with one effect, in the order of its key.

To be read in this order:

contract    events: every message and its topic; cloudevents: how it stands on the wire; describe: docs/events.md
write       outbox: a message stored with the change it tells of; relay: sends what is stored, says up to when all is
            sent; housekeeping: what a relay does beside
logs        ports: what a log promises; log: chooses one. PostgreSQL: embedded, embedded_reader, eventlog.sql, link.
            Apache Kafka: kafka, kafka_publisher, kafka_reader
read        inbox: a consumer; effect: its one transaction; positions: where it goes on; holding: what it could not
            handle; projections: copies of others' state, and how fresh they are
small parts brake: when a partition rests; watch: when a consumer stands still; pace: when to try again; shares: who
            does what; metrics: measures, and the kinds of alarm
"""
